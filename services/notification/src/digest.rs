//! The morning mail: on every working day each position is told what it must do by the end of the next working day, and what
//! is late already. Cases are asked for in routing, which knows who answers for which deadline; nothing of a report is in it.
//!
//! A task without input: it looks at the day, and does once what the day wants.

use std::{collections::BTreeMap, time::Duration};

use sqlx::PgPool;
use time::{Date, OffsetDateTime};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tuntas_domain::{
    CategoryCode, PositionId,
    calendar::{Calendar, wib, wib_date, wib_midnight},
};
use tuntas_kit::{
    clock::Clock,
    database::{ANSWER_WITHIN, within},
    directory::DirectoryReader,
    problem::Problem,
    reconciler::{self, Next},
    tx,
};
use tuntas_proto::{routing::v1::DueClock, wire_time::instant};
use uuid::Uuid;

use crate::{
    config,
    consume::with_preferences,
    contacts::Contacts,
    facts::{Facts, moment},
    plan::{Mail, Recipient, title},
    store::{deliveries, digest_days},
    template::{DIGEST, Language},
    words,
};

/// Days without a working day after which the calendar is not believed.
const DAYS_AHEAD_MAX: usize = 31;
/// Where the ids of the days' "events" begin; a day's is this and its Julian day.
const DAY_IDS: u128 = 0x7475_6e74_6173_8000_8000_0000_0000_0000;

/// Plans the morning mails.
pub struct Digest {
    /// The database.
    pub pool: PgPool,
    /// Business time.
    pub clock: Clock,
    /// Calendar, and titles of positions.
    pub directory: DirectoryReader,
    /// Asks routing.
    pub contacts: Contacts,
    /// When, and how much.
    pub settings: config::Digest,
}

impl Digest {
    /// Plans until `stop`.
    ///
    /// # Errors
    /// None.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let every = Duration::from_millis(self.settings.poll_interval_ms);
        reconciler::run("morning mails", every, &Notify::new(), stop, || async {
            self.round().await.map(|_| Next::Later)
        })
        .await
    }

    /// Plans what this day wants, if it is time and was not done. Returns how many mails that were.
    ///
    /// # Errors
    /// The database's, or routing is away.
    pub async fn round(&self) -> Result<usize, Problem> {
        let now = self.clock.now();
        let today = wib_date(now);
        if now.to_offset(wib()).hour() < self.settings.hour {
            return Ok(0);
        }
        let snapshot = self.directory.now(&self.pool).await?;
        if !snapshot.calendar.is_working_day(today) || self.is_planned(today).await? {
            return Ok(0);
        }
        let Some(until) = end_of_next_working_day(&snapshot.calendar, today) else {
            return Ok(0);
        };
        let mut by_position: BTreeMap<PositionId, Vec<DueClock>> = BTreeMap::new();
        for clock in self.contacts.due_before(until).await? {
            if let Ok(position) = clock.position_id.parse() {
                by_position.entry(position).or_default().push(clock);
            }
        }
        let lines_max = self.settings.lines_max;
        let mails: Vec<(Uuid, Mail)> = by_position
            .into_iter()
            .map(|(position, clocks)| {
                let title = title(&position, &snapshot);
                let mail = mail(position, title, &clocks, now, lines_max, |code| {
                    let category = code
                        .parse()
                        .ok()
                        .and_then(|code: CategoryCode| snapshot.categories.get(&code));
                    category.map_or_else(|| code.to_owned(), |category| category.name_id.clone())
                });
                (id_of(today), mail)
            })
            .collect();
        let planned = mails.len();
        let done = tx::run(&self.pool, move |conn| {
            Box::pin(async move {
                if !digest_days::take(conn, today, now).await? {
                    return Ok(false);
                }
                let ready = with_preferences(conn, mails).await?;
                deliveries::plan(conn, &ready, now).await?;
                Ok::<_, Problem>(true)
            })
        })
        .await?;
        if !done {
            return Ok(0);
        }
        tracing::info!(positions = planned, "planned the morning mails");
        Ok(planned)
    }

    async fn is_planned(&self, day: Date) -> sqlx::Result<bool> {
        within(ANSWER_WITHIN, async {
            digest_days::is_planned(&mut *self.pool.acquire().await?, day).await
        })
        .await
    }
}

fn id_of(day: Date) -> Uuid {
    Uuid::from_u128(DAY_IDS | u128::from(day.to_julian_day().unsigned_abs()))
}

/// The end of the first working day after a day.
fn end_of_next_working_day(calendar: &Calendar, today: Date) -> Option<OffsetDateTime> {
    let mut day = today;
    for _ in 0..DAYS_AHEAD_MAX {
        day = day.next_day()?;
        if calendar.is_working_day(day) {
            return Some(wib_midnight(day.next_day()?));
        }
    }
    None
}

fn mail(
    position: PositionId,
    title: String,
    clocks: &[DueClock],
    now: OffsetDateTime,
    lines_max: usize,
    category: impl Fn(&str) -> String,
) -> Mail {
    let is_late = |clock: &&DueClock| clock.due_at.as_ref().and_then(instant).is_some_and(|due| due <= now);
    let late = clocks.iter().filter(is_late).count();
    let lines = clocks.iter().take(lines_max).map(|clock| {
        let due = clock.due_at.as_ref().and_then(instant);
        // Officers are written to in Indonesian.
        format!(
            "- {}: {} ({}), kasus {}",
            due.map_or_else(String::new, |due| moment(due, Language::Indonesian)),
            words::of(&format!("clock.{}", clock.kind), Language::Indonesian),
            category(&clock.category_code),
            clock.case_id,
        )
    });
    let mut lines: Vec<String> = lines.collect();
    if clocks.len() > lines_max {
        lines.push(format!("- dan {} lagi", clocks.len() - lines_max));
    }
    let facts = Facts::new()
        .text("position", title)
        .text("late", late.to_string())
        .text("soon", (clocks.len() - late).to_string())
        .text("lines", lines.join("\n"));
    Mail {
        recipient: Recipient::Position(position),
        template: DIGEST,
        facts,
        case_id: None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use time::macros::{date, datetime};
    use tuntas_proto::wire_time::timestamp;

    use super::*;

    #[test]
    fn friday_looks_to_the_end_of_monday() {
        let calendar = Calendar::new(1, 2027, []);
        let end = end_of_next_working_day(&calendar, date!(2026 - 11 - 20)).unwrap();
        assert_eq!(end, wib_midnight(date!(2026 - 11 - 24)));
    }

    #[test]
    fn a_mail_counts_what_is_late_and_names_no_more_than_it_may() {
        let clock = |due| DueClock {
            case_id: "0193e2a0-0000-7000-8000-000000000000".to_owned(),
            kind: "acceptance".to_owned(),
            due_at: Some(timestamp(due)),
            category_code: "jalan".to_owned(),
            ..DueClock::default()
        };
        let clocks = [
            clock(datetime!(2026-11-22 17:00 UTC)),
            clock(datetime!(2026-11-24 17:00 UTC)),
            clock(datetime!(2026-11-25 17:00 UTC)),
        ];
        let now = datetime!(2026-11-24 00:30 UTC);
        let position = "dishub.sekretaris".parse().unwrap();
        let mail = mail(position, "Sekretaris".to_owned(), &clocks, now, 2, |_| {
            "Jalan".to_owned()
        });
        let words = mail.facts.in_words(Language::Indonesian);
        assert_eq!((words["late"].as_str(), words["soon"].as_str()), ("1", "2"));
        assert_eq!(words["lines"].lines().count(), 3);
        assert!(words["lines"].starts_with("- Minggu, 22 November 2026: penerimaan disposisi (Jalan), kasus 0193"));
        assert!(words["lines"].ends_with("- dan 1 lagi"));
    }

    #[test]
    fn each_day_has_an_id_of_its_own() {
        assert_ne!(id_of(date!(2026 - 11 - 24)), id_of(date!(2026 - 11 - 25)));
    }
}
