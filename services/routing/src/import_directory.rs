//! Imports agencies, positions, holders, categories and regions: what differs from what is stored becomes an event.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use tuntas_domain::Role;
use tuntas_kit::{auth::Assertion, directory::Snapshot, idempotency, outbox, problem::Problem, tx};
use tuntas_proto::{
    event::v1::{DirectoryChanged, HolderTerm, directory_changed::Change, event::Payload},
    routing::v1::{HolderContact, ImportDirectoryRequest, ImportDirectoryResponse},
    wire_time::instant,
};

use crate::{
    Routing,
    caller::Caller,
    change_directory::{apply_changes, kind_and_key, stored_body},
    declare_queues, store,
};

const SCOPE: &str = "routing.import_directory";
/// Services that may import: before the first import there is no officer who could.
const SERVICES: [&str; 1] = ["ctl"];
/// Entries and contacts of one call.
const ENTRIES_MAX: usize = 20_000;

/// Imports entries and contacts; importing the same again changes nothing.
///
/// # Errors
/// `forbidden`, `invalid_argument` (also for an entry that names what does not exist), or the database's.
pub(crate) async fn import_directory(
    routing: &Routing,
    assertion: Assertion,
    request: ImportDirectoryRequest,
) -> Result<ImportDirectoryResponse, Problem> {
    if request.entries.len() + request.contacts.len() > ENTRIES_MAX {
        return Err(Problem::invalid("entries", format!("more than {ENTRIES_MAX}")));
    }
    let mut conn = routing.pool.acquire().await?;
    may_import(&mut conn, routing, &assertion).await?;
    drop(conn);
    declare_queues::declare_new(routing, &request.entries).await?;
    let context = routing.clone();
    let response = tx::run(&routing.pool, move |conn| {
        Box::pin(async move { import(conn, &context, &assertion, request).await })
    })
    .await?;
    if response.changed > 0 {
        routing.directory_changed();
    }
    Ok(response)
}

async fn import(
    conn: &mut PgConnection,
    routing: &Routing,
    assertion: &Assertion,
    request: ImportDirectoryRequest,
) -> Result<ImportDirectoryResponse, Problem> {
    if let Some(answer) = idempotency::lookup(conn, SCOPE, &request.idempotency_key, &request).await? {
        return Ok(answer);
    }
    store::directory::lock_for_change(conn).await?;
    let now = routing.clock.now();
    let caller = may_import(conn, routing, assertion).await?;

    let mut counts = Counts::default();
    let changes = differing(conn, &request.entries, &mut counts).await?;
    let changed = apply_changes(conn, changes, &caller.wire(), now).await?;
    let directory = routing.directory.current(conn).await?;
    check_references(&directory)?;
    for contact in &request.contacts {
        counts.count(store::contacts::put(conn, &checked_contact(contact)?).await?);
    }
    let answer = ImportDirectoryResponse {
        changed: counts.changed,
        unchanged: counts.unchanged,
    };
    idempotency::remember(conn, SCOPE, &request.idempotency_key, &request, &answer).await?;
    outbox::append(conn, &changed.events).await?;
    Ok(answer)
}

async fn may_import(conn: &mut PgConnection, routing: &Routing, assertion: &Assertion) -> Result<Caller, Problem> {
    let (caller, _) = Caller::resolve(conn, &routing.directory, assertion, routing.clock.now()).await?;
    caller.require(&SERVICES, &[Role::Operator])?;
    Ok(caller)
}

#[derive(Default)]
struct Counts {
    changed: u32,
    unchanged: u32,
}

impl Counts {
    fn count(&mut self, changed: bool) {
        if changed {
            self.changed += 1;
        } else {
            self.unchanged += 1;
        }
    }
}

/// The entries that differ from the stored ones; of an entry that comes twice the last one counts.
async fn differing(
    conn: &mut PgConnection,
    entries: &[DirectoryChanged],
    counts: &mut Counts,
) -> Result<Vec<Payload>, Problem> {
    let mut stored: BTreeMap<(String, String), Vec<u8>> = store::directory::latest(conn)
        .await?
        .into_iter()
        .map(|(kind, key, body)| ((kind, key), body))
        .collect();
    let mut changes = Vec::new();
    for entry in entries {
        let payload = Payload::DirectoryChanged(with_term_id(entry));
        let (kind, key) = kind_and_key(&payload)?;
        let body = stored_body(&payload);
        let before = stored.insert((kind.to_owned(), key), body.clone());
        let differs = before.is_none_or(|before| before != body);
        counts.count(differs);
        if differs {
            changes.push(payload);
        }
    }
    Ok(changes)
}

/// A term that comes without an id (from a file) gets one that is the same at the next import.
fn with_term_id(entry: &DirectoryChanged) -> DirectoryChanged {
    let mut entry = entry.clone();
    if let Some(Change::HolderTerm(term)) = &mut entry.change
        && term.term_id.is_empty()
    {
        term.term_id = file_term_id(term);
    }
    entry
}

fn file_term_id(term: &HolderTerm) -> String {
    let from = term
        .from
        .as_ref()
        .and_then(instant)
        .map_or(0, |from| from.unix_timestamp());
    format!("{}:{}:{from}", term.position_id, term.holder_id)
}

fn checked_contact(contact: &HolderContact) -> Result<store::contacts::Contact, Problem> {
    let length = contact.name.chars().count();
    if contact.holder_id.is_empty() || !(1..=200).contains(&length) {
        return Err(Problem::invalid(
            "contacts",
            "a contact needs a holder and a name of 1 to 200 characters",
        ));
    }
    if contact.email.len() > 254 || (!contact.email.is_empty() && !contact.email.contains('@')) {
        return Err(Problem::invalid("contacts", "an e-mail address is not valid"));
    }
    Ok(store::contacts::Contact {
        holder_id: contact.holder_id.clone(),
        name: contact.name.clone(),
        email: contact.email.clone(),
    })
}

/// Everything that is named exists, and no position has two regular holders at once.
fn check_references(directory: &Snapshot) -> Result<(), Problem> {
    let agencies: BTreeSet<&str> = directory.agencies.keys().map(|code| code.as_str()).collect();
    let positions: BTreeSet<&str> = directory.positions.keys().map(|id| id.as_str()).collect();
    let known = |what: &str, owner: &str, name: &str, names: &BTreeSet<&str>| {
        if name.is_empty() || names.contains(name) {
            return Ok(());
        }
        Err(Problem::invalid(
            what,
            format!("{owner} names {name:?}, which does not exist"),
        ))
    };
    for position in directory.positions.values() {
        known("position", &position.id, &position.opd_code, &agencies)?;
        known("position", &position.id, &position.superior_id, &positions)?;
    }
    for category in directory.categories.values() {
        known("category", &category.code, &category.default_opd, &agencies)?;
    }
    for term in directory.terms.values() {
        known("term", &term.term_id, &term.position_id, &positions)?;
    }
    check_terms(directory)
}

fn check_terms(directory: &Snapshot) -> Result<(), Problem> {
    for position in directory.directory.positions.values() {
        let mut regular: Vec<_> = position.terms.iter().filter(|term| !term.acting).collect();
        regular.sort_by_key(|term| term.from);
        for pair in regular.windows(2) {
            if let [earlier, later] = pair
                && earlier.to.is_none_or(|to| to > later.from)
            {
                let why = format!("{} would have two regular holders at once", position.id);
                return Err(Problem::invalid("term", why));
            }
        }
    }
    Ok(())
}
