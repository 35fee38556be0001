//! Near copies: whether an answer repeats another one almost word for word.
//!
//! Texts are compared where the words live; only the finding leaves that place.

use std::collections::BTreeSet;

/// Words of a shingle.
pub const SHINGLE_WORDS: usize = 4;

/// The set of shingles of a text: every run of [`SHINGLE_WORDS`] words, lower case, without punctuation and digits
/// (an answer that differs from another in its date and number only is a copy). A shorter text is one shingle.
#[must_use]
pub fn shingles(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        return BTreeSet::new();
    }
    if words.len() < SHINGLE_WORDS {
        return BTreeSet::from([words.join(" ")]);
    }
    words.windows(SHINGLE_WORDS).map(|run| run.join(" ")).collect()
}

/// Similarity (Jaccard) of two sets of shingles in basis points: 10,000 is the same, 0 nothing in common or empty.
#[must_use]
pub fn similarity_basis_points(one: &BTreeSet<String>, other: &BTreeSet<String>) -> u32 {
    let common = one.intersection(other).count();
    let all = one.union(other).count();
    common
        .checked_mul(10_000)
        .and_then(|common| common.checked_div(all))
        .and_then(|points| u32::try_from(points).ok())
        .unwrap_or(0)
}
