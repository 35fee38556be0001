//! Accounts: who may log in. A temporary password is shown once, to be handed over, and changed at the first login.

use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use time::OffsetDateTime;
use tuntas_kit::{
    ids::new_id,
    problem::{NOT_FOUND, Problem},
};
use tuntas_proto::routing::v1::{ListDirectoryRequest, ListDirectoryResponse};

use super::{directory_with_names, note, require_operator};
use crate::{
    accounts::{
        User,
        store::{self, Account, NewAccount},
    },
    grpc::{fresh_password, username},
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
        peer::Peer,
    },
};

/// What was done just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    selesai: String,
}

/// A new account.
#[derive(Debug, Deserialize)]
pub struct Entry {
    nama: String,
    orang: String,
}

/// An account as the page shows it.
struct Row {
    account: Account,
    name: String,
    office: String,
    is_locked: bool,
}

/// A person without an account.
struct Person {
    holder: String,
    name: String,
    office: String,
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct AccountsPage {
    page: Page,
    rows: Vec<Row>,
    people: Vec<Person>,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "admin/password.html")]
struct PasswordPage {
    page: Page,
    username: String,
    password: String,
}

/// The accounts, and the people who have none.
///
/// # Errors
/// The page is not the office's, routing is away, or the database's.
pub async fn list(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Query(after): Query<After>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let accounts = store::accounts(web.accounts.pool()).await?;
    // The accounts can be worked on while routing is away: then people have no names.
    let listed = directory_with_names(&web, &user, ListDirectoryRequest::default()).await;
    let listed = listed.unwrap_or_default();
    let people = people(&listed);
    let having: HashSet<&str> = accounts.iter().map(|account| account.holder_id.as_str()).collect();
    let mut without: Vec<Person> = people
        .iter()
        .filter(|(holder, _)| !having.contains(holder.as_str()))
        .map(|(holder, (name, office))| Person {
            holder: holder.clone(),
            name: name.clone(),
            office: office.clone(),
        })
        .collect();
    without.sort_by(|a, b| a.name.cmp(&b.name));
    let now = page.now;
    let rows = accounts.into_iter().map(|account| row(account, &people, now)).collect();
    html(&AccountsPage {
        page,
        rows,
        people: without,
        is_done: !after.selesai.is_empty(),
    })
}

/// Name and office of everybody who holds one.
fn people(listed: &ListDirectoryResponse) -> HashMap<String, (String, String)> {
    let names: HashMap<&str, &str> = listed
        .contacts
        .iter()
        .map(|contact| (contact.holder_id.as_str(), contact.name.as_str()))
        .collect();
    let titles: HashMap<&str, &str> = listed
        .positions
        .iter()
        .map(|position| (position.id.as_str(), position.title.as_str()))
        .collect();
    let mut people = HashMap::new();
    for term in &listed.holders {
        let holder = term.holder_id.as_str();
        let name = names.get(holder).copied().unwrap_or(holder);
        let office = titles.get(term.position_id.as_str()).copied().unwrap_or_default();
        people
            .entry(holder.to_owned())
            .or_insert_with(|| (name.to_owned(), office.to_owned()));
    }
    people
}

fn row(account: Account, people: &HashMap<String, (String, String)>, now: OffsetDateTime) -> Row {
    let (name, office) = people
        .get(&account.holder_id)
        .cloned()
        .unwrap_or_else(|| (account.holder_id.clone(), String::new()));
    Row {
        name,
        office,
        is_locked: account.locked_until.is_some_and(|until| until > now),
        account,
    }
}

/// Makes an account, and shows its password once.
///
/// # Errors
/// The name or the person has an account already, or the database's.
pub async fn create(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    peer: Peer,
    Form(entry): Form<Entry>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let username = username(&entry.nama)?;
    let directory = web.directory.get().await?;
    if !directory.terms.iter().any(|term| term.holder_id == entry.orang) {
        return Err(Problem::refusal("person_missing", "the directory has no such person").into());
    }
    let password = fresh_password();
    let account_id = new_id();
    let account = NewAccount {
        account_id,
        username: username.clone(),
        holder_id: entry.orang,
        password_hash: Some(hash(&web, &password).await?),
        password_is_temporary: true,
        created_at: page.now,
    };
    if !store::create_account(web.accounts.pool(), account).await? {
        let taken = Problem::refusal("account_exists", "this name or person has an account already");
        return Err(taken.into());
    }
    note(&web, &user, peer, "account_created", &account_id.to_string()).await?;
    html(&PasswordPage {
        page,
        username,
        password,
    })
}

/// Resets, disables, enables or unlocks an account.
///
/// # Errors
/// There is no such account, it is the own one, or the database's.
pub async fn act(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    peer: Peer,
    Path((name, act)): Path<(String, String)>,
) -> Result<Response, Fault> {
    require_operator(&user)?;
    let pool = web.accounts.pool();
    let found = store::account_by_name(pool, &username(&name)?).await?;
    let account = found.ok_or_else(|| Problem::new(NOT_FOUND))?;
    refuse_own(&user, &account, &act)?;
    let (id, subject) = (account.account_id, account.account_id.to_string());
    match act.as_str() {
        "reset" => {
            let password = fresh_password();
            let hash = hash(&web, &password).await?;
            store::set_totp(pool, id, None, false).await?;
            store::set_password(pool, id, hash, true, None).await?;
            note(&web, &user, peer, "account_reset", &subject).await?;
            return html(&PasswordPage {
                page,
                username: account.username,
                password,
            });
        }
        "nonaktifkan" => {
            store::set_disabled(pool, id, Some(page.now)).await?;
            note(&web, &user, peer, "account_disabled", &subject).await?;
        }
        "aktifkan" => {
            store::set_disabled(pool, id, None).await?;
            note(&web, &user, peer, "account_enabled", &subject).await?;
        }
        "buka-kunci" => {
            store::unlock(pool, id).await?;
            note(&web, &user, peer, "account_unlocked", &subject).await?;
        }
        _ => return Err(Fault::new(NOT_FOUND)),
    }
    Ok(Redirect::to("/admin/akun?selesai=1").into_response())
}

/// Nobody locks themselves out of the only account that could let them in again.
fn refuse_own(user: &User, account: &Account, act: &str) -> Result<(), Problem> {
    if account.account_id == user.account_id && matches!(act, "reset" | "nonaktifkan") {
        return Err(Problem::refusal("own_account", "this is your own account"));
    }
    Ok(())
}

async fn hash(web: &Web, password: &str) -> Result<String, Problem> {
    web.accounts
        .hasher()
        .hash(&SecretString::from(password.to_owned()))
        .await
}
