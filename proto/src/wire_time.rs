//! Instants on the wire: `google.protobuf.Timestamp`, always UTC.

use prost_types::Timestamp;
use time::OffsetDateTime;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// An instant as it goes on the wire.
#[must_use]
pub fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}

/// An instant from the wire; none when it lies outside of the years that `time` knows or its nanoseconds are not
/// within one second.
#[must_use]
pub fn instant(at: &Timestamp) -> Option<OffsetDateTime> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        return None;
    }
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.seconds) * NANOS_PER_SECOND + i128::from(at.nanos)).ok()
}
