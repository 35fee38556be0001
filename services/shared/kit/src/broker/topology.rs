//! Exchanges, queues and bindings of the platform, declared in one place.
//!
//! Re-declaring a queue with other arguments fails (406), so a change here is a migration. All queues are
//! quorum queues without a length limit: one full queue would refuse everybody's publish. Dead letters are
//! moved at least once, which needs all three of dead-letter exchange, `reject-publish` and the strategy.
//! The delivery limit is high because a dropped connection counts against it; tries are counted in the inbox.
//! These arguments are understood alike by RabbitMQ 3.10 to 4.x.

use futures::future::try_join_all;
use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tuntas_domain::OpdCode;

use super::{BrokerError, Link};
use crate::event::{COMMANDS, DEAD, EVENTS, WORK};

/// What intake tells routing.
pub const ROUTING_INTAKE: &str = "routing.intake";
/// What desks ask of routing.
pub const ROUTING_COMMANDS: &str = "routing.commands";
/// What became of the cases, for intake.
pub const INTAKE_CASES: &str = "intake.cases";
/// Everything, for notification.
pub const NOTIFICATION_EVENTS: &str = "notification.events";
/// Everything, for the oversight log.
pub const OVERSIGHT_EVENTS: &str = "oversight.events";
/// The dead letters of queue `q` are in `q` with this suffix.
pub const DEAD_SUFFIX: &str = ".dead";

const DELIVERY_LIMIT: i32 = 1_000;
/// Looking at dead letters delivers them and puts them back, which must never remove one.
const DEAD_DELIVERY_LIMIT: i32 = 1_000_000;

/// One queue and what it listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Name.
    pub name: String,
    /// Exchanges it is bound to, each with a pattern.
    pub bindings: Vec<(&'static str, String)>,
    /// Whether only one consumer at a time is served, which keeps order over replicas.
    pub single_active_consumer: bool,
}

/// The queue of an agency's work.
#[must_use]
pub fn opd_queue(opd: &OpdCode) -> String {
    format!("opd.{opd}.cases")
}

/// The queue of a queue's dead letters.
#[must_use]
pub fn dead_queue(queue: &str) -> String {
    format!("{queue}{DEAD_SUFFIX}")
}

/// Every queue of the platform, for these agencies.
#[must_use]
pub fn queues(opds: &[OpdCode]) -> Vec<QueueSpec> {
    let centre: [(&str, &[(&'static str, &str)]); 5] = [
        (ROUTING_INTAKE, &[(EVENTS, "intake.#")]),
        (ROUTING_COMMANDS, &[(COMMANDS, "opd.*.commands")]),
        (INTAKE_CASES, &[(EVENTS, "routing.#")]),
        (NOTIFICATION_EVENTS, &[(EVENTS, "#")]),
        // A command is the cause of a case event, and no event stands in the log before its cause.
        (OVERSIGHT_EVENTS, &[(EVENTS, "#"), (COMMANDS, "#")]),
    ];
    let centre = centre.into_iter().map(|(name, bindings)| QueueSpec {
        name: name.to_owned(),
        bindings: bindings
            .iter()
            .map(|(exchange, pattern)| (*exchange, (*pattern).to_owned()))
            .collect(),
        single_active_consumer: false,
    });
    // A desk may read no other queue, so what it must know of directory, policy and calendar comes by its own.
    let desks = opds.iter().map(|opd| QueueSpec {
        name: opd_queue(opd),
        bindings: std::iter::once((WORK, opd_queue(opd)))
            .chain(
                ["routing.directory.#", "routing.policy.#", "routing.calendar.#"].map(|key| (EVENTS, key.to_owned())),
            )
            .collect(),
        single_active_consumer: true,
    });
    centre.chain(desks).collect()
}

impl QueueSpec {
    /// Whether a message with this address belongs into the queue.
    #[must_use]
    pub fn takes(&self, exchange: &str, routing_key: &str) -> bool {
        self.bindings
            .iter()
            .any(|(bound, pattern)| *bound == exchange && matches(pattern, routing_key))
    }
}

/// Whether a routing key matches the pattern of a topic binding: words between dots, `*` one word, `#` none or more
/// (AMQP 0-9-1, 3.1.3.3).
fn matches(pattern: &str, key: &str) -> bool {
    fn words(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((&"#", rest)), _) => (0..=key.len()).any(|taken| words(rest, key.get(taken..).unwrap_or_default())),
            (Some((word, rest)), Some((first, others))) => (*word == "*" || word == first) && words(rest, others),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
    words(
        &pattern.split('.').collect::<Vec<_>>(),
        &key.split('.').collect::<Vec<_>>(),
    )
}

pub(super) async fn declare(link: &Link, opds: &[OpdCode]) -> Result<(), BrokerError> {
    let channel = link.connection.create_channel().await?;
    for exchange in [EVENTS, WORK, COMMANDS, DEAD] {
        declare_exchange(&channel, exchange).await?;
    }
    for queue in queues(opds) {
        let dead = dead_queue(&queue.name);
        declare_queue(&channel, &dead, dead_arguments()).await?;
        bind(&channel, &dead, DEAD, &queue.name).await?;
        declare_queue(&channel, &queue.name, arguments(&queue)).await?;
        for (exchange, pattern) in &queue.bindings {
            bind(&channel, &queue.name, exchange, pattern).await?;
        }
    }
    Ok(())
}

pub(super) async fn depths(link: &Link, queues: &[String]) -> Result<Vec<u32>, BrokerError> {
    let channel = link.connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asked = queues
        .iter()
        .map(|queue| channel.queue_declare(queue.as_str().into(), options, FieldTable::default()));
    let found = try_join_all(asked).await?;
    channel.close(200, "done".into()).await?;
    Ok(found.iter().map(lapin::Queue::message_count).collect())
}

fn arguments(queue: &QueueSpec) -> FieldTable {
    let mut table = quorum(DELIVERY_LIMIT);
    table.insert("x-dead-letter-exchange".into(), text(DEAD));
    table.insert("x-dead-letter-routing-key".into(), text(&queue.name));
    table.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    table.insert("x-overflow".into(), text("reject-publish"));
    if queue.single_active_consumer {
        table.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    }
    table
}

fn dead_arguments() -> FieldTable {
    quorum(DEAD_DELIVERY_LIMIT)
}

fn quorum(delivery_limit: i32) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), text("quorum"));
    table.insert("x-delivery-limit".into(), AMQPValue::LongInt(delivery_limit));
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn declare_exchange(channel: &Channel, exchange: &str) -> Result<(), BrokerError> {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    Ok(channel
        .exchange_declare(exchange.into(), ExchangeKind::Topic, options, FieldTable::default())
        .await?)
}

async fn declare_queue(channel: &Channel, queue: &str, arguments: FieldTable) -> Result<(), BrokerError> {
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel.queue_declare(queue.into(), options, arguments).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, pattern: &str) -> Result<(), BrokerError> {
    Ok(channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            pattern.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn patterns_match_as_the_broker_matches_them() {
        for (pattern, key, expected) in [
            ("#", "routing.case.opened", true),
            ("intake.#", "intake.report.filed", true),
            ("intake.#", "intake", true),
            ("intake.#", "routing.case.opened", false),
            ("opd.*.commands", "opd.dishub.commands", true),
            ("opd.*.commands", "opd.dishub.cases", false),
            ("opd.*.commands", "opd.a.b.commands", false),
            ("routing.#.filed", "routing.filed", true),
            ("routing.#.filed", "routing.a.b.filed", true),
            ("routing.#.filed", "routing.a.b", false),
            ("*", "", true),
            ("*", "a.b", false),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_queue_takes_what_one_of_its_bindings_lets_in() {
        let all = queues(&[]);
        let queue = |name: &str| all.iter().find(|queue| queue.name == name).unwrap();
        assert!(queue(ROUTING_COMMANDS).takes(COMMANDS, "opd.dishub.commands"));
        assert!(!queue(ROUTING_COMMANDS).takes(EVENTS, "opd.dishub.commands"));
        assert!(queue(OVERSIGHT_EVENTS).takes(COMMANDS, "opd.dishub.commands"));
        assert!(!queue(NOTIFICATION_EVENTS).takes(COMMANDS, "opd.dishub.commands"));
    }
}
