//! What a list says about a case: which deadline comes first, who has had it for how long, and what happens next.

use time::OffsetDateTime;
use tuntas_proto::{
    Timestamp,
    case::v1::{Case, Clock, FiredRung},
    wire_time::instant,
};

/// The running clock that falls due first; one that waits for the reporter does not count.
#[must_use]
pub fn pressing(case: &Case) -> Option<&Clock> {
    case.clocks
        .iter()
        .filter(|clock| clock.stopped_at.is_none() && !clock.paused)
        .filter_map(|clock| Some((instant(clock.due_at.as_ref()?)?, clock)))
        .min_by_key(|(due, _)| *due)
        .map(|(_, clock)| clock)
}

/// How long who has the case now has had it altogether, in seconds.
#[must_use]
pub fn charged_s(case: &Case, now: OffsetDateTime) -> u64 {
    let now = now.unix_timestamp();
    let total: i64 = case
        .ledger
        .iter()
        .filter(|interval| interval.party == case.holder)
        .map(|interval| {
            let from = interval.from.as_ref().map_or(now, |from| from.seconds);
            let to = interval.to.as_ref().map_or(now, |to| to.seconds);
            (to - from).max(0)
        })
        .sum();
    total.unsigned_abs()
}

/// The highest rung that the case has reached.
#[must_use]
pub fn escalated(case: &Case) -> Option<&FiredRung> {
    case.clocks
        .iter()
        .filter(|clock| clock.stopped_at.is_none())
        .filter_map(|clock| clock.rungs.last())
        .max_by_key(|rung| rung.rung)
}

/// When it goes up (further): the next moment at which something is due, once a deadline was missed; before that the
/// deadline itself.
#[must_use]
pub fn next_escalation(case: &Case, now: OffsetDateTime) -> Option<&Timestamp> {
    let missed = pressing(case).is_some_and(|clock| clock.breached_at.is_some());
    let next = case.next_due_at.as_ref()?;
    (missed && instant(next)? > now).then_some(next)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use time::macros::datetime;
    use tuntas_proto::{
        case::v1::{Interval, Party, party::Kind},
        wire_time::timestamp,
    };

    use super::*;

    fn clock(kind: &str, due: OffsetDateTime) -> Clock {
        Clock {
            kind: kind.to_owned(),
            due_at: Some(timestamp(due)),
            ..Clock::default()
        }
    }

    #[test]
    fn the_first_deadline_counts_unless_it_is_over_or_waits() {
        let mut stopped = clock("verification", datetime!(2026-11-01 0:00 UTC));
        stopped.stopped_at = Some(timestamp(datetime!(2026-10-31 0:00 UTC)));
        let mut paused = clock("resolution", datetime!(2026-11-02 0:00 UTC));
        paused.paused = true;
        let case = Case {
            clocks: vec![
                stopped,
                paused,
                clock("legal_decision", datetime!(2026-12-01 0:00 UTC)),
                clock("acceptance", datetime!(2026-11-05 0:00 UTC)),
            ],
            ..Case::default()
        };
        assert_eq!(pressing(&case).unwrap().kind, "acceptance");
        assert!(pressing(&Case::default()).is_none());
    }

    #[test]
    fn only_who_has_it_is_counted() {
        let party = |kind: Kind| {
            Some(Party {
                kind: kind.into(),
                ..Party::default()
            })
        };
        let interval = |kind, from, to: Option<OffsetDateTime>| Interval {
            party: party(kind),
            from: Some(timestamp(from)),
            to: to.map(timestamp),
        };
        let case = Case {
            holder: party(Kind::Manager),
            ledger: vec![
                interval(
                    Kind::Manager,
                    datetime!(2026-11-01 0:00 UTC),
                    Some(datetime!(2026-11-01 1:00 UTC)),
                ),
                interval(
                    Kind::Reporter,
                    datetime!(2026-11-01 1:00 UTC),
                    Some(datetime!(2026-11-02 1:00 UTC)),
                ),
                interval(Kind::Manager, datetime!(2026-11-02 1:00 UTC), None),
            ],
            ..Case::default()
        };
        assert_eq!(charged_s(&case, datetime!(2026-11-02 2:00 UTC)), 7200);
    }

    #[test]
    fn what_is_not_late_does_not_go_up() {
        let now = datetime!(2026-11-10 0:00 UTC);
        let next = Some(timestamp(datetime!(2026-11-12 0:00 UTC)));
        let mut late = clock("acceptance", datetime!(2026-11-05 0:00 UTC));
        late.breached_at = late.due_at;
        let case = |clock| Case {
            clocks: vec![clock],
            next_due_at: next,
            ..Case::default()
        };
        assert_eq!(next_escalation(&case(late), now), next.as_ref());
        assert_eq!(
            next_escalation(&case(clock("acceptance", datetime!(2026-11-12 0:00 UTC))), now),
            None
        );
    }
}
