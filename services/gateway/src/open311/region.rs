//! Which regency or city a report is about, from what a client says. Coordinates do not tell: no boundary is known here.

use crate::directory::Directory;

/// The region of a code or a name, whatever its case.
#[must_use]
pub fn named<'a>(directory: &'a Directory, text: &str) -> Option<&'a str> {
    let text = text.trim().to_lowercase();
    let mut regions = directory.regions.values();
    regions
        .find(|region| region.code == text || region.bps_code == text || region.name.to_lowercase() == text)
        .map(|region| region.code.as_str())
}

/// The one region whose name stands in a text; none when none does, or several do. "Kampar" in "Kampar Kiri" counts, a part
/// of a longer word does not.
#[must_use]
pub fn in_text<'a>(directory: &'a Directory, text: &str) -> Option<&'a str> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let stands = |name: &str| {
        let name: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        !name.is_empty() && words.windows(name.len()).any(|part| part == name)
    };
    let mut found = directory.regions.values().filter(|region| stands(&region.name));
    let first = found.next()?;
    found.next().is_none().then_some(first.code.as_str())
}
