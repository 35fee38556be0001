//! The hashes of the log: one over each event's bytes, and one that chains them.

use sha2::{Digest, Sha256};

/// Bytes of a SHA-256 hash.
pub const HASH_BYTES: usize = 32;
/// A SHA-256 hash.
pub type Hash = [u8; HASH_BYTES];
/// Chain hash of the empty log.
pub const EMPTY_CHAIN: Hash = [0; HASH_BYTES];

/// Leaf hash of RFC 6962 section 2.1: SHA-256 of 0x00 and the event's bytes.
#[must_use]
pub fn leaf_hash(body: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(body).finalize().into()
}

/// SHA-256 of the chain hash before and the leaf hash.
#[must_use]
pub fn chain_hash(before: &Hash, leaf: &Hash) -> Hash {
    Sha256::new().chain_update(before).chain_update(leaf).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaf_of_nothing_is_the_one_of_the_rfc() {
        // SHA-256 of the single byte 0x00, a value that any other implementation gives too.
        assert_eq!(
            hex::encode(leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn the_chain_tells_the_order() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let ab = chain_hash(&chain_hash(&EMPTY_CHAIN, &a), &b);
        let ba = chain_hash(&chain_hash(&EMPTY_CHAIN, &b), &a);
        assert_ne!(ab, ba);
    }
}
