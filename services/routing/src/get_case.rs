//! Reads a case, for who may see it.

use prost::Message as _;
use sqlx::PgConnection;
use tokio::time::{Duration, Instant, sleep};
use tuntas_domain::{Case, CaseId, Relation, ReportId, Role, authorization::may_see, next_due};
use tuntas_kit::{
    auth::Assertion,
    directory::Snapshot,
    ombudsman,
    problem::{FORBIDDEN, Problem, UNKNOWN_CASE},
};
use tuntas_proto::{
    case::v1::case_event::Details,
    common::v1::Actor as WireActor,
    convert,
    event::v1::OmbudsmanRead,
    routing::v1::{GetCaseRequest, GetCaseResponse, HistoryEntry},
    wire_time::timestamp,
};

use crate::{
    Routing,
    caller::Caller,
    store::{self, events::HistoryRow},
};

/// Services that see every case; a desk sees those of its agencies.
const SERVICES: [&str; 4] = ["intake", "oversight", "evaluation", "notification"];
/// How often the store is asked while a reader waits for a sequence.
const POLL: Duration = Duration::from_millis(20);

/// Reads a case by its id or by a report in it. Waits a moment for a sequence that the caller has seen elsewhere, and
/// then answers with what there is.
///
/// # Errors
/// `unknown_case`, `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn get_case(
    routing: &Routing,
    assertion: &Assertion,
    request: &GetCaseRequest,
) -> Result<GetCaseResponse, Problem> {
    let mut conn = routing.pool.acquire().await?;
    let case_id = find(&mut conn, request).await?;
    drop(conn);
    let case = at_least(routing, case_id, request.at_least_seq).await?;
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    let (caller, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    authorize(&caller, assertion, &case)?;
    if caller.has_role(&[Role::Ombudsman]) {
        let read = OmbudsmanRead {
            case_id: case_id.to_string(),
            what: "case".to_owned(),
            ..OmbudsmanRead::default()
        };
        drop(conn);
        ombudsman::record_read(&routing.pool, "routing", assertion, now, read).await?;
        conn = routing.pool.acquire().await?;
    }
    let history = match request.with_history {
        true => history(&mut conn, case_id).await?,
        false => Vec::new(),
    };
    Ok(GetCaseResponse {
        case: Some(to_wire(&case, &directory)),
        history,
    })
}

async fn find(conn: &mut PgConnection, request: &GetCaseRequest) -> Result<CaseId, Problem> {
    if request.report_id.is_empty() {
        return request
            .case_id
            .parse()
            .map_err(|error| Problem::invalid("case_id", error));
    }
    let report: ReportId = request
        .report_id
        .parse()
        .map_err(|error| Problem::invalid("report_id", error))?;
    let found = store::reports::find(conn, &[report]).await?;
    let place = found.get(&report).ok_or(UNKNOWN_CASE)?;
    Ok(place.case_id)
}

/// The case once it has the sequence, or what there is when the wait is over. No connection is held meanwhile.
async fn at_least(routing: &Routing, case_id: CaseId, seq: u64) -> Result<Case, Problem> {
    let deadline = Instant::now() + routing.config.cases.read_wait();
    loop {
        let mut conn = routing.pool.acquire().await?;
        let case = store::cases::load(&mut conn, case_id).await?.ok_or(UNKNOWN_CASE)?;
        if case.seq >= seq || Instant::now() >= deadline {
            return Ok(case);
        }
        drop(conn);
        sleep(POLL).await;
    }
}

/// Whether the caller may see a case (rule M10: the unit complained about does not see a supervisory one).
pub(crate) fn authorize(caller: &Caller, assertion: &Assertion, case: &Case) -> Result<(), Problem> {
    let allowed = match caller {
        Caller::Official(official) => {
            let relation = Relation::of(official, case);
            official.roles.iter().any(|role| may_see(*role, &relation))
        }
        Caller::Service(name) if name == "desk" => is_desks(assertion, case),
        Caller::Service(name) => SERVICES.contains(&name.as_str()),
    };
    if allowed { Ok(()) } else { Err(FORBIDDEN.into()) }
}

fn is_desks(assertion: &Assertion, case: &Case) -> bool {
    let parts = store::agencies::parts(case);
    let hidden = case.complained_unit.as_ref().filter(|_| case.supervisory);
    parts.keys().any(|opd| assertion.covers(opd) && hidden != Some(opd))
}

/// A case for the wire, with what falls due next.
pub(crate) fn to_wire(case: &Case, directory: &Snapshot) -> tuntas_proto::case::v1::Case {
    convert::case(case, next_due(case, &directory.policies, &directory.calendar))
}

async fn history(conn: &mut PgConnection, case_id: CaseId) -> Result<Vec<HistoryEntry>, Problem> {
    store::events::history(conn, case_id)
        .await?
        .into_iter()
        .map(entry)
        .collect()
}

fn entry(row: HistoryRow) -> Result<HistoryEntry, Problem> {
    Ok(HistoryEntry {
        seq: row.seq.unsigned_abs(),
        at: Some(timestamp(row.at)),
        actor: Some(WireActor {
            position_id: row.position_id,
            holder_id: row.holder_id,
            via: row.via,
        }),
        r#type: row.r#type,
        details: Some(Details::decode(row.details.as_slice()).map_err(Problem::internal)?),
    })
}
