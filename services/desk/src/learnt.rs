//! Which entries of the directory this process has committed. Every agency's queue brings each of them: a desk for forty agencies would
//! ask its database forty times.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tuntas_kit::directory;
use tuntas_proto::event::v1::Event;

/// Kind and id of an entry.
type Key = (&'static str, String);

/// Sequence of each entry. Cheap to clone; clones share it. Knowing too little costs a look at the database.
#[derive(Debug, Clone, Default)]
pub struct Learnt(Arc<Mutex<HashMap<Key, u64>>>);

impl Learnt {
    /// Whether an entry is committed as of `seq` or later.
    #[must_use]
    pub fn covers(&self, key: &Key, seq: u64) -> bool {
        self.lock().get(key).is_some_and(|&known| known >= seq)
    }

    /// The entries among these events are committed.
    pub fn committed<'a>(&self, events: impl Iterator<Item = &'a Event>) {
        let keyed = events.filter_map(|event| Some((directory::key(event.payload.as_ref()?)?, event.aggregate_seq)));
        let mut known = self.lock();
        for (key, seq) in keyed {
            let entry = known.entry(key).or_default();
            *entry = seq.max(*entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use tuntas_proto::event::v1::{CalendarChanged, event::Payload};

    use super::*;

    #[test]
    fn an_entry_is_known_as_of_its_latest_sequence() {
        let learnt = Learnt::default();
        let key = || ("holiday", "2026-08-17".to_owned());
        let event = |seq| {
            let day = CalendarChanged {
                date: key().1,
                ..CalendarChanged::default()
            };
            directory::event_of(Payload::CalendarChanged(day), seq, OffsetDateTime::UNIX_EPOCH)
        };
        assert!(!learnt.covers(&key(), 0));
        learnt.committed([event(7), event(5)].iter());
        assert!(learnt.covers(&key(), 7));
        assert!(!learnt.covers(&key(), 8));
    }
}
