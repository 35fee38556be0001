//! Evaluation: figures of the own agency and the own position, each breach with its case, the right of reply, decisions
//! by those who may, and the overview of all agencies.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use tuntas_domain::{Role, calendar::wib};
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::evaluation::v1::{
    Breach, DecideRequest, EvaluationCase, ListBreachesRequest, ListEvaluationCasesRequest, ListScoresRequest, Ratio,
    ReplyRequest, Score,
};

use crate::{
    accounts::User,
    citizen::draft::fresh_key,
    directory::Directory,
    ombudsman::words,
    platform::answer,
    web::{
        Web,
        fault::Fault,
        format,
        page::{Page, SignedIn, html},
    },
};

/// Roles that compare all agencies.
const COMPARE: [Role; 5] = [
    Role::Director,
    Role::Patron,
    Role::Manager,
    Role::Auditor,
    Role::Ombudsman,
];
/// Months offered in the choice of a period.
const MONTHS_OFFERED: usize = 12;
/// Breaches shown below a figure.
const BREACHES_SHOWN_MAX: usize = 200;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `2026-11`, `2026-Q4` or `2026`.
    periode: String,
    /// Column that the overview is sorted by.
    urut: String,
    /// `opd` or `position`.
    per: String,
    /// Agency or position of the details.
    subjek: String,
    selesai: String,
}

/// A subject with its name.
struct Named {
    name: String,
    score: Score,
}

#[derive(Template)]
#[template(path = "officer/evaluation.html")]
struct EvaluationPage {
    page: Page,
    directory: Arc<Directory>,
    user: User,
    period: String,
    periods: Vec<(String, String)>,
    own: Vec<(&'static str, Named)>,
    overview: Vec<Named>,
    overview_per: &'static str,
    sorted_by: String,
    cases: Vec<EvaluationCase>,
    cases_unavailable: bool,
    log_position: u64,
    policy_version: String,
    key: String,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "officer/evaluation_details.html")]
struct DetailsPage {
    page: Page,
    directory: Arc<Directory>,
    subject: Named,
    period: String,
    breaches: Vec<Breach>,
    more: usize,
    log_position: u64,
}

impl EvaluationPage {
    fn ratio(&self, ratio: &Option<Ratio>) -> String {
        share(ratio.as_ref(), self.page.lang.t(",", "."))
    }

    fn predicate(&self, score: &Score) -> &'static str {
        predicate(&self.page, score)
    }

    fn length(&self, seconds: &u64) -> String {
        match *seconds {
            0 => "–".to_owned(),
            seconds => format::seconds(self.page.lang, seconds),
        }
    }

    fn measure(&self, case: &EvaluationCase) -> &'static str {
        words::measure(self.page.lang, &case.measure)
    }

    fn status(&self, case: &EvaluationCase) -> &'static str {
        let (id, en) = match case.status.as_str() {
            "awaiting_reply" => ("menunggu hak jawab", "waits for the reply"),
            "awaiting_decision" => ("menunggu putusan", "waits for the decision"),
            _ => ("sudah diputus", "decided"),
        };
        self.page.t(id, en)
    }

    /// The right belongs to the person, also after a change of office.
    fn can_reply(&self, case: &EvaluationCase) -> bool {
        case.status == "awaiting_reply"
            && case.holder_id == self.user.holder
            && !format::is_over(case.reply_due_at.as_ref(), self.page.now)
    }

    /// The domain decides again: the patron for echelon II, the director for the others, nobody about themselves.
    fn can_decide(&self, case: &EvaluationCase) -> bool {
        let decides = [Role::Director, Role::Patron];
        let own = self
            .user
            .officer
            .as_ref()
            .is_some_and(|officer| officer.position.as_str() == case.position_id);
        case.status == "awaiting_decision"
            && case.holder_id != self.user.holder
            && !own
            && decides.iter().any(|role| self.user.roles.contains(role))
    }

    fn details(&self, per: &str, subject: &str) -> String {
        details_path(&self.period, per, subject)
    }

    fn sort(&self, column: &str) -> String {
        format!("/petugas/evaluasi?periode={}&urut={column}#ringkasan", self.period)
    }

    fn sorting(&self, column: &str) -> &'static str {
        if self.sorted_by == column { "descending" } else { "none" }
    }
}

impl DetailsPage {
    fn ratio(&self, ratio: &Option<Ratio>) -> String {
        share(ratio.as_ref(), self.page.lang.t(",", "."))
    }
}

/// The own figures, evaluation cases, and the overview for those who compare.
///
/// # Errors
/// Evaluation is away, or the period is none.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    if user.is_operator() {
        return Err(Fault::new(NOT_FOUND));
    }
    let directory = web.directory.get().await?;
    let periods = periods(&page);
    let period = match asked.periode.as_str() {
        "" => periods.first().map(|(code, _)| code.clone()).unwrap_or_default(),
        chosen => chosen.to_owned(),
    };
    let position = user.officer()?.position.to_string();
    let mut own = Vec::new();
    let (mut log_position, mut policy_version) = (0, String::new());
    for (per, subject) in [("opd", user.opd.as_str()), ("position", position.as_str())] {
        if subject.is_empty() {
            continue;
        }
        let listed = scores(&web, &user, &period, per, subject).await?;
        (log_position, policy_version) = (listed.log_position, listed.policy_version);
        let found = listed.scores.into_iter().find(|score| score.subject_id == subject);
        own.extend(found.map(|score| (per, named(&directory, per, score))));
    }
    let (overview_per, overview) = overview(&web, &user, &directory, &period, &asked.urut).await?;
    let cases = evaluation_cases(&web, &user).await;
    let cases_unavailable = cases.is_err();
    html(&EvaluationPage {
        page,
        directory,
        user,
        period,
        periods,
        own,
        overview,
        overview_per,
        sorted_by: asked.urut,
        cases: cases.unwrap_or_default(),
        cases_unavailable,
        log_position,
        policy_version,
        key: fresh_key(),
        is_done: !asked.selesai.is_empty(),
    })
}

/// Every breach behind one subject's figures.
///
/// # Errors
/// `forbidden` for another agency's, or evaluation is away.
pub async fn details(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let per = if asked.per == "position" { "position" } else { "opd" };
    if asked.subjek.is_empty() {
        return Err(Fault::new(NOT_FOUND));
    }
    let directory = web.directory.get().await?;
    let request = ListBreachesRequest {
        period: asked.periode.clone(),
        subject_id: asked.subjek.clone(),
        per: per.to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    let listed = answer(web.platform.evaluation().list_breaches(request)).await?;
    let score = scores(&web, &user, &asked.periode, per, &asked.subjek).await?;
    let score = score.scores.into_iter().find(|score| score.subject_id == asked.subjek);
    let score = score.ok_or_else(|| Problem::new(NOT_FOUND))?;
    let mut breaches = listed.breaches;
    breaches.sort_by_key(|breach| std::cmp::Reverse(breach.log_position));
    let more = breaches.len().saturating_sub(BREACHES_SHOWN_MAX);
    breaches.truncate(BREACHES_SHOWN_MAX);
    html(&DetailsPage {
        page,
        subject: named(&directory, per, score),
        directory,
        period: asked.periode,
        breaches,
        more,
        log_position: listed.log_position,
    })
}

/// A form about an evaluation case.
#[derive(Debug, Deserialize)]
pub struct About {
    kunci: String,
    #[serde(default)]
    teks: String,
    #[serde(default)]
    tindakan: String,
}

/// Takes the reply of the person concerned.
///
/// # Errors
/// Evaluation refuses it, or is away.
pub async fn reply(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Path(evaluation_case_id): Path<String>,
    Form(form): Form<About>,
) -> Result<Response, Fault> {
    let request = ReplyRequest {
        idempotency_key: form.kunci,
        evaluation_case_id,
        text: form.teks.trim().to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.evaluation().reply(request)).await?;
    Ok(Redirect::to("/petugas/evaluasi?selesai=jawab#kasus").into_response())
}

/// Takes a decision.
///
/// # Errors
/// Evaluation refuses it, or is away.
pub async fn decide(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    Path(evaluation_case_id): Path<String>,
    Form(form): Form<About>,
) -> Result<Response, Fault> {
    let request = DecideRequest {
        idempotency_key: form.kunci,
        evaluation_case_id,
        measure: form.tindakan,
        reason: form.teks.trim().to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.evaluation().decide(request)).await?;
    Ok(Redirect::to("/petugas/evaluasi?selesai=putus#kasus").into_response())
}

async fn scores(
    web: &Web,
    user: &User,
    period: &str,
    per: &str,
    subject: &str,
) -> Result<tuntas_proto::evaluation::v1::ListScoresResponse, Problem> {
    let request = ListScoresRequest {
        period: period.to_owned(),
        per: per.to_owned(),
        subject_id: subject.to_owned(),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.evaluation().list_scores(request)).await
}

async fn evaluation_cases(web: &Web, user: &User) -> Result<Vec<EvaluationCase>, Problem> {
    let request = ListEvaluationCasesRequest::default();
    let request = web.platform.request_as(user.officer()?, request)?;
    let mut cases = answer(web.platform.evaluation().list_evaluation_cases(request))
        .await?
        .cases;
    // What still waits for somebody on top.
    cases.sort_by_key(|case| {
        let opened = case.opened_at.as_ref().map_or(0, |at| at.seconds);
        (case.status == "decided", -opened)
    });
    Ok(cases)
}

/// All agencies for those who compare them; the own agency's positions for its head.
async fn overview(
    web: &Web,
    user: &User,
    directory: &Directory,
    period: &str,
    sorted_by: &str,
) -> Result<(&'static str, Vec<Named>), Problem> {
    let (per, is_own) = if COMPARE.iter().any(|role| user.roles.contains(role)) {
        ("opd", false)
    } else if user.roles.contains(&Role::AccountableHead) && !user.opd.is_empty() {
        ("position", true)
    } else {
        return Ok(("", Vec::new()));
    };
    let belongs = |score: &Score| {
        let position = directory.positions.get(&score.subject_id);
        !is_own || position.is_some_and(|position| position.opd_code == user.opd)
    };
    let mut listed = scores(web, user, period, per, "").await?.scores;
    listed.retain(belongs);
    sort(&mut listed, sorted_by);
    let rows = listed.into_iter().map(|score| named(directory, per, score));
    Ok((per, rows.collect()))
}

/// Highest first; by name when no column is named.
fn sort(scores: &mut [Score], column: &str) {
    let rate = |ratio: &Option<Ratio>| match ratio {
        Some(ratio) if ratio.all > 0 => ratio.kept * 10_000 / ratio.all,
        _ => 0,
    };
    let value = |score: &Score| match column {
        "nilai" => u64::from(score.points),
        "diterima" => score.received,
        "terbuka" => score.open,
        "terlambat" => score.overdue,
        "selesai" => rate(&score.resolution_on_time),
        "median" => score.charged_median_s,
        "kembali" => score.returns,
        "lewat" => score.breaches,
        "bintang" => u64::from(score.rating_hundredths),
        _ => 0,
    };
    scores.sort_by(|a, b| (value(b), &a.subject_id).cmp(&(value(a), &b.subject_id)));
}

fn named(directory: &Directory, per: &str, score: Score) -> Named {
    let name = match per {
        "position" => directory.position(&score.subject_id),
        _ => directory.agency(&score.subject_id),
    };
    Named {
        name: name.to_owned(),
        score,
    }
}

fn details_path(period: &str, per: &str, subject: &str) -> String {
    let query = [("periode", period), ("per", per), ("subjek", subject)];
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    format!("/petugas/evaluasi/rincian?{query}")
}

fn predicate(page: &Page, score: &Score) -> &'static str {
    let (id, en) = match score.predicate.as_str() {
        "baik" => ("baik", "good"),
        "sedang" => ("sedang", "fair"),
        "kurang" => ("kurang", "poor"),
        _ => ("belum dinilai", "not scored yet"),
    };
    page.lang.t(id, en)
}

/// `95,2 % (40/42)`: a rate is never shown without its n.
fn share(ratio: Option<&Ratio>, separator: &str) -> String {
    match ratio {
        Some(ratio) if ratio.all > 0 => {
            let tenths = ratio.kept * 1000 / ratio.all;
            let percent = format!("{}{separator}{} %", tenths / 10, tenths % 10);
            format!("{percent} ({}/{})", ratio.kept, ratio.all)
        }
        _ => "–".to_owned(),
    }
}

/// This month first, then earlier ones, this year's quarters and the years.
fn periods(page: &Page) -> Vec<(String, String)> {
    let today = page.now.to_offset(wib());
    let mut periods = Vec::new();
    let mut first = first_of_month(today);
    for _ in 0..MONTHS_OFFERED {
        let code = format!("{:04}-{:02}", first.year(), u8::from(first.month()));
        let name = format!("{} {}", format::month(page.lang, first.month()), first.year());
        periods.push((code, name));
        first = first_of_month(first - Duration::DAY);
    }
    for quarter in (1..=u8::from(today.month()).div_ceil(3)).rev() {
        let code = format!("{:04}-Q{quarter}", today.year());
        periods.push((
            code,
            format!("{} {quarter} / {}", page.t("Triwulan", "Quarter"), today.year()),
        ));
    }
    for year in [today.year(), today.year() - 1] {
        periods.push((format!("{year:04}"), format!("{} {year}", page.t("Tahun", "Year"))));
    }
    periods
}

fn first_of_month(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_day(1).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(subject: &str, points: u32, kept: u64, all: u64) -> Score {
        Score {
            subject_id: subject.to_owned(),
            points,
            resolution_on_time: Some(Ratio { kept, all }),
            ..Score::default()
        }
    }

    #[test]
    fn a_rate_has_its_n() {
        assert_eq!(share(Some(&Ratio { kept: 40, all: 42 }), ","), "95,2 % (40/42)");
        assert_eq!(share(Some(&Ratio { kept: 0, all: 0 }), ","), "–");
        assert_eq!(share(None, ","), "–");
    }

    #[test]
    fn sorted_by_a_column_and_then_by_name() {
        let order = |column: &str| {
            let mut scores = vec![score("b", 10, 1, 2), score("a", 10, 1, 1), score("c", 20, 0, 0)];
            sort(&mut scores, column);
            scores.into_iter().map(|score| score.subject_id).collect::<Vec<_>>()
        };
        assert_eq!(order("nilai"), ["c", "a", "b"]);
        assert_eq!(order("selesai"), ["a", "b", "c"]);
        assert_eq!(order(""), ["a", "b", "c"]);
    }
}
