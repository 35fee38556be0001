//! Names an acting holder (Plt/Plh) of a position for a time (rule M13).

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{HolderId, PositionId, Role};
use tuntas_kit::{
    auth::Assertion,
    directory::Snapshot,
    idempotency, ids, outbox,
    problem::{FORBIDDEN, NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::{
    event::v1::{DirectoryChanged, HolderTerm, directory_changed::Change, event::Payload},
    routing::v1::{AppointActingHolderRequest, AppointActingHolderResponse},
    wire_time::instant,
};

use crate::{Routing, caller::Caller, change_directory::apply_changes, store};

const SCOPE: &str = "routing.appoint_acting_holder";

/// Records the acting holder's term. It may not begin in the past: what was done then was done by whom the directory
/// named then.
///
/// # Errors
/// `forbidden`, `invalid_argument`, `not_found` for an unknown position, or the database's.
pub(crate) async fn appoint_acting_holder(
    routing: &Routing,
    assertion: Assertion,
    request: AppointActingHolderRequest,
) -> Result<AppointActingHolderResponse, Problem> {
    let context = routing.clone();
    tx::run(&routing.pool, move |conn| {
        Box::pin(async move { appoint(conn, &context, &assertion, &request).await })
    })
    .await
}

async fn appoint(
    conn: &mut PgConnection,
    routing: &Routing,
    assertion: &Assertion,
    request: &AppointActingHolderRequest,
) -> Result<AppointActingHolderResponse, Problem> {
    if let Some(answer) = idempotency::lookup(conn, SCOPE, &request.idempotency_key, request).await? {
        return Ok(answer);
    }
    store::directory::lock_for_change(conn).await?;
    let now = routing.clock.now();
    let (caller, directory) = Caller::resolve(conn, &routing.directory, assertion, now).await?;
    let term = term(request, &directory, now)?;
    authorize(&caller, &term, &directory)?;
    let answer = AppointActingHolderResponse {
        term_id: term.term_id.clone(),
    };
    let change = DirectoryChanged {
        change: Some(Change::HolderTerm(term)),
    };
    let changes = vec![Payload::DirectoryChanged(change)];
    let changed = apply_changes(conn, changes, &caller.wire(), now).await?;
    idempotency::remember(conn, SCOPE, &request.idempotency_key, request, &answer).await?;
    outbox::append(conn, &changed.events).await?;
    Ok(answer)
}

fn term(
    request: &AppointActingHolderRequest,
    directory: &Snapshot,
    now: OffsetDateTime,
) -> Result<HolderTerm, Problem> {
    let position: PositionId = request
        .position_id
        .parse()
        .map_err(|e| Problem::invalid("position_id", e))?;
    let holder: HolderId = request
        .holder_id
        .parse()
        .map_err(|e| Problem::invalid("holder_id", e))?;
    let at = |field, value: &Option<_>| {
        value
            .as_ref()
            .and_then(instant)
            .ok_or_else(|| Problem::invalid(field, "is not an instant"))
    };
    let (from, until) = (at("from", &request.from)?, at("until", &request.until)?);
    if from >= until {
        return Err(Problem::invalid("until", "is not after `from`"));
    }
    if until <= now {
        return Err(Problem::invalid("until", "lies in the past"));
    }
    let found = directory
        .directory
        .positions
        .get(&position)
        .ok_or_else(|| Problem::new(NOT_FOUND).message("the directory has no such position"))?;
    let overlaps = found
        .terms
        .iter()
        .any(|term| term.acting && term.from < until && term.to.is_none_or(|to| to > from));
    if overlaps {
        return Err(Problem::invalid(
            "from",
            "there is an acting holder in this time already",
        ));
    }
    Ok(HolderTerm {
        holder_id: holder.to_string(),
        position_id: position.to_string(),
        // An appointment works from when it is known at the earliest.
        from: Some(tuntas_proto::wire_time::timestamp(from.max(now))),
        until: request.until,
        acting: true,
        term_id: ids::new_id().to_string(),
    })
}

/// Patron, director and operator for every position; the head of an agency for the others of the agency.
fn authorize(caller: &Caller, term: &HolderTerm, directory: &Snapshot) -> Result<(), Problem> {
    let anywhere = [Role::Patron, Role::Director, Role::Operator];
    if caller.require(&["ctl"], &anywhere).is_ok() {
        return Ok(());
    }
    let official = caller.official()?;
    let opd_of = |position: &PositionId| {
        directory
            .directory
            .positions
            .get(position)
            .and_then(|found| found.opd.clone())
    };
    let position: PositionId = term
        .position_id
        .parse()
        .map_err(|e| Problem::invalid("position_id", e))?;
    let same_agency = official.opd.is_some() && opd_of(&position) == official.opd;
    let own = position == official.position;
    if official.roles.contains(&Role::AccountableHead) && same_agency && !own {
        return Ok(());
    }
    Err(FORBIDDEN.into())
}
