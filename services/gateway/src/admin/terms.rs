//! Who holds a position from when to when, and who acts for an absent holder (Plt/Plh).

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tuntas_kit::{
    ids::random_bytes,
    problem::{NOT_FOUND, Problem},
};
use tuntas_proto::{
    Timestamp,
    event::v1::{HolderTerm, directory_changed::Change},
    routing::v1::{AppointActingHolderRequest, HolderContact, ListDirectoryRequest},
};

use super::{days, directory_with_names, import, note, positions::back, require_operator};
use crate::{
    accounts::User,
    platform::answer,
    web::{Web, fault::Fault, page::SignedIn, peer::Peer},
};

/// Bytes that tell a new person's id from others'.
const SUFFIX_BYTES: usize = 4;

/// A form about who holds a position.
#[derive(Debug, Deserialize)]
pub struct Entry {
    kunci: String,
    jabatan: String,
    #[serde(default)]
    opd: String,
    /// A person whom the directory has.
    #[serde(default)]
    orang: String,
    /// A new person.
    #[serde(default)]
    nama: String,
    #[serde(default)]
    surel: String,
    #[serde(default)]
    mulai: String,
    #[serde(default)]
    sampai: String,
    /// Term to end.
    #[serde(default)]
    masa: String,
}

/// Begins a term. The regular holder of before, if there is one, ends theirs at the same moment.
///
/// # Errors
/// Routing refuses it, or is away.
pub async fn begin(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let from = days::beginning("mulai", &entry.mulai)?;
    let (holder_id, contacts) = person(&entry)?;
    let mut changes = Vec::new();
    for mut term in terms_of(&web, &user, &entry.jabatan).await? {
        let goes_on = term.until.is_none_or(|until| until.seconds > from.seconds);
        if !term.acting && goes_on {
            term.until = Some(from);
            changes.push(Change::HolderTerm(term));
        }
    }
    changes.push(Change::HolderTerm(HolderTerm {
        holder_id: holder_id.clone(),
        position_id: entry.jabatan.clone(),
        from: Some(from),
        until: days::end("sampai", &entry.sampai)?,
        acting: false,
        term_id: String::new(),
    }));
    import(&web, &user, &entry.kunci, changes, contacts).await?;
    let subject = format!("{} {holder_id}", entry.jabatan);
    note(&web, &user, peer, "term_begun", &subject).await?;
    Ok(Redirect::to(&back(&entry.opd, &entry.jabatan)).into_response())
}

/// Ends a term on a day.
///
/// # Errors
/// Routing refuses it, or is away.
pub async fn end(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let terms = terms_of(&web, &user, &entry.jabatan).await?;
    let mut term = terms
        .into_iter()
        .find(|term| term.term_id == entry.masa)
        .ok_or_else(|| Problem::new(NOT_FOUND))?;
    term.until = days::end("sampai", &entry.sampai)?;
    let subject = format!("{} {}", entry.jabatan, term.holder_id);
    import(&web, &user, &entry.kunci, vec![Change::HolderTerm(term)], Vec::new()).await?;
    note(&web, &user, peer, "term_ended", &subject).await?;
    Ok(Redirect::to(&back(&entry.opd, &entry.jabatan)).into_response())
}

/// Names an acting holder.
///
/// # Errors
/// Routing refuses it, or is away.
pub async fn appoint(
    State(web): State<Web>,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let (holder_id, contacts) = person(&entry)?;
    if !contacts.is_empty() {
        import(&web, &user, &format!("{}-orang", entry.kunci), Vec::new(), contacts).await?;
    }
    let span = Span {
        position: entry.jabatan.clone(),
        holder: holder_id.clone(),
        from: days::beginning("mulai", &entry.mulai)?,
        until: days::end("sampai", &entry.sampai)?,
    };
    name_acting(&web, &user, &entry.kunci, span).await?;
    let subject = format!("{} {holder_id}", entry.jabatan);
    note(&web, &user, peer, "acting_holder_named", &subject).await?;
    Ok(Redirect::to(&back(&entry.opd, &entry.jabatan)).into_response())
}

/// Who acts for whom, from when to when.
pub struct Span {
    /// Position.
    pub position: String,
    /// Person.
    pub holder: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
}

/// Names an acting holder in the user's name; routing decides whether they may.
///
/// # Errors
/// Routing's.
pub async fn name_acting(web: &Web, user: &User, key: &str, span: Span) -> Result<(), Problem> {
    let request = AppointActingHolderRequest {
        idempotency_key: key.to_owned(),
        position_id: span.position,
        holder_id: span.holder,
        from: Some(span.from),
        until: span.until,
    };
    let request = web.platform.request_as(user.officer()?, request)?;
    answer(web.platform.directory().appoint_acting_holder(request)).await?;
    web.directory.forget();
    Ok(())
}

async fn terms_of(web: &Web, user: &User, position: &str) -> Result<Vec<HolderTerm>, Problem> {
    let mut terms = directory_with_names(web, user, ListDirectoryRequest::default())
        .await?
        .holders;
    terms.retain(|term| term.position_id == position);
    Ok(terms)
}

/// The person of a form; a new one gets an id, and a name and address that stay with routing.
fn person(entry: &Entry) -> Result<(String, Vec<HolderContact>), Problem> {
    let known = entry.orang.trim();
    if !known.is_empty() {
        return Ok((known.to_owned(), Vec::new()));
    }
    if entry.nama.trim().is_empty() {
        return Err(Problem::refusal("person_missing", "choose a person or give a name"));
    }
    let suffix = hex::encode(random_bytes::<SUFFIX_BYTES>());
    let holder_id = format!("h-{}-{suffix}", entry.jabatan.replace('.', "-"));
    let contact = HolderContact {
        holder_id: holder_id.clone(),
        name: entry.nama.trim().to_owned(),
        email: entry.surel.trim().to_owned(),
    };
    Ok((holder_id, vec![contact]))
}
