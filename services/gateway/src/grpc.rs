//! `tuntas.gateway.v1.Accounts`: what an operator does with accounts from the command line.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use tonic::{Request, Response, Status};
use tuntas_kit::{
    auth::TrustStore,
    ids::{new_id, random_bytes},
    problem::{FORBIDDEN, NOT_FOUND, Problem},
};
use tuntas_proto::{
    gateway::v1::{
        Account, CreateAccountRequest, CreateAccountResponse, ListAccountsRequest, ListAccountsResponse,
        ResetAccountRequest, ResetAccountResponse, SetAccountDisabledRequest, SetAccountDisabledResponse,
        accounts_server,
    },
    wire_time::timestamp,
};

use crate::{
    accounts::store::{self, NewAccount},
    web::Web,
};

/// The command line's name in assertions.
const CTL: &str = "ctl";
/// Bytes of a temporary password: 144 bits.
const PASSWORD_BYTES: usize = 18;

/// The service.
pub struct Api {
    /// Everything behind the pages.
    pub web: Web,
    /// Whose assertions count.
    pub trust: Arc<TrustStore>,
}

impl Api {
    pub(crate) fn require_operator<T>(&self, request: &Request<T>) -> Result<(), Problem> {
        let assertion = self
            .trust
            .assertion(request, self.web.clock.now())
            .map_err(Problem::from)?;
        assertion.require_service(&[CTL])
    }

    pub(crate) async fn note(&self, action: &str, subject: &str) -> Result<(), Problem> {
        store::audit(
            self.web.accounts.pool(),
            self.web.clock.now(),
            CTL,
            "",
            action,
            subject,
            "",
        )
        .await
    }

    async fn create(&self, request: CreateAccountRequest) -> Result<CreateAccountResponse, Problem> {
        let is_demo = !request.demo_password.is_empty();
        if is_demo && !self.web.clock.is_demo() {
            return Err(Problem::new(FORBIDDEN).message("a password known to everybody is for a demo's clock only"));
        }
        let username = username(&request.username)?;
        let directory = self.web.directory.get().await?;
        if !directory.terms.iter().any(|term| term.holder_id == request.holder_id) {
            return Err(Problem::invalid("holder_id", "the directory has no such person"));
        }
        let password = match (request.without_password, is_demo) {
            (true, _) => None,
            (false, true) => Some(request.demo_password),
            (false, false) => Some(fresh_password()),
        };
        let password_hash = match &password {
            Some(password) => Some(self.web.accounts.hasher().hash(&password.clone().into()).await?),
            None => None,
        };
        let account_id = new_id();
        let account = NewAccount {
            account_id,
            username: username.clone(),
            holder_id: request.holder_id,
            password_hash,
            password_is_temporary: password.is_some() && !is_demo,
            created_at: self.web.clock.now(),
        };
        if !store::create_account(self.web.accounts.pool(), account).await? {
            return Err(Problem::refusal(
                "account_exists",
                "this name or person has an account already",
            ));
        }
        self.note("account_created", &account_id.to_string()).await?;
        Ok(CreateAccountResponse {
            account_id: account_id.to_string(),
            temporary_password: password.unwrap_or_default(),
        })
    }

    async fn reset(&self, request: &ResetAccountRequest) -> Result<ResetAccountResponse, Problem> {
        let account = self.account(&request.username).await?;
        let password = fresh_password();
        let hash = self
            .web
            .accounts
            .hasher()
            .hash(&SecretString::from(password.clone()))
            .await?;
        let pool = self.web.accounts.pool();
        store::set_totp(pool, account.account_id, None, false).await?;
        store::set_password(pool, account.account_id, hash, true, None).await?;
        self.note("account_reset", &account.account_id.to_string()).await?;
        Ok(ResetAccountResponse {
            temporary_password: password,
        })
    }

    async fn set_disabled(&self, request: &SetAccountDisabledRequest) -> Result<(), Problem> {
        let account = self.account(&request.username).await?;
        let at = request.disabled.then(|| self.web.clock.now());
        store::set_disabled(self.web.accounts.pool(), account.account_id, at).await?;
        let action = if request.disabled {
            "account_disabled"
        } else {
            "account_enabled"
        };
        self.note(action, &account.account_id.to_string()).await
    }

    async fn account(&self, name: &str) -> Result<store::Account, Problem> {
        let found = store::account_by_name(self.web.accounts.pool(), &username(name)?).await?;
        found.ok_or_else(|| Problem::new(NOT_FOUND).message("there is no account of this name"))
    }
}

/// A name to log in with, as it is kept.
pub(crate) fn username(text: &str) -> Result<String, Problem> {
    let name = text.trim().to_lowercase();
    let fits = (3..=128).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._@-".contains(c));
    fits.then_some(name)
        .ok_or_else(|| Problem::invalid("username", "3 to 128 of a-z, 0-9 and ._@-"))
}

/// A password to be handed over.
pub(crate) fn fresh_password() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<PASSWORD_BYTES>())
}

#[tonic::async_trait]
impl accounts_server::Accounts for Api {
    async fn create_account(
        &self,
        request: Request<CreateAccountRequest>,
    ) -> Result<Response<CreateAccountResponse>, Status> {
        self.require_operator(&request)?;
        Ok(Response::new(self.create(request.into_inner()).await?))
    }

    async fn reset_account(
        &self,
        request: Request<ResetAccountRequest>,
    ) -> Result<Response<ResetAccountResponse>, Status> {
        self.require_operator(&request)?;
        Ok(Response::new(self.reset(request.get_ref()).await?))
    }

    async fn set_account_disabled(
        &self,
        request: Request<SetAccountDisabledRequest>,
    ) -> Result<Response<SetAccountDisabledResponse>, Status> {
        self.require_operator(&request)?;
        self.set_disabled(request.get_ref()).await?;
        Ok(Response::new(SetAccountDisabledResponse {}))
    }

    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        self.require_operator(&request)?;
        let now = self.web.clock.now();
        let accounts = store::accounts(self.web.accounts.pool()).await?;
        let accounts = accounts.into_iter().map(|account| Account {
            username: account.username,
            holder_id: account.holder_id,
            has_second_factor: account.totp_confirmed,
            locked_until: account.locked_until.filter(|until| *until > now).map(timestamp),
            disabled_at: account.disabled_at.map(timestamp),
        });
        Ok(Response::new(ListAccountsResponse {
            accounts: accounts.collect(),
        }))
    }
}
