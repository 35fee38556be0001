//! The sender: a loop without input that takes what is due, delivers it, and writes down how it ended.
//!
//! Several senders may run; a lease keeps each delivery with one of them. A sender that dies leaves its lease to
//! run out. Nothing is sent twice unless a process dies between the server's "250" and the commit that follows:
//! then the same Message-ID, or the same webhook-id, goes out again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tuntas_domain::PositionId;
use tuntas_kit::{
    clock::Clock,
    database::{ANSWER_WITHIN, within},
    directory::DirectoryReader,
    ids,
    problem::Problem,
    telemetry,
};
use uuid::Uuid;

use crate::{
    config,
    contacts::Contacts,
    facts::Facts,
    hook::HookCaller,
    mailer::Mailer,
    metrics::Metrics,
    outcome::Outcome,
    store::{
        sending::{self, Leased},
        webhooks,
    },
    template::{self, Language},
};

/// A position's agency hardly ever changes: of mails that go out together, one asks.
const DIRECTORY_AGE_MAX: Duration = Duration::from_secs(1);
const DIRECTORY_AGE_LIMIT: Duration = Duration::from_secs(10);

/// Everything that a sender needs.
#[derive(Clone)]
pub struct Sender {
    /// The database.
    pub pool: PgPool,
    /// Business time, for the date of a mail and for who holds a position.
    pub clock: Clock,
    /// Agencies of positions.
    pub directory: DirectoryReader,
    /// Asks where recipients can be reached.
    pub contacts: Contacts,
    /// Sends mails.
    pub mailer: Mailer,
    /// Calls webhooks.
    pub hooks: HookCaller,
    /// Counts.
    pub metrics: Metrics,
    /// Limits and waits.
    pub settings: config::Sender,
    /// Named in every mail.
    pub portal_url: String,
    /// Wakes the sender when something was planned.
    pub planned: Arc<Notify>,
}

impl Sender {
    /// Sends until `stop`. What is on its way is finished first.
    ///
    /// # Errors
    /// None: a database that is away is waited for.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            let taken = match self.round().await {
                Ok(taken) => taken,
                Err(error) => {
                    tracing::warn!(error.chain = %telemetry::chain(&error), "sending has to wait");
                    0
                }
            };
            if taken > 0 {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.planned.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(self.settings.poll_interval_ms)) => {}
            }
        }
        Ok(())
    }

    /// Takes what is due, once, and delivers it. Returns how much that was.
    ///
    /// # Errors
    /// The database's.
    pub async fn round(&self) -> Result<usize, Problem> {
        let lease_id = ids::new_id();
        let leased_at = Instant::now();
        let (limit, lease_ms) = (
            i64::from(self.settings.lease_batch_max),
            i64::from(self.settings.lease_ms),
        );
        // One statement is a transaction of its own, here and where an outcome is recorded.
        let leased: Vec<Leased> = within(ANSWER_WITHIN, async {
            sending::lease(&mut *self.pool.acquire().await?, lease_id, limit, lease_ms).await
        })
        .await?;
        let taken = leased.len();
        let outcomes = stream::iter(leased)
            .map(|delivery| self.deliver(lease_id, leased_at, delivery))
            .buffer_unordered(self.settings.concurrency_max.max(1))
            .collect::<Vec<_>>()
            .await;
        outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(taken)
    }

    async fn deliver(&self, lease_id: Uuid, leased_at: Instant, delivery: Leased) -> Result<(), Problem> {
        // What waited too long for its turn is put back, before another sender may take it as well.
        let half = Duration::from_millis(u64::from(self.settings.lease_ms) / 2);
        let outcome = if leased_at.elapsed() > half {
            Outcome::not_now("lease_short")
        } else {
            self.attempt(&delivery).await
        };
        self.record(lease_id, &delivery, outcome).await
    }

    async fn attempt(&self, delivery: &Leased) -> Outcome {
        let tried = match delivery.recipient_kind.as_str() {
            "reporter" => self.to_reporter(delivery).await,
            "position" => self.to_position(delivery).await,
            "webhook" => self.to_webhook(delivery).await,
            _ => Ok(Outcome::give_up("recipient_unknown")),
        };
        tried.unwrap_or_else(|problem| {
            tracing::warn!(
                delivery.id = %delivery.delivery_id,
                error.chain = %telemetry::chain(&problem),
                "a delivery could not be tried"
            );
            Outcome::not_now("database_away")
        })
    }

    async fn to_reporter(&self, delivery: &Leased) -> Result<Outcome, Problem> {
        let Ok(report) = delivery.recipient_id.parse() else {
            return Ok(Outcome::give_up("recipient_invalid"));
        };
        let holds_code = delivery.template == template::RECEIPT_RECOVERED;
        let receipt_event = holds_code.then_some(delivery.event_id);
        let contact = match self.contacts.reporter(report, receipt_event).await {
            Ok(contact) => contact,
            Err(outcome) => return Ok(outcome),
        };
        let mut more = vec![("ticket", contact.ticket)];
        if holds_code {
            if contact.receipt_code.is_empty() {
                return Ok(Outcome::skip("superseded"));
            }
            more.push(("receipt_code", contact.receipt_code));
        }
        Ok(self.mail(delivery, &contact.email, contact.language, more).await)
    }

    async fn to_position(&self, delivery: &Leased) -> Result<Outcome, Problem> {
        let Ok(position) = delivery.recipient_id.parse::<PositionId>() else {
            return Ok(Outcome::give_up("recipient_invalid"));
        };
        let recent = self
            .directory
            .recent(&self.pool, DIRECTORY_AGE_MAX, DIRECTORY_AGE_LIMIT);
        let directory = recent.await?;
        let opd = directory
            .directory
            .positions
            .get(&position)
            .and_then(|position| position.opd.clone());
        match self.contacts.position(&position, opd.as_ref(), self.clock.now()).await {
            Ok(email) => Ok(self.mail(delivery, &email, Language::Indonesian, Vec::new()).await),
            Err(outcome) => Ok(outcome),
        }
    }

    /// `more`: values that are kept nowhere and come from who was asked just now.
    async fn mail(
        &self,
        delivery: &Leased,
        to: &str,
        language: Language,
        more: Vec<(&'static str, String)>,
    ) -> Outcome {
        let Ok(facts) = Facts::from_json(&delivery.facts) else {
            return Outcome::give_up("facts_invalid");
        };
        let mut values = facts.in_words(language);
        values.insert("portal", self.portal_url.clone());
        values.extend(more);
        match template::render(&delivery.template, language, &values) {
            Ok(mail) => self.mailer.send(delivery.delivery_id, to, mail, self.clock.now()).await,
            Err(error) => {
                tracing::error!(delivery.id = %delivery.delivery_id, error = %error, "a mail could not be written");
                Outcome::give_up("template_invalid")
            }
        }
    }

    async fn to_webhook(&self, delivery: &Leased) -> Result<Outcome, Problem> {
        let Ok(webhook_id) = delivery.recipient_id.parse() else {
            return Ok(Outcome::give_up("recipient_invalid"));
        };
        // One delivery that waits for ever would keep all others waiting.
        let target = within(ANSWER_WITHIN, async {
            webhooks::target(&mut *self.pool.acquire().await?, webhook_id).await
        });
        let target = target.await?;
        Ok(match target {
            Some(target) if !target.deleted => {
                self.hooks
                    .call(
                        delivery.delivery_id,
                        &target.url,
                        &target.secret,
                        delivery.facts.clone(),
                    )
                    .await
            }
            _ => Outcome::skip("webhook_deleted"),
        })
    }

    async fn record(&self, lease_id: Uuid, delivery: &Leased, outcome: Outcome) -> Result<(), Problem> {
        let end = self.end_of(delivery, outcome);
        let (delivery_id, at) = (delivery.delivery_id, self.clock.now());
        self.metrics.count(&delivery.recipient_kind, end.status());
        if let End::GivenUp(reason) = &end {
            tracing::warn!(delivery.id = %delivery_id, reason, tries = delivery.tries, "a delivery was given up");
        }
        let recording = within(ANSWER_WITHIN, async {
            let mut conn = self.pool.acquire().await?;
            match &end {
                End::Sent => sending::settle(&mut conn, lease_id, delivery_id, "sent", None, at).await,
                End::Skipped(reason) => {
                    sending::settle(&mut conn, lease_id, delivery_id, "skipped", Some(reason), at).await
                }
                End::GivenUp(reason) => {
                    sending::settle(&mut conn, lease_id, delivery_id, "given_up", Some(reason), at).await
                }
                End::Later {
                    reason,
                    wait_ms,
                    counts,
                } => sending::put_back(&mut conn, lease_id, delivery_id, reason, *wait_ms, *counts).await,
            }
        });
        if !recording.await? {
            tracing::warn!(delivery.id = %delivery_id, "a delivery's lease ran out while it was being sent");
        }
        Ok(())
    }

    /// What becomes of a delivery after this try.
    fn end_of(&self, delivery: &Leased, outcome: Outcome) -> End {
        match outcome {
            Outcome::Sent => End::Sent,
            Outcome::Skipped(reason) => End::Skipped(reason),
            Outcome::GiveUp(reason) => End::GivenUp(reason),
            Outcome::Retry { reason, counts } => {
                let too_old = delivery.age_s >= u64::from(self.settings.give_up_after_h) * 3600;
                if counts && (delivery.tries >= self.settings.tries_max || too_old) {
                    return End::GivenUp(reason);
                }
                End::Later {
                    wait_ms: self.wait_ms(if counts { delivery.tries } else { 1 }),
                    reason,
                    counts,
                }
            }
        }
    }

    /// Doubles with every try up to the maximum; then a fifth more or less, so that deliveries that failed
    /// together do not come back together.
    fn wait_ms(&self, tries: u32) -> i64 {
        let doubled = self
            .settings
            .retry_first_ms
            .saturating_mul(1 << tries.saturating_sub(1).min(30));
        let base = doubled.min(self.settings.retry_max_ms);
        let [random] = ids::random_bytes::<1>();
        let jittered = base * 4 / 5 + base * 2 / 5 * u64::from(random) / 255;
        i64::try_from(jittered).unwrap_or(i64::MAX)
    }
}

/// What is written down after a try.
enum End {
    Sent,
    Skipped(String),
    GivenUp(String),
    Later { reason: String, wait_ms: i64, counts: bool },
}

impl End {
    const fn status(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Skipped(_) => "skipped",
            Self::GivenUp(_) => "given_up",
            Self::Later { .. } => "retried",
        }
    }
}
