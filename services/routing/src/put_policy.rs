//! Adds a version of the policy (rule K3), and lists all versions.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{Policy, PolicyBook, Role};
use tuntas_kit::{auth::Assertion, directory::Snapshot, idempotency, outbox, problem::Problem, tx};
use tuntas_proto::{
    event::v1::{PolicyChanged, event::Payload},
    routing::v1::{ListPoliciesResponse, PutPolicyRequest, PutPolicyResponse},
    wire_time::{instant, timestamp},
};

use crate::{Routing, caller::Caller, change_directory::apply_changes, store};

const SCOPE: &str = "routing.put_policy";

/// Adds a version that is in force from a moment to come: no limit changes behind somebody's back. The first version
/// may reach back, because before it there was none. A version that is stored already with the same content stays.
///
/// # Errors
/// `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn put_policy(
    routing: &Routing,
    assertion: Assertion,
    request: PutPolicyRequest,
) -> Result<PutPolicyResponse, Problem> {
    let context = routing.clone();
    tx::run(&routing.pool, move |conn| {
        Box::pin(async move { put(conn, &context, &assertion, &request).await })
    })
    .await
}

async fn put(
    conn: &mut PgConnection,
    routing: &Routing,
    assertion: &Assertion,
    request: &PutPolicyRequest,
) -> Result<PutPolicyResponse, Problem> {
    if let Some(answer) = idempotency::lookup(conn, SCOPE, &request.idempotency_key, request).await? {
        return Ok(answer);
    }
    store::directory::lock_for_change(conn).await?;
    let now = routing.clock.now();
    let (caller, directory) = Caller::resolve(conn, &routing.directory, assertion, now).await?;
    caller.require(&["ctl"], &[Role::Patron, Role::Director, Role::Operator])?;
    let policy = parse(request)?;
    let answer = PutPolicyResponse {
        version: policy.version.to_string(),
    };
    let stored = stored_versions(conn).await?;
    let mut events = Vec::new();
    if !is_stored(&policy, &directory, &stored) {
        check(&policy, &directory, &stored, now)?;
        let changes = vec![changed(&policy)?];
        events = apply_changes(conn, changes, &caller.wire(), now).await?.events;
    }
    idempotency::remember(conn, SCOPE, &request.idempotency_key, request, &answer).await?;
    outbox::append(conn, &events).await?;
    Ok(answer)
}

fn parse(request: &PutPolicyRequest) -> Result<Policy, Problem> {
    let mut policy: Policy =
        serde_json::from_str(&request.policy_json).map_err(|error| Problem::invalid("policy_json", error))?;
    if let Some(from) = &request.effective_from {
        policy.effective_from = instant(from).ok_or_else(|| Problem::invalid("effective_from", "is not an instant"))?;
    }
    if policy.version == 0 {
        return Err(Problem::invalid("policy_json", "versions count from 1"));
    }
    Ok(policy)
}

/// The default policy stands in an empty book without being stored, so the store is asked.
async fn stored_versions(conn: &mut PgConnection) -> Result<Vec<String>, Problem> {
    let latest = store::directory::latest(conn).await?;
    Ok(latest
        .into_iter()
        .filter(|(kind, ..)| kind == "policy")
        .map(|(_, key, _)| key)
        .collect())
}

fn is_stored(policy: &Policy, directory: &Snapshot, stored: &[String]) -> bool {
    stored.contains(&policy.version.to_string()) && directory.policies.version(policy.version) == Some(policy)
}

fn check(policy: &Policy, directory: &Snapshot, stored: &[String], now: OffsetDateTime) -> Result<(), Problem> {
    if stored.contains(&policy.version.to_string()) {
        return Err(Problem::invalid(
            "policy_json",
            "this version exists with other content",
        ));
    }
    if stored.is_empty() {
        return Ok(());
    }
    if policy.effective_from < now {
        return Err(Problem::invalid("effective_from", "lies in the past"));
    }
    let all = directory.policies.versions().cloned().chain([policy.clone()]);
    PolicyBook::new(all).map_err(|error| Problem::invalid("policy_json", error))?;
    Ok(())
}

/// The event of a policy.
pub(crate) fn changed(policy: &Policy) -> Result<Payload, Problem> {
    Ok(Payload::PolicyChanged(PolicyChanged {
        version: policy.version.to_string(),
        effective_from: Some(timestamp(policy.effective_from)),
        policy_json: serde_json::to_string(policy).map_err(Problem::internal)?,
    }))
}

/// All versions, oldest first.
///
/// # Errors
/// `forbidden`, or the database's.
pub(crate) async fn list_policies(routing: &Routing, assertion: &Assertion) -> Result<ListPoliciesResponse, Problem> {
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    let (_, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    let mut policies = Vec::new();
    for policy in directory.policies.versions() {
        if let Payload::PolicyChanged(changed) = changed(policy)? {
            policies.push(changed);
        }
    }
    Ok(ListPoliciesResponse { policies })
}
