//! Working time in WIB (UTC+7, no daylight saving) and its exact arithmetic (rules K1, K3).
//!
//! A working day is Monday to Friday and no holiday; all its 86,400 seconds count. Holidays are data:
//! days get added in the middle of a year, and each carries the moment from which it is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime, UtcOffset, Weekday};

use crate::clock::{Basis, Pause};
use crate::policy::Limit;

/// Seconds of a working day.
pub const DAY_SECONDS: i64 = 86_400;
/// Longest stretch searched for working days; longer than any limit with any number of holidays.
const SEARCH_DAYS_MAX: u32 = 4_000;

/// Kind of a holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayKind {
    /// Hari libur nasional.
    National,
    /// Cuti bersama.
    CollectiveLeave,
    /// Decided by the province, or for an election.
    Local,
}

/// A day on which nobody works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The day, in WIB.
    pub date: Date,
    /// Its kind.
    pub kind: HolidayKind,
    /// Its Indonesian name.
    pub name_id: String,
    /// Known from this moment; none means from the start of the calendar.
    pub known_from: Option<OffsetDateTime>,
}

/// The working calendar; always the current one is used (rule K3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    version: u32,
    last_year: i32,
    holidays: BTreeMap<Date, Holiday>,
}

/// WIB.
#[must_use]
pub fn wib() -> UtcOffset {
    UtcOffset::from_hms(7, 0, 0).unwrap_or(UtcOffset::UTC)
}

/// The day in WIB on which an instant lies.
#[must_use]
pub fn wib_date(at: OffsetDateTime) -> Date {
    at.to_offset(wib()).date()
}

/// 00:00 WIB of a day, in UTC.
#[must_use]
pub fn wib_midnight(date: Date) -> OffsetDateTime {
    date.midnight().assume_offset(wib()).to_offset(UtcOffset::UTC)
}

impl Calendar {
    /// A calendar of holidays, complete up to the end of `last_year`.
    #[must_use]
    pub fn new(version: u32, last_year: i32, holidays: impl IntoIterator<Item = Holiday>) -> Self {
        let holidays = holidays.into_iter().map(|holiday| (holiday.date, holiday)).collect();
        Self {
            version,
            last_year,
            holidays,
        }
    }

    /// Version of the calendar; grows with every change.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Last year for which the holidays are known (rule K3).
    #[must_use]
    pub const fn last_year(&self) -> i32 {
        self.last_year
    }

    /// The holidays, oldest first.
    pub fn holidays(&self) -> impl Iterator<Item = &Holiday> {
        self.holidays.values()
    }

    /// The calendar as it was known at a moment.
    #[must_use]
    pub fn known_at(&self, at: OffsetDateTime) -> Self {
        let known = |holiday: &&Holiday| holiday.known_from.is_none_or(|from| from <= at);
        Self::new(
            self.version,
            self.last_year,
            self.holidays.values().filter(known).cloned(),
        )
    }

    /// The same calendar with one more holiday and the next version.
    #[must_use]
    pub fn with_holiday(&self, holiday: Holiday) -> Self {
        let mut next = self.clone();
        next.version = next.version.saturating_add(1);
        next.holidays.insert(holiday.date, holiday);
        next
    }

    /// Monday to Friday and no holiday.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.holidays.contains_key(&date)
    }

    /// Number of working days in a year.
    #[must_use]
    pub fn working_days_in_year(&self, year: i32) -> u32 {
        let Ok(mut date) = Date::from_ordinal_date(year, 1) else {
            return 0;
        };
        let mut days = 0;
        while date.year() == year {
            days += u32::from(self.is_working_day(date));
            let Some(next) = date.next_day() else { break };
            date = next;
        }
        days
    }

    /// Whether a due time rests on days beyond the last known year (rule K3: Monday to Friday, provisional).
    #[must_use]
    pub fn is_provisional(&self, due_at: OffsetDateTime) -> bool {
        // A limit that ends at 24:00 of 31 December still lies within the year.
        wib_date(due_at - Duration::SECOND).year() > self.last_year
    }

    /// 00:00 WIB of the next working day after the day of `at`: where working time starts to count (rule K1).
    #[must_use]
    pub fn counting_from(&self, at: OffsetDateTime) -> OffsetDateTime {
        let mut date = wib_date(at);
        for _ in 0..SEARCH_DAYS_MAX {
            let Some(next) = date.next_day() else { break };
            date = next;
            if self.is_working_day(date) {
                break;
            }
        }
        wib_midnight(date)
    }

    /// Working seconds between two instants.
    #[must_use]
    pub fn working_seconds(&self, from: OffsetDateTime, to: OffsetDateTime) -> i64 {
        self.working_time(from, to).whole_seconds()
    }

    /// Working time between two instants, exact.
    #[must_use]
    pub fn working_time(&self, from: OffsetDateTime, to: OffsetDateTime) -> Duration {
        let mut total = Duration::ZERO;
        let mut date = wib_date(from);
        let mut days = 0;
        while wib_midnight(date) < to && days < SEARCH_DAYS_MAX {
            let Some(next) = date.next_day() else { break };
            if self.is_working_day(date) {
                total += overlap(wib_midnight(date), wib_midnight(next), from, to);
            }
            date = next;
            days += 1;
        }
        total
    }

    /// The instant at which `amount` of working time has passed since `from`, leaving out pauses.
    ///
    /// Working time that is exhausted exactly at the end of a day gives 24:00 of that day.
    #[must_use]
    pub fn add_working_time(&self, from: OffsetDateTime, amount: Duration, pauses: &[Pause]) -> OffsetDateTime {
        let mut left = amount;
        if left <= Duration::ZERO {
            return from;
        }
        let mut at = from;
        for _ in 0..SEARCH_DAYS_MAX {
            let date = wib_date(at);
            let Some(next) = date.next_day() else { return at };
            let day_end = wib_midnight(next);
            if !self.is_working_day(date) {
                at = day_end;
                continue;
            }
            // Within the day: up to the next pause, or over the pause that holds now.
            let Some(step_end) = step_within(at, day_end, pauses) else {
                return FAR_FUTURE;
            };
            match step_end {
                Step::Over(end) => at = end,
                Step::Count(end) => {
                    if end - at >= left {
                        return at + left;
                    }
                    left -= end - at;
                    at = end;
                }
            }
        }
        at
    }

    /// The instant `days` working days after `from` (rule E1: rungs are counted from the breach itself).
    #[must_use]
    pub fn add_working_days(&self, from: OffsetDateTime, days: u16) -> OffsetDateTime {
        self.add_working_time(from, Duration::seconds(i64::from(days) * DAY_SECONDS), &[])
    }

    /// The due time of one basis (rule K1).
    ///
    /// Working days count from 00:00 WIB of the next working day; calendar days end at 24:00 WIB of the last day,
    /// later by the length of the pauses. A basis that is paused has no due time yet: [`FAR_FUTURE`].
    #[must_use]
    pub fn due_at(&self, basis: &Basis) -> OffsetDateTime {
        match basis.limit {
            Limit::WorkingDays(days) => self.add_working_time(
                self.counting_from(basis.started_at),
                Duration::seconds(i64::from(days) * DAY_SECONDS),
                &basis.pauses,
            ),
            Limit::CalendarDays(days) => {
                let Some(paused) = paused_time(&basis.pauses) else {
                    return FAR_FUTURE;
                };
                let last = wib_date(basis.started_at + paused)
                    .checked_add(Duration::days(i64::from(days) + 1))
                    .unwrap_or(Date::MAX);
                wib_midnight(last)
            }
        }
    }

    /// The due time of a limit that starts at a moment and is never paused.
    #[must_use]
    pub fn due_after(&self, started_at: OffsetDateTime, limit: Limit) -> OffsetDateTime {
        self.due_at(&Basis {
            started_at,
            limit,
            pauses: Vec::new(),
        })
    }

    /// The moment at which exactly half of a basis's time has passed (rule K1).
    #[must_use]
    pub fn half_time(&self, basis: &Basis) -> OffsetDateTime {
        match basis.limit {
            Limit::WorkingDays(days) => self.add_working_time(
                self.counting_from(basis.started_at),
                Duration::seconds(i64::from(days) * DAY_SECONDS / 2),
                &basis.pauses,
            ),
            Limit::CalendarDays(_) => basis.started_at + (self.due_at(basis) - basis.started_at) / 2,
        }
    }
}

enum Step {
    /// Nothing counts up to here.
    Over(OffsetDateTime),
    /// Time counts up to here.
    Count(OffsetDateTime),
}

/// The next step from `at` within a working day; none when a pause without end holds.
fn step_within(at: OffsetDateTime, day_end: OffsetDateTime, pauses: &[Pause]) -> Option<Step> {
    let mut count_to = day_end;
    for pause in pauses {
        if pause.from <= at {
            match pause.to {
                None => return None,
                Some(to) if to > at => return Some(Step::Over(to)),
                Some(_) => {}
            }
        } else if pause.from < count_to && pause.to.is_none_or(|to| to > pause.from) {
            count_to = pause.from;
        }
    }
    Some(Step::Count(count_to))
}

/// The length of all pauses; none when one has no end yet.
fn paused_time(pauses: &[Pause]) -> Option<Duration> {
    pauses
        .iter()
        .map(|pause| pause.to.map(|to| (to - pause.from).max(Duration::ZERO)))
        .sum()
}

/// Due time of a clock that is paused: it has none yet, and the far future keeps comparisons simple.
pub const FAR_FUTURE: OffsetDateTime = time::macros::datetime!(9999-01-01 00:00:00 UTC);

fn overlap(a_from: OffsetDateTime, a_to: OffsetDateTime, b_from: OffsetDateTime, b_to: OffsetDateTime) -> Duration {
    let from = a_from.max(b_from);
    let to = a_to.min(b_to);
    if to > from { to - from } else { Duration::ZERO }
}
