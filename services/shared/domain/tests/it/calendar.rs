//! Working time (rules K1, K3).

use proptest::prelude::*;
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};
use tuntas_domain::calendar::{Calendar, FAR_FUTURE, Holiday, HolidayKind, wib_date, wib_midnight};
use tuntas_domain::clock::{Basis, Pause};
use tuntas_domain::policy::Limit;

use crate::world::{MONDAY, calendar};

fn basis(started_at: OffsetDateTime, limit: Limit, pauses: Vec<Pause>) -> Basis {
    Basis {
        started_at,
        limit,
        pauses,
    }
}

#[test]
fn working_days_per_year_are_those_of_the_joint_decrees() {
    let calendar = calendar();
    let days: Vec<u32> = (2024..=2027).map(|year| calendar.working_days_in_year(year)).collect();
    assert_eq!(days, [238, 237, 240, 242]);
}

#[test]
fn k1_working_time_counts_from_the_next_working_day() {
    let due = calendar().due_at(&basis(MONDAY, Limit::WorkingDays(3), vec![]));
    assert_eq!(due, datetime!(2025-03-07 00:00:00 +7));
    // Filed at any time of the day, also at its first and last second.
    for at in [datetime!(2025-03-03 00:00:00 +7), datetime!(2025-03-03 23:59:59 +7)] {
        assert_eq!(calendar().due_after(at, Limit::WorkingDays(3)), due);
    }
    // Filed on a Friday, a Saturday or a Sunday: all count from Monday.
    for day in [date!(2025 - 03 - 07), date!(2025 - 03 - 08), date!(2025 - 03 - 09)] {
        let at = wib_midnight(day) + Duration::hours(12);
        assert_eq!(
            calendar().due_after(at, Limit::WorkingDays(1)),
            datetime!(2025-03-11 00:00:00 +7)
        );
    }
}

#[test]
fn k1_days_are_days_of_wib_not_of_utc() {
    // 18:00 UTC on Monday is Tuesday in WIB.
    let due = calendar().due_after(datetime!(2025-03-03 18:00:00 UTC), Limit::WorkingDays(1));
    assert_eq!(due, datetime!(2025-03-06 00:00:00 +7));
}

#[test]
fn k1_holidays_do_not_count() {
    // 28 March to 7 April 2025: Nyepi and Idul Fitri with collective leave.
    let due = calendar().due_after(datetime!(2025-03-27 10:00:00 +7), Limit::WorkingDays(1));
    assert_eq!(due, datetime!(2025-04-09 00:00:00 +7));
}

#[test]
fn k1_calendar_days_end_at_midnight_of_the_last_day() {
    let due = calendar().due_after(MONDAY, Limit::CalendarDays(14));
    assert_eq!(due, datetime!(2025-03-18 00:00:00 +7));
}

#[test]
fn k1_pauses_are_left_out_to_the_second() {
    let from = datetime!(2025-03-04 10:00:00 +7);
    let pauses = vec![Pause {
        from,
        to: Some(datetime!(2025-03-05 11:00:01 +7)),
    }];
    let due = calendar().due_at(&basis(MONDAY, Limit::WorkingDays(3), pauses));
    // 25 hours and a second: all of Friday, and a little of Monday.
    assert_eq!(due, datetime!(2025-03-10 01:00:01 +7));
    // Over a weekend the pause costs only its working time.
    let over_weekend = vec![Pause {
        from: datetime!(2025-03-06 12:00:00 +7),
        to: Some(datetime!(2025-03-10 12:00:00 +7)),
    }];
    let due = calendar().due_at(&basis(MONDAY, Limit::WorkingDays(3), over_weekend));
    assert_eq!(due, datetime!(2025-03-11 00:00:00 +7));
    let open = vec![Pause { from, to: None }];
    assert_eq!(
        calendar().due_at(&basis(MONDAY, Limit::WorkingDays(3), open.clone())),
        FAR_FUTURE
    );
    assert_eq!(
        calendar().due_at(&basis(MONDAY, Limit::CalendarDays(3), open)),
        FAR_FUTURE
    );
}

#[test]
fn k1_half_time_is_exact() {
    let half = calendar().half_time(&basis(MONDAY, Limit::WorkingDays(3), vec![]));
    assert_eq!(half, datetime!(2025-03-05 12:00:00 +7));
    let half = calendar().half_time(&basis(MONDAY, Limit::WorkingDays(5), vec![]));
    assert_eq!(half, datetime!(2025-03-06 12:00:00 +7));
}

#[test]
fn k3_beyond_the_last_year_is_provisional() {
    let calendar = calendar();
    let due = calendar.due_after(datetime!(2027-12-28 09:00:00 +7), Limit::WorkingDays(3));
    assert_eq!(due, datetime!(2028-01-01 00:00:00 +7));
    assert!(!calendar.is_provisional(due));
    let later = calendar.due_after(datetime!(2027-12-28 09:00:00 +7), Limit::WorkingDays(4));
    assert_eq!(later, datetime!(2028-01-04 00:00:00 +7));
    assert!(calendar.is_provisional(later));
}

#[test]
fn k3_a_holiday_is_known_from_its_date() {
    let known_from = Some(datetime!(2025-08-07 00:00:00 +7));
    let holiday = Holiday {
        date: date!(2025 - 08 - 19),
        kind: HolidayKind::Local,
        name_id: "Tambahan".to_owned(),
        known_from,
    };
    let later = calendar().with_holiday(holiday);
    assert_eq!(later.version(), 2);
    assert!(!later.is_working_day(date!(2025 - 08 - 19)));
    assert!(
        later
            .known_at(datetime!(2025-08-06 00:00:00 +7))
            .is_working_day(date!(2025 - 08 - 19))
    );
    assert!(
        !later
            .known_at(datetime!(2025-08-07 00:00:00 +7))
            .is_working_day(date!(2025 - 08 - 19))
    );
}

fn moment() -> impl Strategy<Value = OffsetDateTime> {
    (0_i64..3 * 365 * 86_400).prop_map(|seconds| datetime!(2024-02-01 00:00:00 UTC) + Duration::seconds(seconds))
}

fn pauses(from: OffsetDateTime) -> impl Strategy<Value = Vec<Pause>> {
    prop::collection::vec((0_i64..500_000, 0_i64..2_000_000), 0..4).prop_map(move |lengths| {
        let mut at = from;
        lengths
            .into_iter()
            .map(|(gap, length)| {
                let start = at + Duration::seconds(gap);
                at = start + Duration::seconds(length);
                Pause {
                    from: start,
                    to: Some(at),
                }
            })
            .collect()
    })
}

fn unpaused(calendar: &Calendar, from: OffsetDateTime, to: OffsetDateTime, pauses: &[Pause]) -> Duration {
    let paused: Duration = pauses
        .iter()
        .map(|pause| {
            let start = pause.from.max(from);
            let end = pause.to.unwrap().min(to);
            if end > start {
                calendar.working_time(start, end)
            } else {
                Duration::ZERO
            }
        })
        .sum();
    calendar.working_time(from, to) - paused
}

proptest! {
    #[test]
    fn k1_due_is_when_unpaused_working_seconds_reach_the_limit(
        (started_at, pauses) in moment().prop_flat_map(|at| (Just(at), pauses(at))),
        days in 1_u16..70,
    ) {
        let calendar = calendar();
        let limit = Limit::WorkingDays(days);
        let due = calendar.due_at(&basis(started_at, limit, pauses.clone()));
        let from = calendar.counting_from(started_at);
        let full = Duration::days(i64::from(days));
        prop_assert_eq!(unpaused(&calendar, from, due, &pauses), full);
        // And not a second earlier.
        let before = due - Duration::SECOND;
        prop_assert!(unpaused(&calendar, from, before, &pauses) < full);
        let half = calendar.half_time(&basis(started_at, limit, pauses.clone()));
        prop_assert_eq!(unpaused(&calendar, from, half, &pauses) * 2, full);
    }

    #[test]
    fn k1_due_grows_with_start_limit_and_holidays(at in moment(), later in 0_i64..1_000_000, days in 1_u16..70) {
        let calendar = calendar();
        let due = calendar.due_after(at, Limit::WorkingDays(days));
        prop_assert!(calendar.due_after(at + Duration::seconds(later), Limit::WorkingDays(days)) >= due);
        prop_assert!(calendar.due_after(at, Limit::WorkingDays(days + 1)) > due);
        let holiday = Holiday {
            date: wib_date(due - Duration::SECOND),
            kind: HolidayKind::Local,
            name_id: String::new(),
            known_from: None,
        };
        prop_assert!(calendar.with_holiday(holiday).due_after(at, Limit::WorkingDays(days)) > due);
    }

    #[test]
    fn working_time_adds_up(at in moment(), first in 0_i64..5_000_000, second in 0_i64..5_000_000) {
        let calendar = calendar();
        let middle = at + Duration::seconds(first);
        let end = middle + Duration::seconds(second);
        prop_assert_eq!(
            calendar.working_time(at, middle) + calendar.working_time(middle, end),
            calendar.working_time(at, end)
        );
    }
}
