//! Passwords: argon2id (RFC 9106) in PHC form, a bounded number of hashes at once.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tuntas_kit::problem::Problem;

use crate::config::Login;

/// Shortest password (NIST SP 800-63B-4 asks for 15 where it is the only factor, 8 with a second one).
pub const CHARS_MIN: usize = 12;
const CHARS_MAX: usize = 256;

/// Hashes and compares.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    at_once: Arc<Semaphore>,
    nobodys: Arc<str>,
}

impl Hasher {
    /// With the configured costs; costs that argon2 does not allow become its defaults.
    #[must_use]
    pub fn new(settings: &Login) -> Self {
        let params = Params::new(
            settings.argon2_memory_kib,
            settings.argon2_passes,
            settings.argon2_lanes,
            None,
        );
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.unwrap_or_default());
        let nobodys = argon2
            .hash_password(b"nobody's")
            .map(|hash| hash.to_string())
            .unwrap_or_default();
        Self {
            argon2,
            at_once: Arc::new(Semaphore::new(settings.hashing_at_once_max.max(1))),
            nobodys: nobodys.into(),
        }
    }

    /// Hashes a password.
    ///
    /// # Errors
    /// `password_too_short`, `password_too_long`, or hashing failed.
    pub async fn hash(&self, password: &SecretString) -> Result<String, Problem> {
        let chars = password.expose_secret().chars().count();
        if chars < CHARS_MIN {
            return Err(Problem::refusal(
                "password_too_short",
                "the password needs at least 12 characters",
            ));
        }
        if chars > CHARS_MAX {
            return Err(Problem::refusal(
                "password_too_long",
                "the password has more than 256 characters",
            ));
        }
        let (argon2, password) = (self.argon2.clone(), password.clone());
        self.run(move || {
            argon2
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| Problem::internal(error.to_string()))
        })
        .await?
    }

    /// Whether a password fits a hash. Without a hash it takes as long, and does not.
    ///
    /// # Errors
    /// Hashing failed.
    pub async fn verify(&self, hash: Option<&str>, password: &SecretString) -> Result<bool, Problem> {
        let exists = hash.is_some();
        let hash = hash.unwrap_or(&self.nobodys).to_owned();
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let fits = self
            .run(move || {
                let parsed = PasswordHash::new(&hash).map_err(|error| Problem::internal(error.to_string()))?;
                Ok::<_, Problem>(
                    argon2
                        .verify_password(password.expose_secret().as_bytes(), &parsed)
                        .is_ok(),
                )
            })
            .await??;
        Ok(exists && fits)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _permit = self.at_once.acquire().await.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
    }
}
