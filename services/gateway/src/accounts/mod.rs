//! Accounts of officers, their sessions, and what was done with them.
//!
//! An account names a person. Which offices the person holds, and with which roles, is asked of the directory at every
//! request: who loses an office loses what it opens at once.

pub mod password;
pub mod seal;
pub mod store;
pub mod totp;

use std::{collections::BTreeSet, sync::Arc};

use axum_extra::extract::cookie::CookieJar;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use tuntas_domain::{
    HolderId, Party, PositionId, Role,
    authorization::{Relation, may_see},
};
use tuntas_kit::{clock::Clock, ids, problem::Problem};
use uuid::Uuid;

use self::{password::Hasher, seal::Seal, store::Account};
use crate::{
    config::Login,
    platform::Officer,
    web::{
        Web,
        peer::{Peer, PeerLimit},
    },
};

/// What an official is to a case with which they have nothing to do.
const STRANGER: Relation = Relation {
    lead: false,
    contributor: false,
    took_part: false,
    complained: false,
    supervisory: false,
    authority: Party::Manager,
    head_required: false,
};

/// Cookie of the session.
pub const SESSION: &str = "sesi";
/// A look at a page is written down at most this often.
const SEEN_EVERY: Duration = Duration::minutes(1);
const COOKIE_BYTES: usize = 32;
/// As the table allows.
const USERNAME_BYTES_MAX: usize = 128;

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct User {
    /// Account.
    pub account_id: Uuid,
    /// Name with which the person logs in.
    pub username: String,
    /// Person.
    pub holder: String,
    /// Session, by a name that opens nothing.
    pub session_id: Uuid,
    /// Office acted in; none when the person holds none, or has not chosen among several.
    pub officer: Option<Officer>,
    /// Title of the office.
    pub title: String,
    /// Agency of the office; empty for the Ombudsman, the Governor and the Sekda.
    pub opd: String,
    /// Roles of the office.
    pub roles: BTreeSet<Role>,
    /// Offices that the person holds now: id and title.
    pub offices: Vec<(String, String)>,
    /// The password was given by somebody else.
    pub must_change_password: bool,
    /// There is a password; without one the person logs in at the provider alone.
    pub has_password: bool,
    /// A second factor is in use.
    pub has_totp: bool,
}

impl User {
    /// The office acted in.
    ///
    /// # Errors
    /// `forbidden` when there is none.
    pub fn officer(&self) -> Result<&Officer, Problem> {
        self.officer
            .as_ref()
            .ok_or_else(|| Problem::new(tuntas_kit::problem::FORBIDDEN))
    }

    /// Whether the office works at the centre: on cases of all agencies, through routing.
    #[must_use]
    pub fn is_central(&self) -> bool {
        [
            Role::Verifier,
            Role::Manager,
            Role::Director,
            Role::Patron,
            Role::Auditor,
        ]
        .iter()
        .any(|role| self.roles.contains(role))
    }

    /// Whether the office works on its agency's cases, through a desk.
    #[must_use]
    pub fn is_of_agency(&self) -> bool {
        !self.opd.is_empty()
            && [Role::AccountableHead, Role::Liaison, Role::Executor]
                .iter()
                .any(|role| self.roles.contains(role))
    }

    /// Whether others' work is the office's to look after: the own agency's, or all.
    #[must_use]
    pub fn oversees(&self) -> bool {
        [
            Role::AccountableHead,
            Role::Liaison,
            Role::Manager,
            Role::Director,
            Role::Patron,
            Role::Auditor,
            Role::Ombudsman,
        ]
        .iter()
        .any(|role| self.roles.contains(role))
    }

    /// Whether it is the Ombudsman's.
    #[must_use]
    pub fn is_ombudsman(&self) -> bool {
        self.roles.contains(&Role::Ombudsman)
    }

    /// Whether it sees every case with its words by its office: also one to which it has no relation.
    #[must_use]
    pub fn sees_all_cases(&self) -> bool {
        self.roles.iter().any(|role| may_see(*role, &STRANGER))
    }

    /// Whether it may enter a report for a citizen.
    #[must_use]
    pub fn assists(&self) -> bool {
        self.is_central() || self.is_of_agency()
    }

    /// Whether oversight lets it read the log.
    #[must_use]
    pub fn may_read_log(&self) -> bool {
        [Role::Ombudsman, Role::Auditor, Role::Director, Role::Patron]
            .iter()
            .any(|role| self.roles.contains(role))
    }

    /// Whether it answers the Ombudsman for its agency.
    #[must_use]
    pub fn answers_ombudsman(&self) -> bool {
        !self.opd.is_empty()
            && [Role::AccountableHead, Role::Liaison]
                .iter()
                .any(|role| self.roles.contains(role))
    }

    /// Whether it may administer.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.roles.contains(&Role::Operator)
    }
}

/// How a login went.
pub enum Outcome {
    /// The cookie of the new session.
    In(String),
    /// The password is right; a code of the second factor is needed.
    CodeNeeded,
    /// Name, password or code is wrong, or the account does not exist; which one is nobody's to know.
    Wrong,
    /// Too many wrong tries in a row.
    Locked,
}

/// How a person proved who they are.
#[derive(Debug, Clone, Copy)]
enum Via {
    Password,
    Provider,
}

impl Via {
    const fn code(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "oidc",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Password => "logged_in",
            Self::Provider => "logged_in_by_oidc",
        }
    }
}

/// What a person types to log in.
pub struct Credentials {
    /// Name.
    pub username: String,
    /// Password.
    pub password: SecretString,
    /// Code of the second factor; empty when none was asked for.
    pub code: String,
}

/// Accounts and sessions.
pub struct Accounts {
    pool: PgPool,
    hasher: Hasher,
    seal: Seal,
    settings: Login,
    clock: Clock,
    tries: Arc<PeerLimit>,
}

impl Accounts {
    /// Over this edge's own database.
    #[must_use]
    pub fn new(pool: PgPool, settings: &Login, secret: &SecretString, clock: Clock) -> Self {
        Self {
            pool,
            hasher: Hasher::new(settings),
            seal: Seal::new(secret, "totp"),
            settings: settings.clone(),
            clock,
            tries: Arc::new(PeerLimit::new(settings.per_peer_per_minute, settings.per_peer_burst)),
        }
    }

    /// The database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Sealing of second factors.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Hashing of passwords.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// How long a session may last.
    #[must_use]
    pub fn session_max(&self) -> Duration {
        Duration::hours(self.settings.absolute_h)
    }

    /// Counts a try that could be a guess.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn count_try(&self, peer: Peer) -> Result<(), Problem> {
        self.tries.check(peer)
    }

    /// Logs a person in. A session of before is ended, so that nobody can be made to use one that somebody else knows.
    ///
    /// # Errors
    /// `rate_limited`, or the database's.
    pub async fn log_in(&self, peer: Peer, given: Credentials, before: Option<&str>) -> Result<Outcome, Problem> {
        self.count_try(peer)?;
        let now = self.clock.now();
        let account = self.named(&given.username).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        // The same work whether the account exists or not.
        let right = self.hasher.verify(hash, &given.password).await?;
        let Some(account) = account.filter(|account| account.disabled_at.is_none()) else {
            return Ok(Outcome::Wrong);
        };
        if account.locked_until.is_some_and(|until| until > now) {
            return Ok(Outcome::Locked);
        }
        if !right {
            return self.wrong(&account, peer, now).await;
        }
        if account.totp_confirmed {
            if given.code.trim().is_empty() {
                return Ok(Outcome::CodeNeeded);
            }
            if !self.code_counts(&account, &given.code).await? {
                return self.wrong(&account, peer, now).await;
            }
        }
        let cookie = self.open_session(&account, peer, before, Via::Password).await?;
        Ok(Outcome::In(cookie))
    }

    /// Logs in whom the provider of OpenID Connect has confirmed. A lock does not count: it is against guessing passwords.
    ///
    /// # Errors
    /// The database's.
    pub async fn log_in_confirmed(&self, peer: Peer, username: &str, before: Option<&str>) -> Result<Outcome, Problem> {
        let account = self.named(username).await?;
        let Some(account) = account.filter(|account| account.disabled_at.is_none()) else {
            let (now, peer) = (self.clock.now(), peer.0.to_string());
            store::audit(&self.pool, now, "", "", "oidc_login_refused", "", &peer).await?;
            return Ok(Outcome::Wrong);
        };
        let cookie = self.open_session(&account, peer, before, Via::Provider).await?;
        Ok(Outcome::In(cookie))
    }

    /// The account of a name as it is typed. What cannot be a name is not looked up.
    async fn named(&self, username: &str) -> Result<Option<Account>, Problem> {
        let name = username.trim().to_lowercase();
        if name.is_empty() || name.len() > USERNAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Ok(None);
        }
        store::account_by_name(&self.pool, &name).await
    }

    async fn wrong(&self, account: &Account, peer: Peer, now: OffsetDateTime) -> Result<Outcome, Problem> {
        let locked_until = now + Duration::minutes(self.settings.locked_min);
        let locked = store::count_wrong(&self.pool, account.account_id, self.settings.wrong_max, locked_until).await?;
        let action = if locked { "account_locked" } else { "login_failed" };
        let subject = account.account_id.to_string();
        store::audit(&self.pool, now, "", "", action, &subject, &peer.0.to_string()).await?;
        Ok(if locked { Outcome::Locked } else { Outcome::Wrong })
    }

    /// Whether a code is right and was not used before.
    async fn code_counts(&self, account: &Account, code: &str) -> Result<bool, Problem> {
        let Some(sealed) = &account.totp_sealed else {
            return Ok(false);
        };
        let secret = self.seal.open(account.account_id.as_bytes(), sealed)?;
        match totp::step_of(&secret, code) {
            Some(step) => Ok(store::take_totp_step(&self.pool, account.account_id, step).await?),
            None => Ok(false),
        }
    }

    async fn open_session(
        &self,
        account: &Account,
        peer: Peer,
        before: Option<&str>,
        via: Via,
    ) -> Result<String, Problem> {
        let now = self.clock.now();
        let cookie = hex::encode(ids::random_bytes::<COOKIE_BYTES>());
        let session = store::NewSession {
            cookie_hash: hash_of(&cookie),
            session_id: ids::new_id(),
            account_id: account.account_id,
            via: via.code(),
            created_at: now,
            expires_at: now + self.session_max(),
        };
        let before = before.map(hash_of);
        store::open_session(&self.pool, session, before.as_deref()).await?;
        let subject = account.account_id.to_string();
        store::audit(
            &self.pool,
            now,
            "",
            &account.holder_id,
            via.action(),
            &subject,
            &peer.0.to_string(),
        )
        .await?;
        Ok(cookie)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database's.
    pub async fn log_out(&self, cookie: &str) -> Result<(), Problem> {
        store::end_session(&self.pool, &hash_of(cookie)).await
    }

    /// Who a request's cookie says is logged in.
    ///
    /// # Errors
    /// The database's, or the directory's.
    pub async fn user_of(&self, web: &Web, jar: &CookieJar) -> Result<Option<User>, Problem> {
        let Some(cookie) = jar.get(SESSION).map(|cookie| cookie.value().to_owned()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let hash = hash_of(&cookie);
        let idle_since = now - Duration::minutes(self.settings.idle_min);
        let Some(session) = store::live_session(&self.pool, &hash, now, idle_since).await? else {
            return Ok(None);
        };
        if now - session.seen_at >= SEEN_EVERY {
            store::touch_session(&self.pool, &hash, now).await?;
        }
        let directory = web.directory.get().await?;
        let held = directory.positions_of(&session.holder_id, now);
        let chosen = session.position_id.as_deref();
        let position = match held.as_slice() {
            [only] => Some(*only),
            several => several
                .iter()
                .find(|position| Some(position.id.as_str()) == chosen)
                .copied(),
        };
        let officer = position.and_then(|position| {
            Some(Officer {
                position: PositionId::new(&position.id).ok()?,
                holder: HolderId::new(&session.holder_id).ok()?,
                session: session.session_id.to_string(),
            })
        });
        let roles = position.map(|position| position.roles.iter().filter_map(|role| role_of(role)).collect());
        Ok(Some(User {
            account_id: session.account_id,
            username: session.username,
            session_id: session.session_id,
            title: position.map(|position| position.title.clone()).unwrap_or_default(),
            opd: position.map(|position| position.opd_code.clone()).unwrap_or_default(),
            roles: roles.unwrap_or_default(),
            offices: held
                .iter()
                .map(|position| (position.id.clone(), position.title.clone()))
                .collect(),
            officer,
            holder: session.holder_id,
            must_change_password: session.password_is_temporary,
            has_password: session.has_password,
            has_totp: session.totp_confirmed,
        }))
    }
}

/// What is kept of a session's cookie.
#[must_use]
pub fn hash_of(cookie: &str) -> Vec<u8> {
    Sha256::digest(cookie.as_bytes()).to_vec()
}

fn role_of(code: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role.code() == code)
}

/// The key material of this edge for one purpose.
pub(crate) fn derived_key(secret: &SecretString, purpose: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"tuntas.gateway.v1\0");
    hash.update(purpose.as_bytes());
    hash.update(b"\0");
    hash.update(secret.expose_secret().as_bytes());
    hash.finalize().into()
}
