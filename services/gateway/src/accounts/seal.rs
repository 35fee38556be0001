//! Sealing under the edge's secret: who reads the database cannot make codes, and who holds a cookie cannot read it.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use secrecy::SecretString;
use tuntas_kit::{ids::random_bytes, problem::Problem};

use super::derived_key;

const NONCE_BYTES: usize = 12;

/// Seals and opens, bound to what it is for.
pub struct Seal(ChaCha20Poly1305);

impl Seal {
    /// Under the edge's secret, for one purpose.
    #[must_use]
    pub fn new(secret: &SecretString, purpose: &str) -> Self {
        Self(ChaCha20Poly1305::new(&derived_key(secret, purpose).into()))
    }

    /// Seals.
    ///
    /// # Errors
    /// Encryption failed.
    pub fn seal(&self, bound_to: &[u8], secret: &[u8]) -> Result<Vec<u8>, Problem> {
        let nonce = random_bytes::<NONCE_BYTES>();
        let payload = Payload {
            msg: secret,
            aad: bound_to,
        };
        let sealed = self
            .0
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|error| Problem::internal(error.to_string()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens.
    ///
    /// # Errors
    /// Sealed under another secret, or damaged.
    pub fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Problem> {
        let damaged = || Problem::internal("a seal does not open: was login.secret changed?");
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(damaged)?;
        let payload = Payload {
            msg: text,
            aad: bound_to,
        };
        self.0.decrypt(&Nonce::from(*nonce), payload).map_err(|_| damaged())
    }
}
