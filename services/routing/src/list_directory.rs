//! Lists the directory as it stands, or as it stood at a moment.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{OpdCode, Role};
use tuntas_kit::{auth::Assertion, problem::Problem};
use tuntas_proto::{
    event::v1::{Event, HolderTerm, directory_changed::Change, event::Payload},
    routing::v1::{HolderContact, ListDirectoryRequest, ListDirectoryResponse},
    wire_time::instant,
};

use crate::{
    Routing,
    caller::Caller,
    store::{self, directory::Mark},
};

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
    let (caller, _) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    let only = match request.opd_code.as_str() {
        "" => None,
        code => Some(code.parse::<OpdCode>().map_err(|e| Problem::invalid("opd_code", e))?),
    };
    let at = match &request.at {
        None => now,
        Some(at) => instant(at).ok_or_else(|| Problem::invalid("at", "is not an instant"))?,
    };
    let entries = routing.listed.at(&mut conn, at).await?;
    let mut answer = entries.answer(at, only.as_ref());
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

/// The entries as of the moment that was asked for last: every mail to an officer asks for now. Cheap to clone; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Listed(Arc<Mutex<Option<Known>>>);

/// Entries, and of which changes they are.
type Known = (Mark, Arc<Entries>);

/// All entries, each as its latest change says, with every term.
#[derive(Debug, Default)]
struct Entries(ListDirectoryResponse);

impl Listed {
    async fn at(&self, conn: &mut PgConnection, at: OffsetDateTime) -> Result<Arc<Entries>, Problem> {
        let mark = store::directory::mark_at(conn, at).await?;
        if let Some((known, entries)) = &*self.lock()
            && *known == mark
        {
            return Ok(Arc::clone(entries));
        }
        let entries = Arc::new(Entries::at(conn, at).await?);
        // What came in between is in the entries and not in the mark.
        if store::directory::mark_at(conn, at).await? == mark {
            *self.lock() = Some((mark, Arc::clone(&entries)));
        }
        Ok(entries)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    async fn at(conn: &mut PgConnection, at: OffsetDateTime) -> Result<Self, Problem> {
        let mut all = ListDirectoryResponse::default();
        for body in store::directory::bodies_at(conn, at).await? {
            let event = Event::decode(body.as_slice()).map_err(Problem::internal)?;
            let Some(Payload::DirectoryChanged(changed)) = event.payload else {
                continue;
            };
            match changed.change {
                Some(Change::Agency(agency)) => all.agencies.push(agency),
                Some(Change::Position(position)) => all.positions.push(position),
                Some(Change::HolderTerm(term)) => all.holders.push(term),
                Some(Change::Category(category)) => all.categories.push(category),
                Some(Change::Region(region)) => all.regions.push(region),
                None => {}
            }
        }
        sort(&mut all);
        Ok(Self(all))
    }

    /// The entries of one agency, or of all, with the terms that cover a moment.
    fn answer(&self, at: OffsetDateTime, only: Option<&OpdCode>) -> ListDirectoryResponse {
        fn kept<T: Clone>(all: &[T], keep: impl Fn(&T) -> bool) -> Vec<T> {
            all.iter().filter(|entry| keep(entry)).cloned().collect()
        }
        let of = |opd_code: &str| only.is_none_or(|only| only.as_str() == opd_code);
        let positions = kept(&self.0.positions, |position| of(&position.opd_code));
        let own: HashSet<&str> = positions.iter().map(|position| position.id.as_str()).collect();
        ListDirectoryResponse {
            agencies: kept(&self.0.agencies, |agency| of(&agency.code)),
            holders: kept(&self.0.holders, |term| {
                covers(term, at) && (only.is_none() || own.contains(term.position_id.as_str()))
            }),
            categories: kept(&self.0.categories, |category| of(&category.default_opd)),
            regions: self.0.regions.clone(),
            contacts: Vec::new(),
            positions,
        }
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
