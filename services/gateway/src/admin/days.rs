//! Days as forms have them, in the time of western Indonesia.

use time::{Date, Duration, OffsetDateTime, Time, macros::format_description};
use tuntas_domain::calendar::wib;
use tuntas_kit::problem::Problem;
use tuntas_proto::{Timestamp, wire_time};

/// The beginning of a day.
///
/// # Errors
/// It is no date.
pub fn beginning(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
    let date = date.map_err(|_| Problem::invalid(field, "is not a date"))?;
    Ok(wire_time::timestamp(
        date.with_time(Time::MIDNIGHT).assume_offset(wib()),
    ))
}

/// The end of a day; none when it is left open.
///
/// # Errors
/// It is no date.
pub fn end(field: &str, text: &str) -> Result<Option<Timestamp>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut end = beginning(field, text)?;
    end.seconds += Duration::DAY.whole_seconds();
    Ok(Some(end))
}

/// A day as a form's field shows it.
#[must_use]
pub fn field(at: OffsetDateTime) -> String {
    let day = at.to_offset(wib()).date();
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_begins_and_ends_in_western_indonesia() {
        let begins = beginning("from", "2026-11-24").unwrap();
        assert_eq!(wire_time::instant(&begins), Some(datetime!(2026-11-23 17:00 UTC)));
        let ends = end("until", "2026-11-24").unwrap().unwrap();
        assert_eq!(wire_time::instant(&ends), Some(datetime!(2026-11-24 17:00 UTC)));
        assert!(end("until", "").unwrap().is_none());
        assert!(beginning("from", "24/11/2026").is_err());
        assert_eq!(field(datetime!(2026-11-23 17:00 UTC)), "2026-11-24");
    }
}
