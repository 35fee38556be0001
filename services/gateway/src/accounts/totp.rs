//! The second factor: time-based one-time passwords (RFC 6238) of six digits, every 30 seconds.
//!
//! Real time counts here, also where the platform's clock is a demo's: the person's telephone knows no other.

use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use tuntas_kit::{clock::Clock, ids::random_bytes, problem::Problem};

const DIGITS: u8 = 6;
const STEP_S: u64 = 30;
/// Steps that a telephone's clock may be off (RFC 6238 section 5.2).
const SKEW: u16 = 1;
/// Bytes of a secret (RFC 4226 section 4, R6).
const SECRET_BYTES: usize = 20;

/// A new secret.
#[must_use]
pub fn new_secret() -> Vec<u8> {
    random_bytes::<SECRET_BYTES>().to_vec()
}

/// The step for which a code is right now; none when it is wrong.
#[must_use]
pub fn step_of(secret: &[u8], code: &str) -> Option<i64> {
    let now = u64::try_from(Clock::System.now().unix_timestamp()).ok()?;
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = totp(secret, "x", "x").ok()?.check(&digits, now)?;
    i64::try_from(step).ok()
}

/// The secret as a person types it into an app: base32.
///
/// # Errors
/// The secret is too short.
pub fn typed(secret: &[u8]) -> Result<SecretString, Problem> {
    Ok(totp(secret, "x", "x")?.secret().to_base32().into())
}

/// The secret as an app reads it from a QR code: an `otpauth` URL.
///
/// # Errors
/// The secret is too short, or a name has a colon.
pub fn url(secret: &[u8], issuer: &str, account: &str) -> Result<SecretString, Problem> {
    let plain = |text: &str| text.replace(':', " ");
    let totp = totp(secret, &plain(issuer), &plain(account))?;
    Ok(totp
        .to_url()
        .map_err(|error| Problem::internal(error.to_string()))?
        .into())
}

fn totp(secret: &[u8], issuer: &str, account: &str) -> Result<Totp, Problem> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW)
        .with_step_duration(STEP_S)
        .with_secret(Secret::from(secret.to_vec()))
        .with_issuer(Some(issuer))
        .with_account_name(account)
        .build()
        .map_err(|error| Problem::internal(error.to_string()))
}

/// A QR code as SVG, dark on light.
///
/// # Errors
/// The text is too long for one.
pub fn qr(text: &SecretString) -> Result<String, Problem> {
    crate::qr::svg(text.expose_secret())
}
