//! A provider of OpenID Connect: where to send a browser, and what the code is worth that it comes back with.
//!
//! The provider is asked for its addresses and keys at first use, not at the start: an edge comes up without it, and local
//! accounts go on working. Real time counts here, as for the provider, also where the platform's clock is a demo's.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use backon::{ExponentialBuilder, Retryable as _};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
        CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
        CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
        CoreTokenType,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use tuntas_kit::{
    config::secret,
    problem::{Problem, UNAUTHENTICATED, UNAVAILABLE},
};

use crate::config;

/// Largest answer of a provider, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const DISCOVERY_TRIES_AFTER_FIRST: usize = 2;
/// Keys are asked for again at a signature that does not fit, but not more often than this.
const KEYS_AGE_MIN: Duration = Duration::from_secs(30);
/// Signatures by keys that the provider publishes; not the ones by a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Claims beside the standard ones, so that any of them can name the person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Others(serde_json::Map<String, Value>);

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type IdToken =
    openidconnect::IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type IdClaims = openidconnect::IdTokenClaims<Others, CoreGenderClaim>;
type Client = openidconnect::Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What this browser must bring back, and with it the code's other half.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Comes back in the address.
    pub state: String,
    nonce: String,
    verifier: String,
}

/// Where to send a browser.
#[derive(Debug)]
pub struct Departure {
    /// Address at the provider.
    pub url: String,
    /// To be kept for the way back.
    pub secrets: Secrets,
}

/// The provider, as configured.
pub struct Provider {
    settings: config::Oidc,
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<SecretString>,
    redirect: RedirectUrl,
    http: Http,
    kept: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    at: Instant,
    client: Arc<Client>,
}

/// Why the provider gave no usable answer to a request.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("the provider cannot be reached")]
    Http(#[from] reqwest::Error),
    #[error("the provider's answer is not one")]
    Answer(#[from] axum::http::Error),
    #[error("the provider's answer is too large")]
    TooLarge,
}

impl Provider {
    /// The configured provider; none when no issuer is.
    ///
    /// # Errors
    /// A setting is not what it should be.
    pub fn new(settings: &config::Oidc, public_url: &str) -> anyhow::Result<Option<Self>> {
        let Some(issuer) = settings.issuer.clone().filter(|issuer| !issuer.is_empty()) else {
            return Ok(None);
        };
        let is_near = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|near| issuer.starts_with(near));
        anyhow::ensure!(
            issuer.starts_with("https://") || is_near,
            "oidc.issuer must be an https address"
        );
        let client_id = settings.client_id.clone().filter(|id| !id.is_empty());
        let http = reqwest::Client::builder()
            // Another server than the configured one has nothing to say.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(settings.timeout_ms))
            .build()?;
        Ok(Some(Self {
            issuer: IssuerUrl::new(issuer).context("oidc.issuer is not an address")?,
            client_id: ClientId::new(client_id.context("oidc.client_id is missing")?),
            client_secret: secret(
                "oidc.client_secret",
                settings.client_secret.as_ref(),
                settings.client_secret_file.as_ref(),
            )?,
            redirect: RedirectUrl::new(format!("{public_url}/masuk/oidc/kembali"))
                .context("edge.public_url is not an address")?,
            settings: settings.clone(),
            http: Http(http),
            kept: Mutex::default(),
        }))
    }

    /// Name on the button.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.settings.label
    }

    /// Whether an answer says that it comes from this provider (RFC 9207); many say nothing.
    #[must_use]
    pub fn is_issuer(&self, said: Option<&str>) -> bool {
        said.is_none_or(|said| said == self.issuer.as_str())
    }

    /// Where to send a browser, with secrets of its own.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn depart(&self) -> Result<Departure, Problem> {
        let known = self.known(None).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = known.client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in self.settings.scopes.split_whitespace() {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        Ok(Departure {
            url: url.to_string(),
            secrets: Secrets {
                state: state.into_secret(),
                nonce: nonce.secret().clone(),
                verifier: verifier.into_secret(),
            },
        })
    }

    /// The user name for which a code stands.
    ///
    /// # Errors
    /// `unavailable`, or `unauthenticated` when the provider does not confirm it.
    pub async fn username(&self, code: String, secrets: Secrets) -> Result<String, Problem> {
        let known = self.known(None).await?;
        let nonce = Nonce::new(secrets.nonce);
        let exchange = known
            .client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(unconfirmed)?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier));
        let tokens = exchange.request_async(&self.http).await.map_err(|error| match error {
            openidconnect::RequestTokenError::Request(error) => away(error),
            refused => unconfirmed(refused),
        })?;
        let id_token = tokens
            .extra_fields()
            .id_token()
            .ok_or_else(|| Problem::new(UNAUTHENTICATED).message("the provider gave no ID token"))?;
        let (known, claims) = self.verified(known, id_token, &nonce).await?;
        fits(&known.client, id_token, &claims, &tokens)?;
        if let Some(name) = self.name_in(&claims) {
            return Ok(name);
        }
        let asked = known
            .client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
            .map_err(unconfirmed)?;
        let claims: UserInfoClaims<Others, CoreGenderClaim> =
            asked.request_async(&self.http).await.map_err(unconfirmed)?;
        self.name_in(&claims)
            .ok_or_else(|| Problem::new(UNAUTHENTICATED).message("the provider does not say the configured claim"))
    }

    /// What an ID token says. A provider that has changed its keys is asked for the new ones.
    async fn verified(&self, known: Known, id_token: &IdToken, nonce: &Nonce) -> Result<(Known, IdClaims), Problem> {
        let claims = |known: &Known| {
            let verifier = known.client.id_token_verifier().set_allowed_algs(ALGORITHMS);
            id_token.claims(&verifier, nonce).cloned()
        };
        match claims(&known) {
            Ok(claims) => Ok((known, claims)),
            Err(ClaimsVerificationError::SignatureVerification(_)) if known.at.elapsed() >= KEYS_AGE_MIN => {
                let fresh = self.known(Some(known.at)).await?;
                let claims = claims(&fresh).map_err(unconfirmed)?;
                Ok((fresh, claims))
            }
            Err(error) => Err(unconfirmed(error)),
        }
    }

    fn name_in(&self, claims: &impl Serialize) -> Option<String> {
        let claims = serde_json::to_value(claims).ok()?;
        let name = claims.get(&self.settings.claim)?.as_str()?.to_owned();
        // An address that nobody has verified is whatever its owner typed.
        let counts = self.settings.claim != "email" || claims.get("email_verified") == Some(&Value::Bool(true));
        counts.then_some(name)
    }

    /// Addresses and keys of the provider, not those known since `outdated`.
    async fn known(&self, outdated: Option<Instant>) -> Result<Known, Problem> {
        let max_age = Duration::from_secs(self.settings.metadata_max_age_min * 60);
        let mut kept = self.kept.lock().await;
        if let Some(known) = &*kept
            && known.at.elapsed() < max_age
            && Some(known.at) != outdated
        {
            return Ok(known.clone());
        }
        let discover = || CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http);
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(DISCOVERY_TRIES_AFTER_FIRST);
        let metadata = discover.retry(backoff).await.map_err(away)?;
        let known = Known {
            at: Instant::now(),
            client: Arc::new(self.client(metadata)),
        };
        *kept = Some(known.clone());
        Ok(known)
    }

    fn client(&self, metadata: CoreProviderMetadata) -> Client {
        let methods = metadata.token_endpoint_auth_methods_supported();
        // Without a list it is the header (OpenID Connect Discovery 1.0 section 3).
        let in_body = methods.is_some_and(|methods| !methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client_secret = self.client_secret.as_ref();
        let client_secret = client_secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let client = Client::from_provider_metadata(metadata, self.client_id.clone(), client_secret)
            .set_redirect_uri(self.redirect.clone());
        if in_body {
            client.set_auth_type(AuthType::RequestBody)
        } else {
            client
        }
    }
}

/// That the access token was given out together with the ID token (OpenID Connect Core 1.0 section 3.1.3.8).
fn fits(client: &Client, id_token: &IdToken, claims: &IdClaims, tokens: &Tokens) -> Result<(), Problem> {
    let Some(expected) = claims.access_token_hash() else {
        return Ok(());
    };
    let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
    let algorithm = id_token.signing_alg().map_err(unconfirmed)?;
    let key = id_token.signing_key(&verifier).map_err(unconfirmed)?;
    let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(unconfirmed)?;
    if actual == *expected {
        return Ok(());
    }
    Err(Problem::new(UNAUTHENTICATED).message("the access token belongs to another login"))
}

/// Our HTTP client, as the protocol's crate wants one.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(fetch(self.0.clone(), request))
    }
}

async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let mut response = http.execute(request.try_into()?).await?;
    let mut answer = axum::http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(response.headers());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(HttpError::TooLarge);
        }
    }
    Ok(answer.body(body)?)
}

fn away(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "the login's provider is away");
    Problem::new(UNAVAILABLE).caused_by(error)
}

fn unconfirmed(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        "the login's provider confirmed nobody"
    );
    Problem::new(UNAUTHENTICATED).caused_by(error)
}
