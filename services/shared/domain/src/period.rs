//! Periods of evaluation: month, quarter, year, each in WIB.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

use crate::calendar::{wib_date, wib_midnight};

/// A month, quarter or year in WIB; written `2026-11`, `2026-Q4`, `2026`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    year: i32,
    first_month: u8,
    months: u8,
}

/// The text is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a period is written 2026-11, 2026-Q4 or 2026, not {0:?}")]
pub struct PeriodError(String);

impl Period {
    /// The month in which a moment lies.
    #[must_use]
    pub fn month_of(at: OffsetDateTime) -> Self {
        let date = wib_date(at);
        Self {
            year: date.year(),
            first_month: date.month().into(),
            months: 1,
        }
    }

    /// The quarter in which a moment lies.
    #[must_use]
    pub fn quarter_of(at: OffsetDateTime) -> Self {
        let date = wib_date(at);
        let month: u8 = date.month().into();
        Self {
            year: date.year(),
            first_month: (month.saturating_sub(1) / 3) * 3 + 1,
            months: 3,
        }
    }

    /// The year in which a moment lies.
    #[must_use]
    pub fn year_of(at: OffsetDateTime) -> Self {
        Self {
            year: wib_date(at).year(),
            first_month: 1,
            months: 12,
        }
    }

    /// First moment.
    #[must_use]
    pub fn from(self) -> OffsetDateTime {
        first_of(self.year, self.first_month)
    }

    /// First moment after it.
    #[must_use]
    pub fn to(self) -> OffsetDateTime {
        let next = self.first_month.saturating_add(self.months);
        if next > 12 {
            first_of(self.year.saturating_add(1), 1)
        } else {
            first_of(self.year, next)
        }
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub fn contains(self, at: OffsetDateTime) -> bool {
        self.from() <= at && at < self.to()
    }
}

fn first_of(year: i32, month: u8) -> OffsetDateTime {
    let month = Month::try_from(month).unwrap_or(Month::January);
    wib_midnight(Date::from_calendar_date(year, month, 1).unwrap_or(Date::MAX))
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.months {
            1 => write!(f, "{:04}-{:02}", self.year, self.first_month),
            3 => write!(f, "{:04}-Q{}", self.year, self.first_month / 3 + 1),
            _ => write!(f, "{:04}", self.year),
        }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let wrong = || PeriodError(text.chars().take(16).collect());
        let (year, rest) = match text.split_once('-') {
            Some((year, rest)) => (year, Some(rest)),
            None => (text, None),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || !all_digits(year) {
            return Err(wrong());
        }
        let year: i32 = year.parse().map_err(|_| wrong())?;
        let Some(rest) = rest else {
            return Ok(Self {
                year,
                first_month: 1,
                months: 12,
            });
        };
        if let Some(quarter) = rest.strip_prefix('Q') {
            let quarter: u8 = quarter.parse().map_err(|_| wrong())?;
            if rest.len() != 2 || !(1..=4).contains(&quarter) {
                return Err(wrong());
            }
            return Ok(Self {
                year,
                first_month: quarter * 3 - 2,
                months: 3,
            });
        }
        let month: u8 = rest.parse().map_err(|_| wrong())?;
        if rest.len() != 2 || !all_digits(rest) || !(1..=12).contains(&month) {
            return Err(wrong());
        }
        Ok(Self {
            year,
            first_month: month,
            months: 1,
        })
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}
