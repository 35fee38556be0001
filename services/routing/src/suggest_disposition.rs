//! Suggests where a case should go, each suggestion with its reason in words; a human decides.
//!
//! Words are compared inside intake, which gives out ids alone. With intake away there are fewer suggestions.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tuntas_domain::{Case, CaseId, OpdCode};
use tuntas_kit::{
    auth::Assertion,
    client,
    directory::{EXTERNAL, Snapshot},
    problem::{Problem, UNKNOWN_CASE},
    telemetry,
};
use tuntas_proto::{
    event::v1::{Agency, Category},
    intake::v1::{FindSimilarRequest, FindSimilarResponse},
    routing::v1::{DispositionSuggestion, DuplicateSuggestion, SuggestDispositionRequest, SuggestDispositionResponse},
};

use crate::{Routing, caller::Caller, get_case::authorize, store};

/// Suggestions given; more would not help a human.
const SUGGESTIONS_MAX: usize = 10;
/// Similarity from which an earlier report may be a duplicate, in percent.
const DUPLICATE_FROM: u32 = 60;

const SCORE_PLACE: u32 = 90;
const SCORE_AUTHORITY: u32 = 85;
const SCORE_CATEGORY: u32 = 70;
const SCORE_NAMED: u32 = 50;
const SCORE_COORDINATOR: u32 = 30;
const SCORE_SOME_AUTHORITY: u32 = 20;
/// Earlier dispositions weigh by their share, from this on.
const SCORE_EARLIER_FROM: u32 = 40;
const SCORE_EARLIER_SPAN: u64 = 40;

/// Suggestions for a case that the caller may see, best first.
///
/// # Errors
/// `unknown_case`, `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn suggest_disposition(
    routing: &Routing,
    assertion: &Assertion,
    request: &SuggestDispositionRequest,
) -> Result<SuggestDispositionResponse, Problem> {
    let case_id: CaseId = request
        .case_id
        .parse()
        .map_err(|error| Problem::invalid("case_id", error))?;
    let mut conn = routing.pool.acquire().await?;
    let case = store::cases::load(&mut conn, case_id).await?.ok_or(UNKNOWN_CASE)?;
    let now = routing.clock.now();
    let (caller, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    authorize(&caller, assertion, &case)?;
    let mut found = Found {
        directory: &directory,
        case: &case,
        suggestions: Vec::new(),
    };
    found.by_competence();
    found.by_name(&mut conn).await?;
    found
        .by_history(&mut conn, routing.config.suggestions.earlier_max)
        .await?;
    // No connection is held while another service is asked.
    drop(conn);
    let similar = find_similar(routing, assertion, &case).await;
    found.by_words(&similar);
    Ok(SuggestDispositionResponse {
        suggestions: found.best_first(),
        duplicates: duplicates(&similar, &case),
    })
}

struct Found<'a> {
    directory: &'a Snapshot,
    case: &'a Case,
    suggestions: Vec<DispositionSuggestion>,
}

impl Found<'_> {
    /// The agency of the category; or, for what is not the province's, the authority to refer to.
    fn by_competence(&mut self) {
        let directory = self.directory;
        let Some(category) = self
            .case
            .category
            .as_ref()
            .and_then(|code| directory.categories.get(code))
        else {
            return;
        };
        match category.competence.as_str() {
            "kabupaten_kota" => self.by_place(category),
            "instansi_vertikal" => self.by_authority(category),
            _ => {
                let name = self.name(&category.default_opd);
                let reason = format!(
                    "Kategori “{}” adalah kewenangan provinsi dan ditangani oleh {name}.",
                    category.name_id
                );
                self.add(&category.default_opd, SCORE_CATEGORY, "category_default", reason);
            }
        }
    }

    fn by_place(&mut self, category: &Category) {
        let directory = self.directory;
        let region = self.case.region.as_ref();
        let there =
            |agency: &&Agency| is_authority(agency) && region.is_some_and(|code| agency.region_code == code.as_str());
        let place = region.and_then(|code| directory.regions.get(code));
        let place = place.map_or("wilayah laporan", |region| region.name.as_str());
        for agency in directory.agencies.values().filter(there) {
            let reason = format!(
                "Kategori “{}” adalah kewenangan kabupaten/kota; lokasi laporan di {place}, \
                 jadi rujukannya {}.",
                category.name_id, agency.official_name
            );
            self.add(&agency.code, SCORE_PLACE, "place", reason);
        }
        self.coordinator(category, "kabupaten/kota");
    }

    /// The agency of the province that knows the matter, in case the report should stay after all.
    fn coordinator(&mut self, category: &Category, whose: &str) {
        let name = self.name(&category.default_opd);
        let reason = format!(
            "Kategori “{}” adalah kewenangan {whose}; {name} hanya mengoordinasikan di tingkat provinsi.",
            category.name_id
        );
        self.add(&category.default_opd, SCORE_COORDINATOR, "category_default", reason);
    }

    fn by_authority(&mut self, category: &Category) {
        let directory = self.directory;
        let vertical = |agency: &&Agency| is_authority(agency) && agency.region_code.is_empty();
        let authorities: Vec<&Agency> = directory.agencies.values().filter(vertical).collect();
        let named: Vec<&&Agency> = authorities
            .iter()
            .filter(|agency| shares_a_word(category, agency))
            .collect();
        for agency in &named {
            let reason = format!(
                "Kategori “{}” adalah kewenangan instansi vertikal; yang sesuai adalah {}.",
                category.name_id, agency.official_name
            );
            self.add(&agency.code, SCORE_AUTHORITY, "category_default", reason);
        }
        if named.is_empty() {
            for agency in &authorities {
                let reason = format!(
                    "Kategori “{}” adalah kewenangan instansi vertikal; {} salah satunya.",
                    category.name_id, agency.official_name
                );
                self.add(&agency.code, SCORE_SOME_AUTHORITY, "category_default", reason);
            }
        }
        self.coordinator(category, "instansi vertikal");
    }

    async fn by_name(&mut self, conn: &mut PgConnection) -> Result<(), Problem> {
        if let Some(named) = store::cases::named_opd(conn, self.case.id).await? {
            let reason = format!("Pelapor menyebut {} saat melapor.", self.name(&named));
            self.add(&named, SCORE_NAMED, "named_by_reporter", reason);
        }
        Ok(())
    }

    async fn by_history(&mut self, conn: &mut PgConnection, earlier_max: u32) -> Result<(), Problem> {
        let earlier = store::cases::earlier_handlers(conn, self.case, earlier_max).await?;
        let total: u64 = earlier.iter().map(|(_, cases)| cases).sum();
        for (code, cases) in earlier {
            let weight = SCORE_EARLIER_SPAN * cases / total.max(1);
            let score = SCORE_EARLIER_FROM + u32::try_from(weight).unwrap_or(0);
            let reason = format!(
                "{cases} dari {total} kasus terdahulu dengan kategori dan wilayah yang sama \
                 diteruskan ke {}.",
                self.name(&code)
            );
            self.add(&code, score, "earlier_dispositions", reason);
        }
        Ok(())
    }

    /// Agencies that handled reports in like words; the closest report counts.
    fn by_words(&mut self, similar: &FindSimilarResponse) {
        let mut handled: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        let others = similar.reports.iter().filter(|report| !report.lead_opd.is_empty());
        for report in others {
            let (reports, closest) = handled.entry(&report.lead_opd).or_default();
            *reports += 1;
            *closest = (*closest).max(report.similarity.min(100));
        }
        for (code, (reports, closest)) in handled {
            let reason = format!(
                "{reports} laporan dengan kata-kata serupa (kemiripan tertinggi {closest}%) \
                 ditangani oleh {}.",
                self.name(code)
            );
            self.add(code, closest * 4 / 5, "words", reason);
        }
        for suggested in &similar.categories {
            let Some(category) = suggested
                .category_code
                .parse()
                .ok()
                .and_then(|code| self.directory.categories.get(&code))
                .filter(|category| {
                    self.case
                        .category
                        .as_ref()
                        .is_none_or(|own| own.as_str() != category.code)
                })
            else {
                continue;
            };
            let reason = format!(
                "Kata-kata laporan ({}) mengarah ke kategori “{}”, yang ditangani oleh {}.",
                suggested.matched.join(", "),
                category.name_id,
                self.name(&category.default_opd)
            );
            self.add(&category.default_opd, suggested.score.min(100) / 2, "words", reason);
        }
    }

    fn add(&mut self, code: &str, score: u32, reason_code: &str, reason: String) {
        let Some(agency) = code
            .parse()
            .ok()
            .and_then(|code: OpdCode| self.directory.agencies.get(&code))
            .filter(|agency| agency.active)
        else {
            return;
        };
        // Rule M10: the unit complained about is not asked to handle it.
        if self
            .case
            .complained_unit
            .as_ref()
            .is_some_and(|unit| unit.as_str() == code)
        {
            return;
        }
        self.suggestions.push(DispositionSuggestion {
            code: code.to_owned(),
            referral: is_authority(agency),
            score,
            reason_code: reason_code.to_owned(),
            reason,
        });
    }

    fn name(&self, code: &str) -> String {
        let found = code
            .parse()
            .ok()
            .and_then(|code: OpdCode| self.directory.agencies.get(&code));
        found.map_or_else(|| code.to_owned(), |agency| agency.short_name.clone())
    }

    fn best_first(mut self) -> Vec<DispositionSuggestion> {
        self.suggestions
            .sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.code.cmp(&b.code)));
        self.suggestions.truncate(SUGGESTIONS_MAX);
        self.suggestions
    }
}

fn is_authority(agency: &Agency) -> bool {
    agency.kind == EXTERNAL
}

/// Whether a category and an authority have a telling word in common, like "BPJS".
fn shares_a_word(category: &Category, agency: &Agency) -> bool {
    const LETTERS_MIN: usize = 3;
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() >= LETTERS_MIN)
            .map(str::to_lowercase)
            .collect()
    };
    let own = words(&format!(
        "{} {} {}",
        category.code,
        category.name_id,
        category.examples_id.join(" ")
    ));
    words(&agency.code).iter().any(|word| own.contains(word))
}

async fn find_similar(routing: &Routing, assertion: &Assertion, case: &Case) -> FindSimilarResponse {
    let Some((vault, report)) = routing.vault.clone().zip(case.live_members().next()) else {
        return FindSimilarResponse::default();
    };
    let request = FindSimilarRequest {
        report_id: report.report.to_string(),
        limit: routing.config.suggestions.similar_max,
    };
    match ask_vault(routing, vault, assertion, request).await {
        Ok(answer) => answer,
        Err(problem) => {
            tracing::warn!(error.chain = %telemetry::chain(&problem), "no comparison of words");
            FindSimilarResponse::default()
        }
    }
}

async fn ask_vault(
    routing: &Routing,
    mut vault: crate::Vault,
    assertion: &Assertion,
    request: FindSimilarRequest,
) -> Result<FindSimilarResponse, Problem> {
    let request = client::request_as(request, &assertion.token)?;
    let limit = routing.config.suggestions.vault_timeout();
    match tokio::time::timeout(limit, vault.find_similar(request)).await {
        Ok(answer) => answer.map(tonic::Response::into_inner).map_err(Problem::unavailable),
        Err(elapsed) => Err(Problem::unavailable(elapsed)),
    }
}

/// Cases whose reports are alike enough to be one, the most alike first.
fn duplicates(similar: &FindSimilarResponse, case: &Case) -> Vec<DuplicateSuggestion> {
    let own = case.id.to_string();
    let mut closest: BTreeMap<&str, u32> = BTreeMap::new();
    for report in &similar.reports {
        if report.similarity >= DUPLICATE_FROM && !report.case_id.is_empty() && report.case_id != own {
            let similarity = closest.entry(&report.case_id).or_default();
            *similarity = (*similarity).max(report.similarity);
        }
    }
    let mut duplicates: Vec<DuplicateSuggestion> = closest
        .into_iter()
        .map(|(case_id, similarity)| DuplicateSuggestion {
            case_id: case_id.to_owned(),
            similarity,
        })
        .collect();
    duplicates.sort_by_key(|duplicate| std::cmp::Reverse(duplicate.similarity));
    duplicates
}
