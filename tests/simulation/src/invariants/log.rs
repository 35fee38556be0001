//! The log has every event once, at positions 1 to n, none before its predecessor or its cause.

use std::collections::{BTreeMap, BTreeSet};

use tuntas_oversight::{leaf::EMPTY_CHAIN, store::log::Head};

use super::rows;
use crate::{
    event::{Aggregate, Service},
    world::World,
};

pub(super) fn check(world: &World) -> Result<(), String> {
    let log = &world.databases[Service::Oversight as usize].log;
    let mut head = Head {
        size: 0,
        chain_hash: EMPTY_CHAIN,
    };
    let mut seen = BTreeSet::new();
    let mut seqs: BTreeMap<Aggregate, u64> = BTreeMap::new();
    for entry in log {
        let event = &entry.event;
        (head, _) = head.after(&event.id.to_be_bytes());
        if entry.position != head.size || entry.chain != head.chain_hash {
            return Err(format!(
                "position {} stands where {} belongs",
                entry.position, head.size
            ));
        }
        if !seen.insert(event.id) {
            return Err(format!("event {} is in the log twice", event.id));
        }
        let before = seqs.insert(event.aggregate, event.seq).unwrap_or(0);
        if event.seq != before + 1 {
            let (aggregate, seq) = (event.aggregate, event.seq);
            return Err(format!("{aggregate:?} has number {seq} after {before} in the log"));
        }
        if let Some(cause) = event.cause.filter(|cause| !seen.contains(cause)) {
            return Err(format!("event {} is in the log before its cause {cause}", event.id));
        }
    }
    match rows(world).find(|row| !seen.contains(&row.event.id)) {
        Some(row) => Err(format!("event {} is not in the log", row.event.id)),
        None => Ok(()),
    }
}
