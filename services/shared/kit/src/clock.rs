//! The injected clock: real time, or a demo time that an operator moves forward.
//!
//! Business rules take the instant as an argument, and this is where the instant comes from. Leases,
//! back-off and TLS use real time and have nothing to do with this module.
//!
//! Demo time stands still between two [`Clock::advance_to`] calls, so a journey gives the same result on
//! every run. It is kept in a file which every process of the platform shares and re-reads when it starts:
//! a process that was killed comes back at the platform's time. Once demo time reaches real time the clock
//! runs on as a real one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Microseconds; the precision of PostgreSQL's `timestamptz`, so that a stored instant reads back equal.
const MICROSECOND_NANOS: i64 = 1_000;

/// Where "now" comes from. Cheap to clone; clones share the demo time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// Real time.
    System,
    /// A time moved by [`Clock::advance_to`].
    Demo(Arc<DemoClock>),
}

/// The state behind [`Clock::Demo`].
#[derive(Debug)]
pub struct DemoClock {
    /// Unix time in microseconds; `i64::MAX` once demo time has caught up with real time.
    micros: AtomicI64,
    file: Option<PathBuf>,
}

impl DemoClock {
    fn move_to(&self, micros: i64) -> Result<(), ClockError> {
        self.micros.fetch_max(micros, Ordering::SeqCst);
        match &self.file {
            Some(file) => write_file(file, micros),
            None => Ok(()),
        }
    }
}

/// Why demo time could not be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The process runs on real time.
    #[error("the clock runs on real time and cannot be moved")]
    NotDemo,
    /// Time only goes forward.
    #[error("the demo clock is at {now} and cannot go back to {asked}")]
    Backwards {
        /// Where the clock is.
        now: OffsetDateTime,
        /// What was asked.
        asked: OffsetDateTime,
    },
    /// The clock file holds something else than an RFC 3339 instant or `live`.
    #[error("clock file {}: not an RFC 3339 instant", .0.display())]
    Malformed(PathBuf),
    /// The clock file could not be read or written.
    #[error("clock file {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

const LIVE: i64 = i64::MAX;
const LIVE_WORD: &str = "live";

impl Clock {
    /// A demo clock that starts at `start` and has no file: for tests.
    #[must_use]
    pub fn demo_at(start: OffsetDateTime) -> Self {
        Self::Demo(Arc::new(DemoClock {
            micros: AtomicI64::new(to_micros(start)),
            file: None,
        }))
    }

    /// A demo clock that starts at the instant written in `file` and writes there how far it got.
    ///
    /// # Errors
    /// The file cannot be read, or holds no instant.
    pub fn demo_from_file(file: &Path) -> Result<Self, ClockError> {
        Ok(Self::Demo(Arc::new(DemoClock {
            micros: AtomicI64::new(read_file(file)?),
            file: Some(file.to_owned()),
        })))
    }

    /// The instant that counts as now, in UTC, to the microsecond.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::System => real_now(),
            Self::Demo(demo) => match demo.micros.load(Ordering::SeqCst) {
                LIVE => real_now(),
                micros => from_micros(micros),
            },
        }
    }

    /// Whether this clock can be moved.
    #[must_use]
    pub fn is_demo(&self) -> bool {
        matches!(self, Self::Demo(_))
    }

    /// Moves a demo clock forward to `to` and records it in the clock file. Asking again for the same
    /// instant does nothing. Reaching real time turns the clock into a running one.
    ///
    /// # Errors
    /// The clock is a real one, `to` lies before its time, or the file cannot be written.
    pub fn advance_to(&self, to: OffsetDateTime) -> Result<OffsetDateTime, ClockError> {
        let Self::Demo(demo) = self else {
            return Err(ClockError::NotDemo);
        };
        let real = real_now();
        let now = self.now();
        if to < now {
            return Err(ClockError::Backwards { now, asked: to });
        }
        let micros = if to >= real { LIVE } else { to_micros(to) };
        demo.move_to(micros)?;
        Ok(self.now())
    }

    /// Lets a demo clock run on as a real one, from real time.
    ///
    /// # Errors
    /// The clock is a real one, or the file cannot be written.
    pub fn follow_real_time(&self) -> Result<OffsetDateTime, ClockError> {
        let Self::Demo(demo) = self else {
            return Err(ClockError::NotDemo);
        };
        demo.move_to(LIVE)?;
        Ok(self.now())
    }
}

/// Writes the instant at which demo processes sharing `file` will start.
///
/// # Errors
/// The file cannot be written.
pub fn write_clock_file(file: &Path, at: OffsetDateTime) -> Result<(), ClockError> {
    write_file(file, to_micros(at))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the real time"
)]
fn real_now() -> OffsetDateTime {
    from_micros(to_micros(OffsetDateTime::now_utc()))
}

/// Real time as text, for records of operation.
pub(crate) fn real_now_text() -> String {
    real_now().format(&Rfc3339).unwrap_or_default()
}

fn to_micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / i128::from(MICROSECOND_NANOS)).unwrap_or(LIVE)
}

fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * i128::from(MICROSECOND_NANOS))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn read_file(file: &Path) -> Result<i64, ClockError> {
    let text = fs::read_to_string(file).map_err(|e| ClockError::Io(file.to_owned(), e))?;
    match text.trim() {
        LIVE_WORD => Ok(LIVE),
        text => OffsetDateTime::parse(text, &Rfc3339)
            .map(to_micros)
            .map_err(|_| ClockError::Malformed(file.to_owned())),
    }
}

/// Replaces the file in one step, so that a process starting meanwhile reads the old or the new instant.
/// Another process may already have written a later one, which stays.
fn write_file(file: &Path, micros: i64) -> Result<(), ClockError> {
    let io_error = |e| ClockError::Io(file.to_owned(), e);
    if let Ok(written) = read_file(file)
        && written >= micros
    {
        return Ok(());
    }
    let text = match micros {
        LIVE => LIVE_WORD.to_owned(),
        micros => from_micros(micros)
            .format(&Rfc3339)
            .map_err(|_| ClockError::Malformed(file.to_owned()))?,
    };
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&beside, text).map_err(io_error)?;
    fs::rename(&beside, file).map_err(io_error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use time::{Duration, macros::datetime};

    use super::*;

    const START: OffsetDateTime = datetime!(2026-10-01 00:00 UTC);

    fn scratch_file(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("tuntas-clock-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir.join(name)
    }

    #[test]
    fn demo_time_stands_still_until_moved_and_only_moves_forward() {
        let clock = Clock::demo_at(START);
        assert_eq!(clock.now(), START);
        let later = START + Duration::days(3);
        assert_eq!(clock.advance_to(later).unwrap(), later);
        assert_eq!(clock.advance_to(later).unwrap(), later);
        assert!(matches!(clock.advance_to(START), Err(ClockError::Backwards { .. })));
        assert_eq!(clock.now(), later);
    }

    #[test]
    fn a_restarted_process_comes_back_at_the_platforms_time() {
        let file = scratch_file("restart");
        fs::write(&file, "2026-10-01T00:00:00Z\n").unwrap();
        let clock = Clock::demo_from_file(&file).unwrap();
        clock.advance_to(START + Duration::hours(5)).unwrap();
        let restarted = Clock::demo_from_file(&file).unwrap();
        assert_eq!(restarted.now(), START + Duration::hours(5));
    }

    #[test]
    fn a_process_that_lags_does_not_turn_the_file_back() {
        let file = scratch_file("lag");
        fs::write(&file, "2026-10-01T00:00:00Z").unwrap();
        let ahead = Clock::demo_from_file(&file).unwrap();
        let behind = Clock::demo_from_file(&file).unwrap();
        ahead.advance_to(START + Duration::hours(5)).unwrap();
        behind.advance_to(START + Duration::hours(4)).unwrap();
        assert_eq!(Clock::demo_from_file(&file).unwrap().now(), START + Duration::hours(5));
    }

    #[test]
    fn demo_time_that_reaches_real_time_runs_on() {
        let clock = Clock::demo_at(START);
        let first = clock.advance_to(real_now() + Duration::seconds(1)).unwrap();
        assert!(first <= real_now());
    }

    #[test]
    fn real_time_cannot_be_moved() {
        assert!(matches!(Clock::System.advance_to(START), Err(ClockError::NotDemo)));
    }

    #[test]
    fn a_malformed_file_is_named() {
        let file = scratch_file("bad");
        fs::write(&file, "yesterday").unwrap();
        let error = Clock::demo_from_file(&file).unwrap_err();
        assert!(error.to_string().contains("bad"), "{error}");
    }
}
