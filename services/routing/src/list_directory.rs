//! Lists the directory as it stands, or as it stood at a moment.

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{OpdCode, Role};
use tuntas_kit::{auth::Assertion, directory::Snapshot, problem::Problem};
use tuntas_proto::{
    event::v1::{Event, HolderTerm, directory_changed::Change, event::Payload},
    routing::v1::{HolderContact, ListDirectoryRequest, ListDirectoryResponse},
    wire_time::instant,
};

use crate::{Routing, caller::Caller, store};

/// The entries, holders by their terms at the moment asked for. Names and addresses of holders go to notification, to
/// operators and to officials; the others get ids.
///
/// # Errors
/// `forbidden`, `invalid_argument`, or the database's.
pub(crate) async fn list_directory(
    routing: &Routing,
    assertion: &Assertion,
    request: &ListDirectoryRequest,
) -> Result<ListDirectoryResponse, Problem> {
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    let (caller, directory) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    let only = match request.opd_code.as_str() {
        "" => None,
        code => Some(code.parse::<OpdCode>().map_err(|e| Problem::invalid("opd_code", e))?),
    };
    let at = match &request.at {
        None => now,
        Some(at) => instant(at).ok_or_else(|| Problem::invalid("at", "is not an instant"))?,
    };
    let mut answer = match store::directory::has_changed_since(&mut conn, at).await? {
        // Every mail to an officer asks for now.
        false => entries_of(&directory, at),
        true => entries_at(&mut conn, at).await?,
    };
    sort(&mut answer);
    if let Some(only) = only {
        keep_agency(&mut answer, &only);
    }
    if may_see_contacts(&caller) {
        answer.contacts = contacts(&mut conn, &answer.holders).await?;
    }
    Ok(answer)
}

fn may_see_contacts(caller: &Caller) -> bool {
    match caller {
        Caller::Service(name) => matches!(name.as_str(), "notification" | "ctl"),
        // The Ombudsman addresses offices, not persons.
        Caller::Official(official) => official.roles.iter().any(|role| *role != Role::Ombudsman),
    }
}

async fn entries_at(conn: &mut PgConnection, at: OffsetDateTime) -> Result<ListDirectoryResponse, Problem> {
    let mut answer = ListDirectoryResponse::default();
    for body in store::directory::bodies_at(conn, at).await? {
        let event = Event::decode(body.as_slice()).map_err(Problem::internal)?;
        let Some(Payload::DirectoryChanged(changed)) = event.payload else {
            continue;
        };
        match changed.change {
            Some(Change::Agency(agency)) => answer.agencies.push(agency),
            Some(Change::Position(position)) => answer.positions.push(position),
            Some(Change::HolderTerm(term)) if covers(&term, at) => answer.holders.push(term),
            Some(Change::Category(category)) => answer.categories.push(category),
            Some(Change::Region(region)) => answer.regions.push(region),
            Some(Change::HolderTerm(_)) | None => {}
        }
    }
    Ok(answer)
}

fn entries_of(directory: &Snapshot, at: OffsetDateTime) -> ListDirectoryResponse {
    ListDirectoryResponse {
        agencies: directory.agencies.values().cloned().collect(),
        positions: directory.positions.values().cloned().collect(),
        holders: directory
            .terms
            .values()
            .filter(|term| covers(term, at))
            .cloned()
            .collect(),
        categories: directory.categories.values().cloned().collect(),
        regions: directory.regions.values().cloned().collect(),
        contacts: Vec::new(),
    }
}

fn covers(term: &HolderTerm, at: OffsetDateTime) -> bool {
    let from = term.from.as_ref().and_then(instant);
    let until = term.until.as_ref().and_then(instant);
    from.is_some_and(|from| from <= at) && until.is_none_or(|until| at < until)
}

fn sort(answer: &mut ListDirectoryResponse) {
    answer.agencies.sort_by(|a, b| a.code.cmp(&b.code));
    answer.positions.sort_by(|a, b| a.id.cmp(&b.id));
    answer
        .holders
        .sort_by(|a, b| (&a.position_id, !a.acting).cmp(&(&b.position_id, !b.acting)));
    answer.categories.sort_by(|a, b| a.code.cmp(&b.code));
    answer.regions.sort_by(|a, b| a.code.cmp(&b.code));
}

fn keep_agency(answer: &mut ListDirectoryResponse, only: &OpdCode) {
    let only = only.as_str();
    answer.agencies.retain(|agency| agency.code == only);
    answer.positions.retain(|position| position.opd_code == only);
    let own: Vec<&str> = answer.positions.iter().map(|position| position.id.as_str()).collect();
    answer.holders.retain(|term| own.contains(&term.position_id.as_str()));
    answer.categories.retain(|category| category.default_opd == only);
}

async fn contacts(conn: &mut PgConnection, holders: &[HolderTerm]) -> Result<Vec<HolderContact>, Problem> {
    let ids: Vec<String> = holders.iter().map(|term| term.holder_id.clone()).collect();
    let found = store::contacts::of_holders(conn, &ids).await?;
    Ok(found
        .into_iter()
        .map(|contact| HolderContact {
            holder_id: contact.holder_id,
            name: contact.name,
            email: contact.email,
        })
        .collect())
}
