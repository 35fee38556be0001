//! A log as oversight keeps it: positions, hashes, exact bytes.

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tuntas_kit::ids;
use tuntas_proto::{
    event::v1::{Event, event::Payload},
    oversight::v1::FeedEntry,
    wire_time::timestamp,
};

/// The log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<FeedEntry>,
    chain: [u8; 32],
    directory_seq: u64,
}

impl Log {
    /// Appends an event; answers its position.
    pub(crate) fn append(&mut self, event: &Event) -> u64 {
        let body = event.encode_to_vec();
        let leaf: [u8; 32] = Sha256::new().chain_update([0]).chain_update(&body).finalize().into();
        self.chain = Sha256::new()
            .chain_update(self.chain)
            .chain_update(leaf)
            .finalize()
            .into();
        let position = self.entries.len() as u64 + 1;
        self.entries.push(FeedEntry {
            position,
            event: body,
            leaf_hash: leaf.to_vec(),
            chain_hash: self.chain.to_vec(),
        });
        position
    }

    /// The latest event of a case of a type.
    pub(crate) fn latest_of_case(&self, case_id: &str, what: &str) -> Event {
        let events = self
            .entries
            .iter()
            .rev()
            .map(|e| Event::decode(e.event.as_slice()).unwrap());
        let mut found = events.filter(|event| match &event.payload {
            Some(Payload::CaseEvent(said)) => {
                said.r#type == what && said.case.as_ref().is_some_and(|case| case.case_id == case_id)
            }
            _ => false,
        });
        found.next().unwrap_or_else(|| panic!("{case_id} has no {what}"))
    }

    /// Appends a change of directory, policy or calendar.
    pub(crate) fn directory(&mut self, payload: Payload, at: OffsetDateTime) {
        self.directory_seq += 1;
        let event = event("directory", self.directory_seq, at, payload);
        self.append(&event);
    }
}

/// An event with a fresh id.
pub(crate) fn event(aggregate: &str, seq: u64, at: OffsetDateTime, payload: Payload) -> Event {
    Event {
        event_id: ids::new_id().to_string(),
        r#type: "tuntas.test".to_owned(),
        source: "routing".to_owned(),
        aggregate_id: aggregate.to_owned(),
        aggregate_seq: seq,
        occurred_at: Some(timestamp(at)),
        payload: Some(payload),
        ..Event::default()
    }
}
