//! In which order arrivals enter the log: that of their arrival, but nothing before its predecessor in the aggregate
//! and nothing before its cause.
//!
//! Pure, so that the rule can be tested without a database. The result does not depend on how arrivals are cut into
//! batches: whatever becomes possible goes in at once, before anything that arrived later.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use uuid::Uuid;

/// What the order depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The event.
    pub event_id: Uuid,
    /// Its aggregate.
    pub aggregate_id: String,
    /// Its place in the aggregate, from 1.
    pub aggregate_seq: i64,
    /// The event that caused it.
    pub causation_id: Option<Uuid>,
    /// It is the first of its aggregate, or the one before it is in the log.
    pub predecessor_logged: bool,
    /// It has no cause, or the cause is in the log.
    pub cause_logged: bool,
    /// Another event has its place in the aggregate in the log: it can never go in.
    pub place_taken: bool,
}

/// Numbers of arrivals, as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// To be appended, in this order.
    pub append: Vec<usize>,
    /// To be held back.
    pub hold: Vec<usize>,
}

impl Order {
    /// Those that are held back now and were not before.
    pub fn newly_held(&self, held_before: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
        self.hold.iter().copied().filter(move |number| !held_before(*number))
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Awaited<'a> {
    Event(Uuid),
    Place(&'a str, i64),
}

/// Orders arrivals that are given in the order of their arrival.
#[must_use]
pub fn order(arrivals: &[Arrival]) -> Order {
    let mut missing = vec![0_u8; arrivals.len()];
    let mut waiting: HashMap<Awaited<'_>, Vec<usize>> = HashMap::new();
    for (number, arrival) in arrivals.iter().enumerate() {
        if !arrival.predecessor_logged {
            let place = Awaited::Place(&arrival.aggregate_id, arrival.aggregate_seq - 1);
            waiting.entry(place).or_default().push(number);
            missing[number] += 1;
        }
        if let (Some(cause), false) = (arrival.causation_id, arrival.cause_logged) {
            waiting.entry(Awaited::Event(cause)).or_default().push(number);
            missing[number] += 1;
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..arrivals.len())
        .filter(|n| missing[*n] == 0 && !arrivals[*n].place_taken)
        .map(Reverse)
        .collect();
    let mut append = Vec::with_capacity(arrivals.len());
    let mut appended = vec![false; arrivals.len()];
    while let Some(Reverse(number)) = ready.pop() {
        append.push(number);
        appended[number] = true;
        let arrival = &arrivals[number];
        let here = [
            Awaited::Event(arrival.event_id),
            Awaited::Place(&arrival.aggregate_id, arrival.aggregate_seq),
        ];
        for released in here.into_iter().filter_map(|key| waiting.remove(&key)).flatten() {
            missing[released] -= 1;
            if missing[released] == 0 && !arrivals[released].place_taken {
                ready.push(Reverse(released));
            }
        }
    }
    let hold = (0..arrivals.len()).filter(|n| !appended[*n]).collect();
    Order { append, hold }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: usize) -> Uuid {
        Uuid::from_u128(n as u128 + 1)
    }

    fn arrival(n: usize, aggregate: &str, seq: i64, cause: Option<usize>) -> Arrival {
        Arrival {
            event_id: id(n),
            aggregate_id: aggregate.to_owned(),
            aggregate_seq: seq,
            causation_id: cause.map(id),
            predecessor_logged: seq == 1,
            cause_logged: cause.is_none(),
            place_taken: false,
        }
    }

    #[test]
    fn a_late_predecessor_and_a_late_cause_release_what_waited() {
        let arrivals = [
            arrival(0, "case:1", 2, None),
            arrival(1, "case:1", 1, Some(3)),
            arrival(2, "case:2", 1, None),
            arrival(3, "report:1", 1, None),
            arrival(4, "case:2", 2, None),
        ];
        assert_eq!(
            order(&arrivals),
            Order {
                append: vec![2, 3, 1, 0, 4],
                hold: vec![]
            }
        );
        // As long as the cause is away, what depends on it is held back, and nothing else is.
        let without_cause: Vec<Arrival> = arrivals.iter().filter(|a| a.event_id != id(3)).cloned().collect();
        assert_eq!(
            order(&without_cause),
            Order {
                append: vec![2, 3],
                hold: vec![0, 1]
            }
        );
    }

    #[test]
    fn a_place_that_is_taken_is_never_given_twice() {
        let mut second = arrival(0, "case:1", 1, None);
        second.place_taken = true;
        assert_eq!(
            order(&[second]),
            Order {
                append: vec![],
                hold: vec![0]
            }
        );
    }

    #[test]
    fn events_that_cause_each_other_are_held_back() {
        let arrivals = [arrival(0, "a", 1, Some(1)), arrival(1, "b", 1, Some(0))];
        assert_eq!(
            order(&arrivals),
            Order {
                append: vec![],
                hold: vec![0, 1]
            }
        );
    }

    /// Events of a few aggregates, each caused by an event before it or by none, and an order in which they arrive.
    fn histories() -> impl Strategy<Value = Vec<Arrival>> {
        proptest::collection::vec((0_u8..4, proptest::option::of(any::<prop::sample::Index>())), 1..60)
            .prop_map(|steps| {
                let mut seqs = [0_i64; 4];
                steps
                    .iter()
                    .enumerate()
                    .map(|(n, (aggregate, cause))| {
                        let seq = &mut seqs[usize::from(*aggregate)];
                        *seq += 1;
                        let cause = cause.filter(|_| n > 0).map(|index| index.index(n));
                        arrival(n, &format!("aggregate:{aggregate}"), *seq, cause)
                    })
                    .collect::<Vec<_>>()
            })
            .prop_shuffle()
    }

    fn feed_in_batches(arrivals: &[Arrival], sizes: &[usize]) -> Vec<Uuid> {
        let (mut log, mut held, mut rest) = (Vec::<Arrival>::new(), Vec::<Arrival>::new(), arrivals);
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at((*sizes.next().unwrap_or(&1)).clamp(1, rest.len()));
            rest = later;
            let mut all: Vec<Arrival> = held.drain(..).chain(batch.iter().cloned()).collect();
            for one in &mut all {
                one.predecessor_logged = one.aggregate_seq == 1
                    || log
                        .iter()
                        .any(|l| l.aggregate_id == one.aggregate_id && l.aggregate_seq == one.aggregate_seq - 1);
                one.cause_logged = one
                    .causation_id
                    .is_none_or(|cause| log.iter().any(|l| l.event_id == cause));
            }
            let order = order(&all);
            log.extend(order.append.iter().map(|n| all[*n].clone()));
            held = order.hold.iter().map(|n| all[*n].clone()).collect();
        }
        log.into_iter().map(|arrival| arrival.event_id).collect()
    }

    proptest! {
        #[test]
        fn every_event_gets_in_once_and_after_what_it_needs(arrivals in histories()) {
            let result = order(&arrivals);
            prop_assert!(result.hold.is_empty());
            prop_assert_eq!(result.append.len(), arrivals.len());
            let at = |wanted: &dyn Fn(&Arrival) -> bool| {
                result.append.iter().position(|n| wanted(&arrivals[*n]))
            };
            for (place, number) in result.append.iter().enumerate() {
                let one = &arrivals[*number];
                if one.aggregate_seq > 1 {
                    let before = at(&|a| a.aggregate_id == one.aggregate_id && a.aggregate_seq == one.aggregate_seq - 1);
                    prop_assert!(before.is_some_and(|before| before < place));
                }
                if let Some(cause) = one.causation_id {
                    prop_assert!(at(&|a| a.event_id == cause).is_some_and(|before| before < place));
                }
            }
        }

        #[test]
        fn the_order_does_not_depend_on_the_batches(
            arrivals in histories(),
            sizes in proptest::collection::vec(1_usize..9, 1..5),
        ) {
            prop_assert_eq!(feed_in_batches(&arrivals, &[arrivals.len()]), feed_in_batches(&arrivals, &sizes));
        }
    }
}
