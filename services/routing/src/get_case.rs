//! Reads a case, for who may see it.

use prost::Message as _;
use sqlx::PgConnection;
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
use uuid::Uuid;

use crate::{
    Routing,
    caller::Caller,
    store::{self, events::HistoryRow},
};

/// Services that see every case; a desk sees those of its agencies.
const SERVICES: [&str; 4] = ["intake", "oversight", "evaluation", "notification"];

/// Reads a case by its id or by a report in it. Waits a moment for a sequence that the caller has seen elsewhere (of a
/// report: also until it has a case), and then answers with what there is.
///
/// # Errors
/// `unknown_case`, `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn get_case(
    routing: &Routing,
    assertion: &Assertion,
    request: &GetCaseRequest,
) -> Result<GetCaseResponse, Problem> {
    let asked = Asked::of(request)?;
    let mut wait = routing.moved.wait(asked.id(), routing.config.cases.read_wait());
    let mut conn = routing.pool.acquire().await?;
    let mut found = asked.find(&mut conn).await?;
    while found.as_ref().map_or(0, |case| case.seq) < request.at_least_seq {
        // No connection is held meanwhile.
        drop(conn);
        let again = wait.again().await;
        conn = routing.pool.acquire().await?;
        if !again {
            break;
        }
        found = asked.find(&mut conn).await?;
    }
    let case = found.ok_or(UNKNOWN_CASE)?;
    let now = routing.clock.now();
    let (caller, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    authorize(&caller, assertion, &case)?;
    if caller.has_role(&[Role::Ombudsman]) {
        let read = OmbudsmanRead {
            case_id: case.id.to_string(),
            what: "case".to_owned(),
            ..OmbudsmanRead::default()
        };
        drop(conn);
        ombudsman::record_read(&routing.pool, "routing", assertion, now, read).await?;
        conn = routing.pool.acquire().await?;
    }
    let history = match request.with_history {
        true => history(&mut conn, case.id).await?,
        false => Vec::new(),
    };
    Ok(GetCaseResponse {
        case: Some(to_wire(&case, &directory)),
        history,
    })
}

/// By what a case is asked for.
enum Asked {
    Case(CaseId),
    Report(ReportId),
}

impl Asked {
    fn of(request: &GetCaseRequest) -> Result<Self, Problem> {
        let GetCaseRequest { case_id, report_id, .. } = request;
        if report_id.is_empty() {
            let parsed = case_id.parse().map(Self::Case);
            return parsed.map_err(|error| Problem::invalid("case_id", error));
        }
        let parsed = report_id.parse().map(Self::Report);
        parsed.map_err(|error| Problem::invalid("report_id", error))
    }

    fn id(&self) -> Uuid {
        match self {
            Self::Case(id) => id.into_uuid(),
            Self::Report(id) => id.into_uuid(),
        }
    }

    /// The case, if there is one yet.
    async fn find(&self, conn: &mut PgConnection) -> sqlx::Result<Option<Case>> {
        let case_id = match self {
            Self::Case(id) => Some(*id),
            Self::Report(id) => store::reports::find(conn, &[*id])
                .await?
                .get(id)
                .map(|place| place.case_id),
        };
        match case_id {
            Some(case_id) => store::cases::load(conn, case_id).await,
            None => Ok(None),
        }
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
