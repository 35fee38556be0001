//! Near copies: whether an answer repeats another one almost word for word.
//!
//! Texts are compared where the words live; only the finding leaves that place.
//!
//! **What the number means.** A text is taken as the set of its runs of [`SHINGLE_WORDS`] words; the similarity of two
//! texts is the share of the runs found in either that are found in both (Jaccard). 10,000 basis points: word for word
//! the same, but for dates, amounts and ticket numbers. Each other place at which a text was filled in differently
//! costs the runs that touch it: of a template of 45 words with another road in one place about three quarters stay,
//! with another road and another defect about 6 in 10. Two answers that were written for their case share a greeting
//! and a closing, 1 or 2 runs in 10. From which number on an answer counts as a near copy is policy
//! ([`crate::policy::ScoringPolicy::near_copy_from_basis_points`]).

use std::collections::BTreeSet;

/// Words of a shingle.
pub const SHINGLE_WORDS: usize = 4;

/// The set of shingles of a text: every run of [`SHINGLE_WORDS`] words, lower case, without punctuation and without
/// anything that holds a digit (an answer that differs from another in its date, number or ticket only is a copy). A
/// shorter text is one shingle.
#[must_use]
pub fn shingles(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split_whitespace()
        .filter(|token| !token.contains(char::is_numeric))
        .flat_map(|token| token.split(|c: char| !c.is_alphabetic()))
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

/// Similarity (Jaccard) of two sets of shingles, or of keyed hashes of them, in basis points: 10,000 is the same, 0
/// nothing in common or empty. The other one may be any list that has each member once: it is walked, not searched.
#[must_use]
pub fn similarity_basis_points<'a, T: Ord + 'a>(one: &BTreeSet<T>, other: impl IntoIterator<Item = &'a T>) -> u32 {
    let (mut common, mut only_other) = (0_usize, 0_usize);
    for member in other {
        *if one.contains(member) {
            &mut common
        } else {
            &mut only_other
        } += 1;
    }
    let all = one.len() + only_other;
    common
        .checked_mul(10_000)
        .and_then(|common| common.checked_div(all))
        .and_then(|points| u32::try_from(points).ok())
        .unwrap_or(0)
}
