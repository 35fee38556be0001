//! Suggestions before filing: public reports like the words given, and categories that fit them.

use std::collections::{BTreeMap, BTreeSet};

use tuntas_kit::{directory::Snapshot, problem::Problem};
use tuntas_proto::intake::v1::{
    CategorySuggestion, SuggestCategoriesRequest, SuggestCategoriesResponse, SuggestSimilarRequest,
    SuggestSimilarResponse,
};

use crate::{
    intake::Intake,
    problems::QUERY_LENGTH,
    public,
    store::register_search,
    validate::{self, BODY_CHARS_MAX},
    words,
};

const SIMILAR_MAX: i64 = 5;
const CATEGORIES_MAX: usize = 5;
/// Words of a long text by which candidates are looked up.
const LOOKUP_WORDS_MAX: usize = 60;
/// What an example phrase counts when all of its words are there, and a single word of a name or an example.
const PHRASE_SCORE: u32 = 40;
const WORD_SCORE: u32 = 12;
const SCORE_MAX: u32 = 100;

/// Public reports like the words given. Nothing of the words is kept.
///
/// # Errors
/// `query_length`, or the database's.
pub async fn suggest_similar(
    intake: &Intake,
    request: SuggestSimilarRequest,
) -> Result<SuggestSimilarResponse, Problem> {
    check_length(&request.text)?;
    let words = words::words(&request.text);
    if words.is_empty() {
        return Ok(SuggestSimilarResponse::default());
    }
    let lookup: BTreeSet<&str> = words.iter().map(String::as_str).take(LOOKUP_WORDS_MAX).collect();
    let any_word = lookup.into_iter().collect::<Vec<_>>().join(" | ");
    let mut conn = intake.conn().await?;
    let rows = register_search::similar(
        &mut conn,
        &words.join(" "),
        &any_word,
        request.category_code.trim(),
        request.region_code.trim(),
        i32::try_from(intake.config.search.similar_min).unwrap_or(i32::MAX),
        SIMILAR_MAX,
    )
    .await?;
    Ok(SuggestSimilarResponse {
        reports: public::reports(intake, &mut conn, rows).await?,
    })
}

/// Categories that fit the words given, best first.
///
/// # Errors
/// `query_length`, or the database's.
pub async fn suggest_categories(
    intake: &Intake,
    request: SuggestCategoriesRequest,
) -> Result<SuggestCategoriesResponse, Problem> {
    check_length(&request.text)?;
    let mut conn = intake.conn().await?;
    let directory = intake.snapshot(&mut conn).await?;
    Ok(SuggestCategoriesResponse {
        suggestions: categories(&directory, &request.text),
    })
}

fn check_length(text: &str) -> Result<(), Problem> {
    if text.chars().nth(BODY_CHARS_MAX).is_some() || validate::given(text).is_none() {
        return Err(QUERY_LENGTH.into());
    }
    Ok(())
}

/// Compares the stems of a text with those of each category's name and examples.
#[must_use]
pub fn categories(directory: &Snapshot, text: &str) -> Vec<CategorySuggestion> {
    let stems: BTreeSet<String> = words::stems(text).into_iter().collect();
    let mut suggestions: Vec<CategorySuggestion> = directory
        .categories
        .iter()
        .filter_map(|(code, category)| {
            let names = [category.name_id.as_str(), category.name_en.as_str()];
            let (score, matched) = likeness(&stems, names, &category.examples_id);
            (score > 0).then(|| CategorySuggestion {
                category_code: code.to_string(),
                matched,
                score: score.min(SCORE_MAX),
            })
        })
        .collect();
    suggestions.sort_by(|a, b| {
        b.score
            .cmp(&a.score)
            .then_with(|| a.category_code.cmp(&b.category_code))
    });
    suggestions.truncate(CATEGORIES_MAX);
    suggestions
}

fn likeness(stems: &BTreeSet<String>, names: [&str; 2], examples: &[String]) -> (u32, Vec<String>) {
    // Each word counts once, however often the category says it.
    let mut matched: BTreeMap<String, String> = BTreeMap::new();
    let mut score = 0;
    for phrase in names.into_iter().chain(examples.iter().map(String::as_str)) {
        let words = words::words(phrase);
        let hits: Vec<(String, String)> = words
            .iter()
            .map(|word| (words::stem(word), word.clone()))
            .filter(|(stem, _)| stems.contains(stem))
            .collect();
        if !words.is_empty() && hits.len() == words.len() {
            score += PHRASE_SCORE;
        }
        matched.extend(hits);
    }
    score += WORD_SCORE * u32::try_from(matched.len()).unwrap_or(u32::MAX / WORD_SCORE);
    (score, matched.into_values().collect())
}
