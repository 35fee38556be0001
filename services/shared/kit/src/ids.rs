//! Fresh identifiers and random bytes: the only place that makes them.
//!
//! Inside the platform ids are UUID v7, so that index pages fill in order (v4 keys tripled the write-ahead
//! log per insert by 10^7 rows). What goes outside must not tell when it was made: use [`random_bytes`].

use rand::Rng;
use uuid::Uuid;

/// A new UUID v7. Its timestamp is real time even in demo mode: ids order by creation, they date nothing.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// `N` bytes from the operating system's generator.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws randomness")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_one_after_the_other_ascend() {
        let ids: Vec<Uuid> = (0..1_000).map(|_| new_id()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<16>(), random_bytes::<16>());
    }
}
