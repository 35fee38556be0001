//! Versions of the policy: all limits, ladders and weights, each from a day on, compared with what is in force.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;
use time::Duration;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    event::v1::PolicyChanged,
    routing::v1::{ListPoliciesRequest, PutPolicyRequest},
    wire_time,
};

use super::{
    days,
    diff::{self, Difference},
    note, require_operator,
};
use crate::{
    accounts::User,
    citizen::draft::fresh_key,
    platform::answer,
    web::{
        Web,
        fault::{Fault, sentence},
        page::{Page, SignedIn, html_with},
        peer::Peer,
    },
};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Version to compare with the one in force.
    versi: String,
    selesai: String,
}

/// A new version.
#[derive(Debug, Default, Deserialize)]
pub struct Entry {
    kunci: String,
    isi: String,
    mulai: String,
    /// `banding`: only compare.
    #[serde(default)]
    langkah: String,
}

#[derive(Template)]
#[template(path = "admin/policies.html")]
struct PoliciesPage {
    page: Page,
    policies: Vec<PolicyChanged>,
    in_force: String,
    /// What is compared with the one in force.
    compared: Option<String>,
    differences: Vec<Difference>,
    json: String,
    from: String,
    key: String,
    trouble: Option<String>,
    is_done: bool,
}

/// The versions.
///
/// # Errors
/// The page is not the office's, or routing is away.
pub async fn list(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let policies = policies(&web, &user).await?;
    let in_force = in_force(&page, &policies);
    let next = next_version(&policies, in_force.as_ref());
    let mut shown = shown(page, policies, in_force, pretty(&next), asked.selesai);
    let version = shown.policies.iter().find(|policy| policy.version == asked.versi);
    if let Some(version) = version.cloned() {
        shown.compare(&version.policy_json, version.version)?;
    }
    html_with(StatusCode::OK, &shown)
}

/// Compares a new version with the one in force, or puts it into force from a day on.
///
/// # Errors
/// Routing is away.
pub async fn put(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let done = match entry.langkah.as_str() {
        "banding" => None,
        _ => Some(put_version(&web, &user, &entry).await),
    };
    let problem = match done {
        Some(Ok(version)) => {
            note(&web, &user, peer, "policy_put", &version).await?;
            return Ok(Redirect::to("/admin/kebijakan?selesai=1").into_response());
        }
        Some(Err(problem)) if problem.kind().http >= 500 => return Err(problem.into()),
        Some(Err(problem)) => Some(problem),
        None => None,
    };
    let policies = policies(&web, &user).await?;
    let in_force = in_force(&page, &policies);
    let lang = page.lang;
    let mut shown = shown(page, policies, in_force, entry.isi.clone(), String::new());
    shown.from = entry.mulai;
    let label = lang.t("isian di bawah", "what is typed below").to_owned();
    let compared = shown.compare(&entry.isi, label);
    let problem = problem.or_else(|| compared.err());
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    shown.trouble = problem.map(|problem| sentence(lang, problem.code()).unwrap_or(problem.text()).to_owned());
    html_with(status, &shown)
}

async fn put_version(web: &Web, user: &User, entry: &Entry) -> Result<String, Problem> {
    let request = PutPolicyRequest {
        idempotency_key: entry.kunci.clone(),
        policy_json: entry.isi.clone(),
        effective_from: Some(days::beginning("mulai", &entry.mulai)?),
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    Ok(answer(web.platform.directory().put_policy(request)).await?.version)
}

async fn policies(web: &Web, user: &User) -> Result<Vec<PolicyChanged>, Problem> {
    let request = web.platform.request_as(user.officer()?, ListPoliciesRequest {})?;
    Ok(answer(web.platform.directory().list_policies(request)).await?.policies)
}

fn in_force(page: &Page, policies: &[PolicyChanged]) -> Option<PolicyChanged> {
    let begun = |policy: &&PolicyChanged| {
        let from = policy.effective_from.as_ref().and_then(wire_time::instant);
        from.is_none_or(|from| from <= page.now)
    };
    let mut begun: Vec<&PolicyChanged> = policies.iter().filter(begun).collect();
    begun.sort_by_key(|policy| policy.effective_from.as_ref().map(|from| (from.seconds, from.nanos)));
    begun.last().map(|policy| (*policy).clone())
}

/// What is in force, under the next number: what a new version starts from.
fn next_version(policies: &[PolicyChanged], in_force: Option<&PolicyChanged>) -> Value {
    let highest = policies
        .iter()
        .filter_map(|policy| policy.version.parse::<u64>().ok())
        .max();
    let mut value = in_force.map(|policy| parsed(&policy.policy_json)).unwrap_or_default();
    if let Some(version) = value.get_mut("version") {
        *version = Value::from(highest.unwrap_or_default() + 1);
    }
    value
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn shown(
    page: Page,
    mut policies: Vec<PolicyChanged>,
    in_force: Option<PolicyChanged>,
    json: String,
    done: String,
) -> PoliciesPage {
    policies.reverse();
    PoliciesPage {
        from: days::field(page.now + Duration::DAY),
        page,
        policies,
        in_force: in_force.map(|policy| policy.version).unwrap_or_default(),
        compared: None,
        differences: Vec::new(),
        json,
        key: fresh_key(),
        trouble: None,
        is_done: !done.is_empty(),
    }
}

impl PoliciesPage {
    /// Shows how a document differs from what is in force.
    fn compare(&mut self, json: &str, label: String) -> Result<(), Problem> {
        let after: Value = serde_json::from_str(json)
            .map_err(|error| Problem::refusal("policy_malformed", format!("the JSON cannot be read: {error}")))?;
        let current = self.policies.iter().find(|policy| policy.version == self.in_force);
        let before = current.map(|policy| parsed(&policy.policy_json)).unwrap_or_default();
        self.differences = diff::between(&before, &after);
        self.compared = Some(label);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_version_starts_from_what_is_in_force_under_the_next_number() {
        let policy = |version: &str| PolicyChanged {
            version: version.to_owned(),
            policy_json: format!("{{\"version\":{version},\"days\":{version}}}"),
            ..PolicyChanged::default()
        };
        let all = [policy("1"), policy("2"), policy("7")];
        let next = next_version(&all, Some(&all[1]));
        assert_eq!(next, serde_json::json!({"version": 8, "days": 2}));
    }
}
