//! Dates and deadlines as people in Riau read them: WIB, and what is left in working days.

use std::sync::OnceLock;

use time::{Date, Duration, OffsetDateTime, format_description::StaticFormatDescription, macros::format_description};
use tuntas_domain::calendar::{Calendar, DAY_SECONDS, Holiday, HolidayKind, wib, wib_date, wib_midnight};

const HOLIDAYS_CSV: &str = include_str!("../../riau/holidays.csv");
const DAY: StaticFormatDescription =
    format_description!("[weekday repr:short] [day padding:none] [month repr:short] [year]");
const MINUTE: StaticFormatDescription =
    format_description!("[weekday repr:short] [day padding:none] [month repr:short] [year] [hour]:[minute]");
const ISO_DATE: StaticFormatDescription = format_description!("[year]-[month]-[day]");

/// The calendar that the product ships. The platform's own may know days that were added since; this one only
/// serves to tell roughly what is left of a deadline, the deadline itself always comes from the platform.
pub fn shipped_calendar() -> &'static Calendar {
    static CALENDAR: OnceLock<Calendar> = OnceLock::new();
    CALENDAR.get_or_init(|| {
        let holidays: Vec<Holiday> = HOLIDAYS_CSV.lines().skip(1).filter_map(holiday).collect();
        let last_year = holidays.iter().map(|holiday| holiday.date.year()).max().unwrap_or(2027);
        Calendar::new(1, last_year, holidays)
    })
}

fn holiday(line: &str) -> Option<Holiday> {
    let mut fields = line.splitn(3, ',');
    let date = parse_date(fields.next()?)?;
    let kind = match fields.next()? {
        "national" => HolidayKind::National,
        "collective_leave" => HolidayKind::CollectiveLeave,
        _ => HolidayKind::Local,
    };
    Some(Holiday {
        date,
        kind,
        name_id: fields.next()?.to_owned(),
        known_from: None,
    })
}

/// An ISO 8601 date.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    Date::parse(text.trim(), ISO_DATE).ok()
}

/// ISO 8601 date in WIB.
#[must_use]
pub fn iso_date(at: OffsetDateTime) -> String {
    wib_date(at).format(ISO_DATE).unwrap_or_default()
}

/// An instant or a date (00:00 WIB) as typed.
#[must_use]
pub fn parse_instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.trim(), &time::format_description::well_known::Rfc3339)
        .ok()
        .or_else(|| parse_date(text).map(wib_midnight))
}

/// `Thu 26 Nov 2026 14:05 WIB`; the end of a day is 24:00 of that day.
#[must_use]
pub fn instant(at: OffsetDateTime) -> String {
    let local = at.to_offset(wib());
    if local.time() == time::Time::MIDNIGHT {
        let day = (local - Duration::SECOND).date();
        return format!("{} 24:00 WIB", day.format(DAY).unwrap_or_default());
    }
    format!("{} WIB", local.format(MINUTE).unwrap_or_default())
}

/// `Thu 26 Nov 2026 24:00 WIB, 2 working days left`.
#[must_use]
pub fn deadline(due_at: OffsetDateTime, now: OffsetDateTime) -> String {
    format!("{}, {}", instant(due_at), left(due_at, now))
}

/// What is left of a deadline, or how far it is over.
#[must_use]
pub fn left(due_at: OffsetDateTime, now: OffsetDateTime) -> String {
    let calendar = shipped_calendar();
    if now >= due_at {
        let over = calendar.working_time(due_at, now);
        return format!("OVERDUE by {}", amount(over, now - due_at));
    }
    format!("{} left", amount(calendar.working_time(now, due_at), due_at - now))
}

fn amount(working: Duration, wall: Duration) -> String {
    let days = working.whole_seconds() / DAY_SECONDS;
    match days {
        0 if wall < Duration::HOUR => format!("{} min", wall.whole_minutes()),
        0 => format!("{} h", wall.whole_hours()),
        1 => "1 working day".to_owned(),
        days => format!("{days} working days"),
    }
}

/// Whole seconds as `12 d 3 h`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3_600, seconds % 3_600 / 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_end_of_a_day_is_24_00_of_that_day() {
        assert_eq!(instant(datetime!(2026-11-26 17:00 UTC)), "Thu 26 Nov 2026 24:00 WIB");
        assert_eq!(instant(datetime!(2026-11-26 07:05 UTC)), "Thu 26 Nov 2026 14:05 WIB");
    }

    #[test]
    fn what_is_left_is_told_in_working_days() {
        let due = datetime!(2026-11-26 17:00 UTC);
        assert_eq!(left(due, datetime!(2026-11-24 03:00 UTC)), "2 working days left");
        assert_eq!(left(due, datetime!(2026-11-26 03:00 UTC)), "14 h left");
        // From Friday to Tuesday there are a weekend and one working day.
        assert_eq!(left(due, datetime!(2026-11-30 17:00 UTC)), "OVERDUE by 2 working days");
    }

    #[test]
    fn the_shipped_calendar_has_the_working_days_of_the_rule_book() {
        let days: Vec<u32> = (2024..=2027)
            .map(|year| shipped_calendar().working_days_in_year(year))
            .collect();
        assert_eq!(days, [238, 237, 240, 242]);
    }
}
