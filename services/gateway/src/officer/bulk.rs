//! One act on several cases: verify as filed, dispose to one agency, accept. Each case is decided on its own, and the page
//! says of each what became of it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{RawForm, State},
    response::Response,
};
use futures::StreamExt as _;
use tuntas_kit::problem::{INVALID_ARGUMENT, Problem};
use tuntas_proto::case::v1::{Case, Privacy, State as CaseState};

use super::{act, offers, view::View};
use crate::{
    accounts::User,
    citizen::personal_data,
    directory::Directory,
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, SignedIn, html},
        upload::Form,
    },
};

/// Cases of one form.
const CASES_MAX: usize = 100;
/// Cases decided at a time.
const AT_ONCE: usize = 4;
/// Acts, with the state in which they fit.
const ACTS: [(&str, CaseState); 3] = [
    ("verifikasi", CaseState::AwaitingVerification),
    ("disposisi", CaseState::AwaitingDisposition),
    ("terima", CaseState::AwaitingAcceptance),
];

/// Acts that an office may do with some of these cases.
pub fn offered<'a>(user: &User, cases: impl Iterator<Item = &'a Case>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for case in cases {
        let state = case.state();
        let Some((act, _)) = ACTS.iter().find(|(_, fits)| *fits == state) else {
            continue;
        };
        if !found.contains(act) && offers::of(user, case).contains(act) {
            found.push(act);
        }
    }
    found
}

/// Whether a case can be chosen for one of the acts.
#[must_use]
pub fn fits(case: &Case, acts: &[&str]) -> bool {
    ACTS.iter()
        .any(|(act, state)| acts.contains(act) && case.state() == *state)
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    act: String,
    cases: Vec<String>,
    agency: String,
    publish: bool,
    key: String,
}

impl Asked {
    fn of(body: &[u8]) -> Result<Self, Problem> {
        let fields: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|error| Problem::new(INVALID_ARGUMENT).caused_by(error))?;
        let mut asked = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "aksi" => asked.act = value,
                "kasus" if !asked.cases.contains(&value) => asked.cases.push(value),
                "tujuan" => asked.agency = value,
                "publikasikan" => asked.publish = true,
                "kunci" => asked.key = value,
                _ => {}
            }
        }
        if asked.cases.len() > CASES_MAX {
            return Err(Problem::invalid("kasus", format!("at most {CASES_MAX} cases at once")));
        }
        if !ACTS.iter().any(|(act, _)| *act == asked.act) {
            return Err(Problem::invalid("aksi", "is none of these"));
        }
        if asked.act == "disposisi" && asked.agency.is_empty() {
            return Err(Problem::refusal("unknown_agency", "choose an agency"));
        }
        Ok(asked)
    }
}

/// What became of one case.
struct Done {
    case_id: String,
    /// Its title, when it was read.
    name: String,
    /// What was left out, or why it was not done.
    note: Option<String>,
    done: bool,
}

#[derive(Template)]
#[template(path = "officer/bulk.html")]
struct BulkPage {
    page: Page,
    act: &'static str,
    results: Vec<Done>,
    back: &'static str,
}

impl BulkPage {
    fn done(&self) -> usize {
        self.results.iter().filter(|result| result.done).count()
    }
}

/// Does it.
///
/// # Errors
/// The form is not one of these.
pub async fn act(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    RawForm(body): RawForm,
) -> Result<Response, Fault> {
    let asked = Asked::of(&body)?;
    let directory = web.directory.get().await?;
    let (web, user_ref, page_ref, asked_ref) = (&web, &user, &page, &asked);
    let results = futures::stream::iter(asked.cases.clone())
        .map(|case_id| {
            let directory = directory.clone();
            async move { one(web, user_ref, page_ref, &directory, asked_ref, &case_id).await }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let back = if user.is_central() { "/petugas" } else { "/petugas/opd" };
    let act = offers::name(page.lang, &asked.act);
    html(&BulkPage {
        page,
        act,
        results,
        back,
    })
}

async fn one(web: &Web, user: &User, page: &Page, directory: &Arc<Directory>, asked: &Asked, case_id: &str) -> Done {
    let mut result = Done {
        case_id: case_id.to_owned(),
        name: String::new(),
        note: None,
        done: false,
    };
    let done = async {
        let view = View::of(web, user, case_id, 0).await?;
        let title = view.reports.first().map(|report| report.title.clone());
        result.name = title.unwrap_or_else(|| page.category(directory, &view.case.category_code).to_owned());
        let (form, kept_back) = form_of(asked, case_id, &view);
        act::carry_out(web, user, case_id, &asked.act, &form).await?;
        Ok::<bool, Problem>(kept_back)
    }
    .await;
    match done {
        Ok(kept_back) => {
            result.done = true;
            let note = page.t(
                "tidak dipublikasikan: memuat yang tampak seperti data pribadi, atau rahasia",
                "not published: it seems to hold personal data, or is confidential",
            );
            result.note = kept_back.then(|| note.to_owned());
        }
        Err(problem) => {
            result.note = Some(sentence(page.lang, problem.code()).unwrap_or(problem.text()).to_owned());
        }
    }
    result
}

/// The form that a person would fill in for one case, and whether it was to be published and is not.
fn form_of(asked: &Asked, case_id: &str, view: &View) -> (Form, bool) {
    let mut fields = vec![("kunci", format!("{}-{case_id}", asked.key))];
    let case = &view.case;
    let mut kept_back = false;
    match asked.act.as_str() {
        "verifikasi" => {
            let kind = match case.kind {
                2 => "aspiration",
                3 => "information",
                _ => "complaint",
            };
            fields.push(("jenis", kind.to_owned()));
            fields.push(("kategori", case.category_code.clone()));
            fields.push(("wilayah", case.region_code.clone()));
            fields.push(("diadukan", case.complained_opd.clone()));
            if case.supervisory {
                fields.push(("pengawasan", "1".to_owned()));
            }
            if let Some(report) = view.reports.first().filter(|_| asked.publish) {
                let words = format!("{}\n{}", report.title, report.body);
                let may = case.privacy() != Privacy::Confidential
                    && !case.supervisory
                    && personal_data::find(&words).is_empty();
                kept_back = !may;
                if may {
                    fields.push(("publik-judul", report.title.clone()));
                    fields.push(("publik", report.body.clone()));
                }
            }
        }
        "disposisi" => fields.push(("tujuan", asked.agency.clone())),
        _ => {}
    }
    (Form::with(fields), kept_back)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use tuntas_proto::desk::v1::ReportWords;

    use super::*;

    #[test]
    fn a_form_names_each_case_once_and_one_act() {
        let asked = Asked::of(b"aksi=terima&kasus=a&kasus=b&kasus=a&kunci=k").unwrap();
        assert_eq!(asked.cases, ["a", "b"]);
        assert!(Asked::of(b"aksi=tolak&kasus=a").is_err());
        assert!(Asked::of(b"aksi=disposisi&kasus=a&tujuan=").is_err());
    }

    #[test]
    fn words_with_personal_data_are_verified_but_not_published() {
        let asked = Asked::of(b"aksi=verifikasi&kasus=a&publikasikan=1&kunci=k").unwrap();
        let view = |body: &str| View {
            reports: vec![ReportWords {
                title: "Judul".to_owned(),
                body: body.to_owned(),
                ..ReportWords::default()
            }],
            ..View::default()
        };
        let (form, kept_back) = form_of(&asked, "a", &view("Jalan berlubang di depan pasar."));
        assert_eq!(form.get("publik"), "Jalan berlubang di depan pasar.");
        assert!(!kept_back);
        let (form, kept_back) = form_of(&asked, "a", &view("Telepon saya 0812-3456-7890."));
        assert_eq!((form.get("publik"), kept_back), ("", true));
        assert_eq!(form.get("kunci"), "k-a");
    }
}
