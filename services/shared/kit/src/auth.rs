//! Who acts: short-lived signed assertions of a position or of a service.
//!
//! An assertion is a JWT (RFC 7519) signed with Ed25519 (RFC 8037). Its issuer is a key id; the trust file
//! says for each key which service holds it, what it may assert and for which agencies. An assertion is
//! verified as of an instant that the verifier chooses: now for a call, `issued_at` for a command that
//! waited in a queue.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tonic::{Request, Status};
use tuntas_domain::{HolderId, OpdCode, PositionId};
use tuntas_proto::common::v1::Actor;

use crate::problem::{ASSERTION_EXPIRED, FORBIDDEN, Problem, UNAUTHENTICATED};

/// How long an assertion is valid.
pub const LIFETIME: Duration = Duration::minutes(5);
/// How far the clocks of two machines may differ.
const LEEWAY: Duration = Duration::seconds(30);
/// Metadata key of the token.
pub const AUTHORIZATION: &str = "authorization";
const BEARER: &str = "Bearer ";
const KEY_BYTES: usize = 32;
/// `SubjectPublicKeyInfo` of Ed25519 up to the key (RFC 8410, section 4).
const SPKI_HEADER: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ANY_OPD: &str = "*";

/// What an assertion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A position and the person in it.
    Position,
    /// A service of the platform.
    Service,
}

/// A verified assertion.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// Key that signed it.
    pub key_id: String,
    /// What it is about.
    pub kind: Kind,
    /// Position id or service name.
    pub subject: String,
    /// Person in the position; empty for a service.
    pub holder: String,
    /// Login session; empty for a service.
    pub session: String,
    /// When it was signed.
    pub issued_at: OffsetDateTime,
    /// Service that holds the key, such as `desk`.
    pub via: String,
    /// The token itself, to hand on with a command.
    pub token: String,
    opds: Vec<String>,
}

/// Signs assertions with this process's key.
#[derive(Clone)]
pub struct Signer {
    key_id: String,
    key: EncodingKey,
}

/// The keys that are trusted, each with what it may assert.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    keys: BTreeMap<String, TrustedKey>,
}

#[derive(Debug, Clone)]
struct TrustedKey {
    key: DecodingKey,
    entry: TrustEntry,
}

/// One entry of the trust file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustEntry {
    /// Ed25519 public key: 32 bytes in base64, or PEM.
    pub public_key: String,
    /// What its holder may assert.
    pub may_assert: Vec<Kind>,
    /// Name of the service that holds it.
    pub service: String,
    /// Agencies it may speak for; `"*"` for all.
    #[serde(default)]
    pub opds: Vec<String>,
}

/// A new pair of keys.
pub struct GeneratedKey {
    /// PKCS #8 in PEM: for `auth.private_key_file`.
    pub private_key_pem: String,
    /// 32 bytes in base64: for the trust file.
    pub public_key: String,
}

/// Why keys could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A file cannot be read.
    #[error("cannot read {}", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The trust file is not what it should be.
    #[error("trust file {} is not valid", .0.display())]
    TrustFile(PathBuf, #[source] serde_json::Error),
    /// A key does not parse.
    #[error("key {0} is not an Ed25519 key")]
    Key(String),
    /// The random generator or the signature failed.
    #[error("cryptography failed")]
    Crypto,
}

/// Why an assertion was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// There is none.
    #[error("no assertion")]
    Missing,
    /// It is not a token, or not one of ours.
    #[error("the assertion is malformed")]
    Malformed,
    /// Its key is not in the trust file.
    #[error("the assertion's key is not trusted")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the assertion's signature is wrong")]
    BadSignature,
    /// Its key may not assert this.
    #[error("the assertion's key may not assert this")]
    NotAllowed,
    /// Valid only later.
    #[error("the assertion is not valid yet")]
    NotYet,
    /// Not valid any more.
    #[error("the assertion has expired")]
    Expired,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    holder: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    session: String,
    kind: Kind,
    iat: i64,
    exp: i64,
}

/// Makes a pair of keys.
///
/// # Errors
/// The system's random generator failed.
pub fn generate_keypair() -> Result<GeneratedKey, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Crypto)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Crypto)?;
    Ok(GeneratedKey {
        private_key_pem: format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(pkcs8.as_ref())
        ),
        public_key: STANDARD.encode(pair.public_key().as_ref()),
    })
}

impl Signer {
    /// A signer from a private key in PEM.
    ///
    /// # Errors
    /// Not an Ed25519 key.
    pub fn from_pem(key_id: impl Into<String>, pem: &str) -> Result<Self, KeyError> {
        let key_id = key_id.into();
        let pkcs8 = der_of(pem).ok_or_else(|| KeyError::Key(key_id.clone()))?;
        Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| KeyError::Key(key_id.clone()))?;
        Ok(Self {
            key_id,
            key: EncodingKey::from_ed_der(&pkcs8),
        })
    }

    /// A signer from a file with a private key in PEM.
    ///
    /// # Errors
    /// The file cannot be read, or holds no Ed25519 key.
    pub fn from_file(key_id: impl Into<String>, path: &Path) -> Result<Self, KeyError> {
        let pem = fs::read_to_string(path).map_err(|e| KeyError::Unreadable(path.to_owned(), e))?;
        Self::from_pem(key_id, &pem)
    }

    /// Asserts that `holder` acts in `position`, logged in as `session`.
    ///
    /// # Errors
    /// The signature failed.
    pub fn position(
        &self,
        position: &PositionId,
        holder: &HolderId,
        session: &str,
        at: OffsetDateTime,
    ) -> Result<String, KeyError> {
        self.sign(Kind::Position, position.to_string(), holder.to_string(), session, at)
    }

    /// Asserts that this is the service `name`.
    ///
    /// # Errors
    /// The signature failed.
    pub fn service(&self, name: &str, at: OffsetDateTime) -> Result<String, KeyError> {
        self.sign(Kind::Service, name.to_owned(), String::new(), "", at)
    }

    fn sign(
        &self,
        kind: Kind,
        sub: String,
        holder: String,
        session: &str,
        at: OffsetDateTime,
    ) -> Result<String, KeyError> {
        let claims = Claims {
            iss: self.key_id.clone(),
            sub,
            holder,
            session: session.to_owned(),
            kind,
            iat: at.unix_timestamp(),
            exp: (at + LIFETIME).unix_timestamp(),
        };
        let header = Header {
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| KeyError::Crypto)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl TrustStore {
    /// Reads the trust file.
    ///
    /// # Errors
    /// The file cannot be read, is not JSON of the right shape, or holds a key that is none.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(|e| KeyError::Unreadable(path.to_owned(), e))?;
        let entries: BTreeMap<String, TrustEntry> =
            serde_json::from_str(&text).map_err(|e| KeyError::TrustFile(path.to_owned(), e))?;
        Self::from_entries(entries)
    }

    /// Trusts these keys.
    ///
    /// # Errors
    /// A key is not an Ed25519 key.
    pub fn from_entries(entries: impl IntoIterator<Item = (String, TrustEntry)>) -> Result<Self, KeyError> {
        let keys = entries
            .into_iter()
            .map(|(key_id, entry)| {
                let key = public_key(&entry.public_key).ok_or(KeyError::Key(key_id.clone()))?;
                Ok((key_id, TrustedKey { key, entry }))
            })
            .collect::<Result<_, KeyError>>()?;
        Ok(Self { keys })
    }

    /// Whether no key is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies a token as of `at`.
    ///
    /// # Errors
    /// See [`AssertionError`].
    pub fn verify(&self, token: &str, at: OffsetDateTime) -> Result<Assertion, AssertionError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| AssertionError::Malformed)?;
        let key_id = header.kid.ok_or(AssertionError::Malformed)?;
        let trusted = self.keys.get(&key_id).ok_or(AssertionError::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &trusted.key, &signature_only())
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => AssertionError::BadSignature,
                _ => AssertionError::Malformed,
            })?
            .claims;
        let entry = &trusted.entry;
        let own_name = claims.kind != Kind::Service || claims.sub == entry.service;
        if claims.iss != key_id || !entry.may_assert.contains(&claims.kind) || !own_name {
            return Err(AssertionError::NotAllowed);
        }
        let issued_at = valid_at(&claims, at)?;
        Ok(Assertion {
            key_id,
            kind: claims.kind,
            subject: claims.sub,
            holder: claims.holder,
            session: claims.session,
            issued_at,
            via: entry.service.clone(),
            token: token.to_owned(),
            opds: entry.opds.clone(),
        })
    }

    /// The assertion that came with a call, verified as of `at`.
    ///
    /// # Errors
    /// `unauthenticated` or `assertion_expired`.
    pub fn assertion<T>(&self, request: &Request<T>, at: OffsetDateTime) -> Result<Assertion, Status> {
        token_of(request)
            .and_then(|token| self.verify(token, at))
            .map_err(|error| Problem::from(error).into())
    }
}

impl Assertion {
    /// The position, if the assertion is about one.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn position(&self) -> Result<PositionId, Problem> {
        if self.kind != Kind::Position {
            return Err(Problem::new(FORBIDDEN).message("this needs a position's assertion"));
        }
        self.subject.parse().map_err(|_| Problem::new(FORBIDDEN))
    }

    /// The person in the position, if the assertion is about one.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn holder(&self) -> Result<HolderId, Problem> {
        if self.kind != Kind::Position {
            return Err(Problem::new(FORBIDDEN).message("this needs a position's assertion"));
        }
        self.holder.parse().map_err(|_| Problem::new(FORBIDDEN))
    }

    /// That the caller is one of these services.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require_service(&self, names: &[&str]) -> Result<(), Problem> {
        if self.kind == Kind::Service && names.contains(&self.subject.as_str()) {
            return Ok(());
        }
        Err(Problem::new(FORBIDDEN).message("this service may not ask for this"))
    }

    /// Whether the key may speak for this agency.
    #[must_use]
    pub fn covers(&self, opd: &OpdCode) -> bool {
        let opd = opd.to_string();
        self.opds.iter().any(|own| *own == ANY_OPD || *own == opd)
    }

    /// The actor of an event.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self.kind {
            Kind::Position => Actor {
                position_id: self.subject.clone(),
                holder_id: self.holder.clone(),
                via: "officer".to_owned(),
            },
            Kind::Service => Actor {
                via: self.subject.clone(),
                ..Actor::default()
            },
        }
    }
}

impl From<AssertionError> for Problem {
    fn from(error: AssertionError) -> Self {
        let kind = match error {
            AssertionError::Expired => ASSERTION_EXPIRED,
            AssertionError::NotAllowed => FORBIDDEN,
            _ => UNAUTHENTICATED,
        };
        Self::new(kind).message(error.to_string())
    }
}

fn token_of<T>(request: &Request<T>) -> Result<&str, AssertionError> {
    request
        .metadata()
        .get(AUTHORIZATION)
        .ok_or(AssertionError::Missing)?
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix(BEARER))
        .ok_or(AssertionError::Malformed)
}

fn valid_at(claims: &Claims, at: OffsetDateTime) -> Result<OffsetDateTime, AssertionError> {
    let instant = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AssertionError::Malformed);
    let (issued_at, expires_at) = (instant(claims.iat)?, instant(claims.exp)?);
    if expires_at - issued_at > LIFETIME {
        return Err(AssertionError::Malformed);
    }
    if at + LEEWAY < issued_at {
        return Err(AssertionError::NotYet);
    }
    if at >= expires_at + LEEWAY {
        return Err(AssertionError::Expired);
    }
    Ok(issued_at)
}

/// Everything but the signature is checked here, against the injected clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn public_key(text: &str) -> Option<DecodingKey> {
    let bytes = der_of(text)?;
    // The 32 bytes of the key, or the same behind the fixed header of RFC 8410.
    let raw = bytes.strip_prefix(SPKI_HEADER).unwrap_or(&bytes);
    (raw.len() == KEY_BYTES).then(|| DecodingKey::from_ed_der(raw))
}

/// The bytes of a PEM block, or of bare base64.
fn der_of(text: &str) -> Option<Vec<u8>> {
    let base64: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    STANDARD.decode(base64).ok()
}
