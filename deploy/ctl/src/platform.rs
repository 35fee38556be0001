//! Typed calls to the platform in somebody's name.
//!
//! Every call goes through [`Platform::call`]: it signs the caller's assertion for the moment, and when the platform
//! has patience it sends the same request, with the same idempotency key, again while a service is away.

use std::{
    collections::HashMap,
    future::Future,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use tonic::{Request, Response, Status, transport::Channel};
use tuntas_domain::{HolderId, PositionId};
use tuntas_kit::{
    auth::Signer,
    client::{channel, request_as},
    clock::Clock,
    ids::random_bytes,
};
use tuntas_proto::{
    desk::v1::desk_client::DeskClient,
    evaluation::v1::evaluation_client::EvaluationClient,
    gateway::v1::{accounts_client::AccountsClient, api_keys_client::ApiKeysClient},
    intake::v1::{intake_client::IntakeClient, vault_client::VaultClient},
    notification::v1::notification_client::NotificationClient,
    ops::v1::ops_client::OpsClient,
    oversight::v1::{feed_client::FeedClient, oversight_client::OversightClient},
    routing::v1::{ListDirectoryRequest, cases_client::CasesClient, directory_client::DirectoryClient},
};

use crate::{
    directory::Directory,
    endpoints::Endpoints,
    error::{CtlError, Exit, Result, is_transient},
    trust,
};

/// Largest answer that is taken, in bytes: a page of cases with their ledgers.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const RETRY_WAIT_MIN: Duration = Duration::from_millis(50);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(1);
/// A token is used again for this long on the platform's clock; it lives for five minutes.
const TOKEN_REUSE: time::Duration = time::Duration::minutes(2);

/// In whose name a call goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who<'a> {
    /// Nobody's: a citizen's.
    Citizen,
    /// The holder of this position.
    Position(&'a str),
    /// This command line itself, for what no position does.
    Operator,
}

/// The keys with which this command line signs.
#[derive(Clone)]
pub struct Signers {
    /// Asserts positions, as the edge does after a login.
    pub edge: Signer,
    /// Asserts this command line itself.
    pub ctl: Signer,
}

/// One platform, reached over the network.
pub struct Platform {
    endpoints: Endpoints,
    channels: Mutex<HashMap<String, Channel>>,
    signers: Option<Signers>,
    clock: Clock,
    directory: RwLock<Option<Arc<Directory>>>,
    tokens: Mutex<HashMap<String, (String, OffsetDateTime)>>,
    patience: Duration,
}

/// One call: `rpc!(platform, who, client.method(message))`.
#[macro_export]
macro_rules! rpc {
    ($platform:expr, $who:expr, $client:ident ( $($argument:expr),* ) . $method:ident ( $message:expr )) => {{
        let client = $platform.$client($($argument),*)?;
        $platform
            .call($who, $message, |request| {
                let mut client = client.clone();
                async move { client.$method(request).await }
            })
            .await
    }};
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident at $service:literal;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// No address is known.
            pub fn $name(&self) -> Result<$client<Channel>> {
                let channel = self.channel_to(self.endpoints.service($service)?)?;
                Ok($client::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX))
            }
        )*
    };
}

impl Platform {
    /// The platform of a state folder. Its keys are read when they are there; only officers' calls need them.
    ///
    /// # Errors
    /// A file of the folder is not what it should be.
    pub fn open(state: &Path, patience: Duration) -> Result<Self> {
        let endpoints = Endpoints::load(state)?;
        let signers = match &endpoints.trust_dir {
            Some(dir) if dir.join(trust::TRUST_FILE).exists() => Some(trust::signers(dir)?),
            _ => None,
        };
        let clock = match &endpoints.clock_file {
            Some(file) if file.exists() => Clock::demo_from_file(file).map_err(|e| CtlError::failure("clock", e))?,
            _ => Clock::System,
        };
        Ok(Self::new(endpoints, signers, clock, patience))
    }

    /// The platform at these addresses.
    #[must_use]
    pub fn new(endpoints: Endpoints, signers: Option<Signers>, clock: Clock, patience: Duration) -> Self {
        Self {
            endpoints,
            channels: Mutex::default(),
            signers,
            clock,
            directory: RwLock::default(),
            tokens: Mutex::default(),
            patience,
        }
    }

    /// The same platform, asked with other patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Addresses.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The platform's time, as far as this process knows.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The clock, to be moved together with the platform's.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    clients! {
        /// Citizens' side of intake.
        intake: IntakeClient at "intake";
        /// Officers' side of intake.
        vault: VaultClient at "intake";
        /// Cases.
        cases: CasesClient at "routing";
        /// Agencies, positions, holders.
        directory_service: DirectoryClient at "routing";
        /// Deliveries.
        notification: NotificationClient at "notification";
        /// Scores.
        evaluation: EvaluationClient at "evaluation";
        /// The log.
        feed: FeedClient at "oversight";
        /// The Ombudsman's acts.
        oversight: OversightClient at "oversight";
        /// Accounts of the edge.
        accounts: AccountsClient at "gateway";
        /// Keys of integrations.
        api_keys: ApiKeysClient at "gateway";
    }

    /// The desk that serves an agency.
    ///
    /// # Errors
    /// No address is known.
    pub fn desk(&self, opd: &str) -> Result<DeskClient<Channel>> {
        let channel = self.channel_to(&self.endpoints.desk_of(opd)?.url)?;
        Ok(DeskClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX))
    }

    /// The operator's side of the process at `url`.
    ///
    /// # Errors
    /// The address is not one.
    pub fn ops(&self, url: &str) -> Result<OpsClient<Channel>> {
        Ok(OpsClient::new(self.channel_to(url)?).max_decoding_message_size(ANSWER_BYTES_MAX))
    }

    fn channel_to(&self, url: &str) -> Result<Channel> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(url) {
            return Ok(channel.clone());
        }
        let made = channel(url).map_err(|e| CtlError::usage(format!("{url} is not an address: {e}")))?;
        channels.insert(url.to_owned(), made.clone());
        Ok(made)
    }

    /// Sends `message` in the name of `who`, again while a service is away and patience lasts.
    ///
    /// # Errors
    /// What the service answered, or that it did not.
    pub async fn call<T, R, F, Fut>(&self, who: Who<'_>, message: T, send: F) -> Result<R>
    where
        T: Clone,
        F: Fn(Request<T>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        let started = Instant::now();
        let mut wait = RETRY_WAIT_MIN;
        loop {
            let request = self.request(who, message.clone()).await?;
            let status = match send(request).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            if !is_transient(&status) || started.elapsed() >= self.patience {
                return Err(status.into());
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        }
    }

    async fn request<T>(&self, who: Who<'_>, message: T) -> Result<Request<T>> {
        match who {
            Who::Citizen => Ok(Request::new(message)),
            Who::Operator => Ok(request_as(message, &self.operator_token()?)?),
            Who::Position(position) => Ok(request_as(message, &self.position_token(position).await?)?),
        }
    }

    fn signers(&self) -> Result<&Signers> {
        self.signers.as_ref().ok_or_else(|| {
            CtlError::usage("no key to act with: the trust folder is not there")
                .next("say with --state (or TUNTAS_TRUST_DIR) which platform is meant; `tuntas keys init` makes the keys of a new one")
        })
    }

    fn operator_token(&self) -> Result<String> {
        if let Some(token) = self.cached_token("") {
            return Ok(token);
        }
        let token = self.signers()?.ctl.service(trust::CTL, self.now())?;
        self.keep_token("", token.clone());
        Ok(token)
    }

    /// A signed assertion that the present holder of a position acts.
    ///
    /// # Errors
    /// Nobody holds the position, or there is no key to sign with.
    pub async fn position_token(&self, position: &str) -> Result<String> {
        if let Some(token) = self.cached_token(position) {
            return Ok(token);
        }
        let directory = self.directory().await?;
        let holder = directory
            .holder(position, self.now())
            .ok_or_else(|| no_holder(&directory, position))?;
        let not_an_id = |e| CtlError::usage(format!("{position}: {e}"));
        let position_id: PositionId = position.parse().map_err(not_an_id)?;
        let holder_id: HolderId = holder.parse().map_err(not_an_id)?;
        let token = self
            .signers()?
            .edge
            .position(&position_id, &holder_id, "tuntas", self.now())?;
        self.keep_token(position, token.clone());
        Ok(token)
    }

    fn cached_token(&self, name: &str) -> Option<String> {
        let now = self.now();
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, signed_at) = tokens.get(name)?;
        (now - *signed_at < TOKEN_REUSE && *signed_at <= now).then(|| token.clone())
    }

    fn keep_token(&self, name: &str, token: String) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(name.to_owned(), (token, self.now()));
    }

    /// The directory, asked for once.
    ///
    /// # Errors
    /// Routing does not answer.
    pub async fn directory(&self) -> Result<Arc<Directory>> {
        if let Some(known) = self.directory.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(known);
        }
        let request = ListDirectoryRequest::default();
        let client = self.directory_service()?;
        // Not through `request`: that would need the directory to sign.
        let list = Box::pin(self.call(Who::Operator, request, |request| {
            let mut client = client.clone();
            async move { client.list_directory(request).await }
        }))
        .await?;
        let directory = Arc::new(Directory::from(list));
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&directory));
        Ok(directory)
    }

    /// Forgets the directory and the assertions made from it, after a change of either.
    pub fn forget_directory(&self) {
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn no_holder(directory: &Directory, position: &str) -> CtlError {
    if directory.positions.contains_key(position) {
        return CtlError::new(Exit::NotPermitted, format!("nobody holds the position {position} now"))
            .next("`tuntas acting POSITION HOLDER --from DATE --until DATE` names an acting holder");
    }
    CtlError::new(Exit::NotFound, format!("there is no position {position}"))
        .next("`tuntas directory list --positions` lists them all; `--as` takes an id such as dishub.sekretaris")
}

/// A fresh idempotency key of 128 bits.
#[must_use]
pub fn fresh_key() -> String {
    hex::encode(random_bytes::<16>())
}
