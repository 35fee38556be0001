//! Comparing what a source has published with what has come: what the source lists of its outbox, what of that is missing,
//! and how far the comparison has got.
//!
//! Pure, and both sides in one place, because they are only right together: the source lists nothing that may still be on
//! its way, and the consumer moves on only over what it has looked at.

use std::collections::HashSet;

use tuntas_proto::outbox::v1::{ListPublishedResponse, PublishedEvent};
use uuid::Uuid;

use crate::broker::QueueSpec;

/// A row of an outbox without its content.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its place.
    pub seq: i64,
    /// The event.
    pub event_id: Uuid,
    /// Where it was published to.
    pub exchange: String,
    /// With this key.
    pub routing_key: String,
    /// Whether it is as old as the consumer wants.
    pub old: bool,
}

/// The source's answer. `rows` are those after `after` and up to `last`, the last one published; `full` when there may be more.
#[must_use]
pub fn listing(rows: &[Published], after: i64, last: i64, full: bool, queue: &QueueSpec) -> ListPublishedResponse {
    let old = rows.iter().take_while(|row| row.old).count();
    let next = old
        .checked_sub(1)
        .and_then(|i| rows.get(i))
        .map_or(after, |row| row.seq);
    let events = rows
        .iter()
        .take(old)
        .filter(|row| queue.takes(&row.exchange, &row.routing_key))
        .map(|row| PublishedEvent {
            seq: row.seq.unsigned_abs(),
            event_id: row.event_id.to_string(),
        });
    ListPublishedResponse {
        events: events.collect(),
        next_seq: next.unsigned_abs(),
        more: full && old == rows.len(),
        last_seq: last.unsigned_abs(),
    }
}

/// Whether the source has been restored to a state before `after`: it is to be compared from its start again.
#[must_use]
pub const fn is_shorter(page: &ListPublishedResponse, after: u64) -> bool {
    page.last_seq < after
}

/// The ids of the events of a page.
///
/// # Errors
/// One is not an id.
pub fn event_ids(page: &ListPublishedResponse) -> Result<Vec<Uuid>, uuid::Error> {
    page.events.iter().map(|event| event.event_id.parse()).collect()
}

/// Sequences of the events of a page that never came: `event_ids` are its events, `known` those of them that did.
#[must_use]
pub fn missing(page: &ListPublishedResponse, event_ids: &[Uuid], known: Vec<Uuid>) -> Vec<u64> {
    let known: HashSet<Uuid> = known.into_iter().collect();
    let listed = page.events.iter().zip(event_ids);
    listed
        .filter(|(_, event_id)| !known.contains(event_id))
        .map(|(event, _)| event.seq)
        .collect()
}

/// Where the next page begins, once what was missing on this one is settled; none when it is the same place.
#[must_use]
pub fn moves_to(page: &ListPublishedResponse, after: u64) -> Option<u64> {
    (page.next_seq != after).then_some(page.next_seq)
}
