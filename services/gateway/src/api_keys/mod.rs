//! Keys of other systems: which integration sends a request, how much it may send, and what it filed before.

pub mod grpc;
pub mod store;

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use tuntas_kit::{
    ids::random_bytes,
    problem::{Problem, RATE_LIMITED},
};
use tuntas_proto::intake::v1::Receipt;
use uuid::Uuid;

use self::store::{ApiKey, Filing};
use crate::accounts::{derived_key, seal::Seal};

/// A key that is sent with each request.
pub const OPEN311: &str = "open311";
/// A secret with which requests are signed.
pub const INBOX: &str = "inbox";
const KEY_BYTES: usize = 32;
/// Of SHA-256.
const BLOCK_BYTES: usize = 64;
const KEY_CHARS_MAX: usize = 128;
const KEY_PREFIX: &str = "tts_";
const SECRET_PREFIX: &str = "whsec_";
/// The use of a key is written down at most this often.
const USED_EVERY: Duration = Duration::hours(1);

struct Budget {
    per_minute: i32,
    burst: i32,
    limiter: Arc<DefaultDirectRateLimiter>,
}

/// Everything about integrations.
pub struct ApiKeys {
    pool: PgPool,
    budgets: Mutex<HashMap<Uuid, Budget>>,
    receipts: Seal,
    hashing: [u8; 32],
    signing: [u8; 32],
}

impl ApiKeys {
    /// Under the edge's secret.
    #[must_use]
    pub fn new(pool: PgPool, secret: &SecretString) -> Self {
        Self {
            pool,
            budgets: Mutex::default(),
            receipts: Seal::new(secret, "api receipts"),
            hashing: derived_key(secret, "api tokens"),
            signing: derived_key(secret, "inbox secrets"),
        }
    }

    /// The database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The integration of a key that came with a request; none when the key opens nothing.
    ///
    /// # Errors
    /// `rate_limited`, or the database's.
    pub async fn of_key(&self, key: &str, now: OffsetDateTime) -> Result<Option<ApiKey>, Problem> {
        if key.is_empty() || key.len() > KEY_CHARS_MAX {
            return Ok(None);
        }
        let found = store::by_hash(&self.pool, &hash_of(key)).await?;
        self.counted(found, now).await
    }

    /// The integration of a name whose requests are signed, with its secret; none when there is no such one.
    ///
    /// # Errors
    /// The database's.
    pub async fn signing(&self, name: &str) -> Result<Option<(ApiKey, Vec<u8>)>, Problem> {
        let found = store::by_name(&self.pool, name, INBOX).await?;
        Ok(found.map(|key| {
            let secret = self.secret_of(key.api_key_id);
            (key, secret)
        }))
    }

    /// Counts a request of an integration.
    ///
    /// # Errors
    /// `rate_limited`, or the database's.
    pub async fn count(&self, key: &ApiKey, now: OffsetDateTime) -> Result<(), Problem> {
        self.take(key)?;
        if key.used_at.is_none_or(|used| now - used >= USED_EVERY) {
            store::used(&self.pool, key.api_key_id, now).await?;
        }
        Ok(())
    }

    async fn counted(&self, found: Option<ApiKey>, now: OffsetDateTime) -> Result<Option<ApiKey>, Problem> {
        if let Some(key) = &found {
            self.count(key, now).await?;
        }
        Ok(found)
    }

    /// Takes one request from the budget of a key.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take(&self, key: &ApiKey) -> Result<(), Problem> {
        let limiter = {
            let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
            let budget = budgets.entry(key.api_key_id).or_insert_with(|| Budget::of(key));
            if (budget.per_minute, budget.burst) != (key.per_minute, key.burst) {
                *budget = Budget::of(key);
            }
            budget.limiter.clone()
        };
        limiter.check().map_err(|_| Problem::new(RATE_LIMITED))
    }

    /// A fresh key, and what is kept of it.
    #[must_use]
    pub fn fresh_key() -> (String, Vec<u8>) {
        let key = format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random_bytes::<KEY_BYTES>()));
        let hash = hash_of(&key);
        (key, hash)
    }

    /// The secret with which an integration signs, as Standard Webhooks writes it.
    #[must_use]
    pub fn signing_secret(&self, api_key_id: Uuid) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(self.secret_of(api_key_id)))
    }

    fn secret_of(&self, api_key_id: Uuid) -> Vec<u8> {
        keyed(&self.signing, &[api_key_id.as_bytes()])
    }

    /// What tells a report of an integration from its other ones, as it is kept.
    #[must_use]
    pub fn token_hash(&self, key: &ApiKey, parts: &[&str]) -> Vec<u8> {
        let mut all = vec![key.api_key_id.as_bytes().as_slice()];
        all.extend(parts.iter().map(|part| part.as_bytes()));
        keyed(&self.hashing, &all)
    }

    /// The idempotency key under which intake gets what has this hash; nobody guesses it, as the receipt's code derives
    /// from it.
    #[must_use]
    pub fn idempotency_key(&self, token_hash: &[u8]) -> String {
        hex::encode(keyed(&self.hashing, &[b"idempotency", token_hash]))
    }

    /// Remembers a report that came with a key.
    ///
    /// # Errors
    /// The database's.
    pub async fn remember(
        &self,
        key: &ApiKey,
        token_hash: Vec<u8>,
        receipt: &Receipt,
        at: OffsetDateTime,
    ) -> Result<(), Problem> {
        let filing = Filing {
            ticket: receipt.ticket.clone(),
            api_key_id: key.api_key_id,
            token_hash,
            receipt_sealed: self
                .receipts
                .seal(receipt.ticket.as_bytes(), receipt.receipt_code.as_bytes())?,
            filed_at: at,
        };
        store::put_filing(&self.pool, &filing).await
    }

    /// The receipt of a report that came with a key.
    ///
    /// # Errors
    /// The edge's secret was changed since.
    pub fn receipt(&self, filing: &Filing) -> Result<Receipt, Problem> {
        let code = self.receipts.open(filing.ticket.as_bytes(), &filing.receipt_sealed)?;
        Ok(Receipt {
            ticket: filing.ticket.clone(),
            receipt_code: String::from_utf8(code).map_err(Problem::internal)?,
        })
    }
}

impl Budget {
    fn of(key: &ApiKey) -> Self {
        let at_least_one = |n: i32| {
            u32::try_from(n)
                .ok()
                .and_then(NonZeroU32::new)
                .unwrap_or(NonZeroU32::MIN)
        };
        let quota = Quota::per_minute(at_least_one(key.per_minute)).allow_burst(at_least_one(key.burst));
        Self {
            per_minute: key.per_minute,
            burst: key.burst,
            limiter: Arc::new(RateLimiter::direct(quota)),
        }
    }
}

fn hash_of(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}

/// Each part goes in with its length, so that no two lists of parts look the same.
fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> Vec<u8> {
    // A key of HMAC may be as long as a block; a shorter one is filled up with zeros (RFC 2104).
    let mut block = [0; BLOCK_BYTES];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}
