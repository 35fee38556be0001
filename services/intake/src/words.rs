//! Comparing what people wrote: normal form, stems, and keyed hashes of stems.
//!
//! **Why hashes.** To find earlier reports like a new one, intake must compare the words of all reports, but the
//! words may lie nowhere in clear: they are sealed under a key per report, and opening every report for each
//! comparison is neither fast nor wise. So each report has a row of keyed hashes (HMAC-SHA256 under a key
//! derived from the master key, cut to 32 bits) of its word stems and of pairs of neighbouring stems, in an
//! integer array with a GIN index. Likeness is the Jaccard index of two such sets. Who has the table without the
//! master key can tell that two reports share a stem, and how often a stem occurs, but cannot try out words;
//! order and number of the words are lost. The rows of an erased report are deleted. 32 bits collide once in
//! four billion pairs, which moves a likeness by less than it is rounded.
//!
//! **Why an own light stemmer.** PostgreSQL's `indonesian` stems too much (it cuts what belongs to a word) and has
//! no stop words, so those are taken out here, and stems are cut only as far as what is left stays a word.

use std::collections::{BTreeSet, HashSet};

use hmac::Mac as _;
use tuntas_domain::near_copy;
use zeroize::Zeroizing;

use crate::{seal::MasterKey, secrets::hmac_sha256};

/// Stems of one text that are compared; the rest of a very long text adds nothing.
const STEMS_MAX: usize = 400;
const WORD_CHARS_MIN: usize = 3;
const WORD_CHARS_MAX: usize = 40;
/// What must be left of a word after cutting.
const STEM_CHARS_MIN: usize = 4;

/// Words that say nothing about the matter: particles, pronouns, prepositions, courtesies; Indonesian and English.
const STOP_WORDS: &str = "ada adalah agar akan aku anda antara apa apakah atas atau bagi bagaimana bahwa banyak \
    bapak bapakibu bila bisa boleh bukan cuma dalam dan dapat dari dengan demi depan di dia dong dua hal hanya harap \
    hari hingga ialah ibu ini itu jadi jika juga kalau kami kan kapan karena kata kepada kemudian kenapa kita kok \
    kurang lagi lain lalu lebih maka malah mana masih mau melalui melapor melaporkan memang mereka mohon mungkin nah \
    namun oleh orang pada padahal pak para pas pernah pula pun saat sampai sana sangat satu saya sebagai sebab sebuah \
    secara sejak sekali sekarang selama selamat semua sering seperti serta setelah setiap siapa sini sudah supaya \
    tadi tanpa tapi telah tentang terhadap terima terimakasih kasih tersebut tetap tetapi tiap tidak tolong untuk \
    untk utk waktu wib yaitu yang yg dgn krn tdk sdh dlm pd assalamualaikum pagi siang sore malam dear \
    the and for with that this from are was were been have has not but our your please they them there here very";

const PREFIXES: &[&str] = &[
    "memper", "diper", "menge", "meny", "meng", "peng", "peny", "mem", "men", "pem", "pen", "ber", "ter", "per", "me",
    "pe", "be", "di", "ke", "se",
];
const SUFFIXES: &[&str] = &["kan", "an", "i"];
const PARTICLES: &[&str] = &["lah", "kah", "tah", "pun", "nya", "ku", "mu"];

/// Words of a text: small letters, no stop words, no single letters.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let stop = stop_words();
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| (WORD_CHARS_MIN..=WORD_CHARS_MAX).contains(&word.chars().count()))
        .map(str::to_lowercase)
        .filter(|word| !stop.contains(word.as_str()))
        .collect()
}

/// Stems of a text, in order.
#[must_use]
pub fn stems(text: &str) -> Vec<String> {
    words(text).iter().map(|word| stem(word)).take(STEMS_MAX).collect()
}

/// The text in the form in which the register is searched.
#[must_use]
pub fn normal_form(text: &str) -> String {
    words(text).join(" ")
}

/// Cuts particles, one suffix and one prefix, as long as a word is left.
#[must_use]
pub fn stem(word: &str) -> String {
    let mut rest = word;
    for particle in PARTICLES {
        rest = cut_end(rest, particle);
    }
    rest = SUFFIXES
        .iter()
        .map(|suffix| cut_end(rest, suffix))
        .find(|cut| *cut != rest)
        .unwrap_or(rest);
    rest = PREFIXES
        .iter()
        .map(|prefix| cut_start(rest, prefix))
        .find(|cut| *cut != rest)
        .unwrap_or(rest);
    rest.to_owned()
}

fn cut_end<'a>(word: &'a str, end: &str) -> &'a str {
    word.strip_suffix(end)
        .filter(|rest| rest.chars().count() >= STEM_CHARS_MIN)
        .unwrap_or(word)
}

fn cut_start<'a>(word: &'a str, start: &str) -> &'a str {
    word.strip_prefix(start)
        .filter(|rest| rest.chars().count() >= STEM_CHARS_MIN)
        .unwrap_or(word)
}

fn stop_words() -> &'static HashSet<&'static str> {
    static WORDS: std::sync::OnceLock<HashSet<&'static str>> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| STOP_WORDS.split_whitespace().collect())
}

/// Makes the keyed hashes.
#[derive(Clone)]
pub struct Grams {
    key: Zeroizing<Vec<u8>>,
    answer_key: Zeroizing<Vec<u8>>,
}

impl Grams {
    /// With keys derived from the master key: one for reports, one for answers.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let derived = |purpose: &[u8]| {
            let mac = hmac_sha256(master.key().bytes()).chain_update(purpose).finalize();
            Zeroizing::new(mac.into_bytes().to_vec())
        };
        Self {
            key: derived(b"tuntas.intake.grams"),
            answer_key: derived(b"tuntas.intake.answer_grams"),
        }
    }

    /// The set of hashes of a text, ascending.
    #[must_use]
    pub fn of(&self, text: &str) -> Vec<i32> {
        let stems = stems(text);
        let single = stems.iter().map(|stem| self.hash(&[stem]));
        let pairs = stems.windows(2).map(|pair| self.hash(pair));
        single.chain(pairs).collect::<BTreeSet<i32>>().into_iter().collect()
    }

    /// The set of hashes of an answer: of its runs of words as they stand, because what is looked for is the same
    /// words in the same order.
    #[must_use]
    pub fn of_answer(&self, text: &str) -> BTreeSet<i32> {
        let runs = near_copy::shingles(text);
        runs.iter().map(|run| hash(&self.answer_key, &[run])).collect()
    }

    fn hash<S: AsRef<str>>(&self, stems: &[S]) -> i32 {
        hash(&self.key, stems)
    }
}

fn hash<S: AsRef<str>>(key: &[u8], parts: &[S]) -> i32 {
    let mac = parts
        .iter()
        .fold(hmac_sha256(key), |mac, part| {
            mac.chain_update(part.as_ref()).chain_update([0])
        })
        .finalize()
        .into_bytes();
    mac.iter()
        .take(4)
        .fold(0_i32, |value, byte| (value << 8) | i32::from(*byte))
}

impl std::fmt::Debug for Grams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grams(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (a, b) in [
            ("rusaknya", "rusak"),
            ("dirusakkan", "rusak"),
            ("lampunya", "lampu"),
            ("jembatan", "jembatan"),
            ("berlubang", "lubang"),
            ("pembayaran", "bayar"),
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
    }

    #[test]
    fn stop_words_and_punctuation_vanish() {
        assert_eq!(
            normal_form("Mohon, jalan yang BERLUBANG di depan pasar!!"),
            "jalan berlubang pasar"
        );
        assert_eq!(normal_form("di ke a - ?"), "");
    }

    #[test]
    fn like_texts_share_hashes_and_a_key_changes_them_all() {
        let grams = Grams::new(&MasterKey::parse(&"ab".repeat(32)).unwrap());
        let other = Grams::new(&MasterKey::parse(&"cd".repeat(32)).unwrap());
        let shared = |a: &[i32], b: &[i32]| a.iter().filter(|gram| b.contains(gram)).count();
        let text = grams.of("Jalan berlubang di depan pasar Arengka");
        assert!(text.is_sorted() && !text.is_empty());
        assert!(shared(&text, &grams.of("pasar arengka jalannya berlubang")) >= 4);
        assert_eq!(shared(&text, &grams.of("Guru tidak hadir di kelas")), 0);
        assert_eq!(shared(&text, &other.of("Jalan berlubang di depan pasar Arengka")), 0);
    }

    #[test]
    fn an_answers_hashes_are_of_its_runs_of_words_under_a_key_of_their_own() {
        let grams = Grams::new(&MasterKey::parse(&"ab".repeat(32)).unwrap());
        let other = Grams::new(&MasterKey::parse(&"cd".repeat(32)).unwrap());
        let text = "Lubang ditambal oleh regu pemeliharaan pada 3 Maret";
        assert_eq!(grams.of_answer(text).len(), near_copy::shingles(text).len());
        assert_eq!(
            grams.of_answer(text),
            grams.of_answer("lubang ditambal oleh regu pemeliharaan, pada 17 maret!")
        );
        assert!(grams.of_answer(text).is_disjoint(&other.of_answer(text)));
        let word = "lubang";
        assert!(!grams.of_answer(word).contains(&grams.of(word)[0]));
    }

    #[test]
    fn a_very_long_text_is_bounded() {
        let long = "kata0 ".repeat(1_000_000);
        assert!(stems(&long).len() <= STEMS_MAX);
        assert!(words(&"x".repeat(1_000_000)).is_empty());
    }
}
