//! Finds what looks like personal data in words that may become public, so that the person can take it out first.

use std::sync::LazyLock;

use regex::Regex;

use crate::lang::Lang;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// 16 digits in a row: an identity or family card number.
    IdentityNumber,
    /// An Indonesian telephone number.
    Telephone,
    /// An e-mail address.
    Email,
    /// A vehicle's number plate.
    NumberPlate,
    /// A bank account: ten to fifteen digits after the word.
    BankAccount,
}

static PATTERNS: LazyLock<Vec<(Finding, Regex)>> = LazyLock::new(|| {
    let patterns = [
        (
            Finding::IdentityNumber,
            r"\b\d{2}[ .-]?\d{2}[ .-]?\d{2}[ .-]?\d{6}[ .-]?\d{4}\b",
        ),
        (
            Finding::Telephone,
            r"(?:\+62|\b62|\b0)[ -]?8\d{1,2}[ -]?\d{3,4}[ -]?\d{3,5}\b",
        ),
        (Finding::Email, r"(?i)\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b"),
        (Finding::NumberPlate, r"\b[A-Z]{1,2} ?\d{3,4} ?[A-Z]{1,3}\b"),
        (
            Finding::BankAccount,
            r"(?i)\brek(?:ening)?\b[^\d\n]{0,20}\d[\d .-]{8,18}\d\b",
        ),
    ];
    patterns
        .into_iter()
        .filter_map(|(finding, pattern)| Some((finding, Regex::new(pattern).ok()?)))
        .collect()
});

/// What a text seems to hold, each kind once.
#[must_use]
pub fn find(text: &str) -> Vec<Finding> {
    PATTERNS
        .iter()
        .filter(|(_, pattern)| pattern.is_match(text))
        .map(|(finding, _)| *finding)
        .collect()
}

impl Finding {
    /// Its name.
    #[must_use]
    pub const fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::IdentityNumber => lang.t("nomor KTP atau KK", "an identity card number"),
            Self::Telephone => lang.t("nomor telepon", "a telephone number"),
            Self::Email => lang.t("alamat surel", "an e-mail address"),
            Self::NumberPlate => lang.t("nomor kendaraan", "a number plate"),
            Self::BankAccount => lang.t("nomor rekening", "a bank account number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_personal_data_is_found() {
        assert_eq!(find("NIK saya 1471010101900001."), [Finding::IdentityNumber]);
        assert_eq!(
            find("hubungi 0812-3456-7890 atau +62 813 4567 890"),
            [Finding::Telephone]
        );
        assert_eq!(find("surat ke contoh@contoh.invalid"), [Finding::Email]);
        assert_eq!(find("truk BM 1234 XY melintas"), [Finding::NumberPlate]);
        assert_eq!(find("transfer ke rekening BRK 1234567890"), [Finding::BankAccount]);
    }

    #[test]
    fn ordinary_numbers_are_not() {
        for text in [
            "jalan sejak 2024",
            "RT 03 RW 05",
            "Rp 1.500.000",
            "km 12,5 dari simpang",
            "0761 kode wilayah",
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }
}
