//! What derives from the server's secret: receipt codes, and keyed hashes in place of things that must not be kept.
//!
//! A receipt code is `HMAC-SHA256(secret, idempotency key)`, so a retried filing gets the same one and none is
//! stored. To check a code, the table holds a keyed hash of it. A request is remembered as a keyed hash too:
//! a plain hash of a filing would let who has the table confirm a guessed name or number.

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tuntas_proto::common::v1::TextRef;
use uuid::Uuid;
use zeroize::Zeroizing;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a receipt code: 80 bits.
pub const RECEIPT_CODE_CHARS: usize = 16;
const SECRET_CHARS_MIN: usize = 32;

/// A keyed SHA-256 hash.
pub type Keyed = [u8; 32];

/// The server's secret.
#[derive(Clone)]
pub struct Secrets {
    secret: Zeroizing<Vec<u8>>,
}

/// A receipt code in its normal form. Has no `Display`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptCode(String);

/// The secret is too short.
#[derive(Debug, thiserror::Error)]
#[error("receipt.secret needs at least 32 characters")]
pub struct SecretTooShort;

impl Secrets {
    /// Takes the configured secret.
    ///
    /// # Errors
    /// It has fewer than 32 characters.
    pub fn new(secret: &SecretString) -> Result<Self, SecretTooShort> {
        let secret = secret.expose_secret().trim();
        if secret.chars().count() < SECRET_CHARS_MIN {
            return Err(SecretTooShort);
        }
        Ok(Self {
            secret: Zeroizing::new(secret.as_bytes().to_vec()),
        })
    }

    /// The receipt code of a filing.
    #[must_use]
    pub fn receipt_code(&self, idempotency_key: &str) -> ReceiptCode {
        ReceiptCode(crockford(&self.keyed("receipt_code", idempotency_key.as_bytes())))
    }

    /// The receipt code that takes the place of a lost one.
    #[must_use]
    pub fn recovered_code(&self, recovery: Uuid) -> ReceiptCode {
        ReceiptCode(crockford(&self.keyed("recovered_code", recovery.as_bytes())))
    }

    /// What is kept of an address or a number that somebody says is theirs, in its normal form.
    #[must_use]
    pub fn contact_mac(&self, contact: &str) -> Keyed {
        self.keyed("contact", contact.as_bytes())
    }

    /// What the table keeps of a receipt code.
    #[must_use]
    pub fn receipt_mac(&self, report: Uuid, code: &ReceiptCode) -> Keyed {
        self.receipt_hmac(report, code).finalize().into_bytes().into()
    }

    /// Whether a code is the one behind `mac`, in constant time.
    #[must_use]
    pub fn fits(&self, report: Uuid, code: &ReceiptCode, mac: &[u8]) -> bool {
        self.receipt_hmac(report, code).verify_slice(mac).is_ok()
    }

    /// What the table keeps of an idempotency key of a filing.
    #[must_use]
    pub fn filing_key(&self, idempotency_key: &str) -> Keyed {
        self.keyed("filing_key", idempotency_key.as_bytes())
    }

    /// What is kept of a request in order to tell a retry from another request.
    #[must_use]
    pub fn request_hash(&self, request: &impl Message) -> Keyed {
        self.keyed("request", &Zeroizing::new(request.encode_to_vec()))
    }

    /// The same in the shape of a message, for kit's idempotency table.
    #[must_use]
    pub fn blind(&self, request: &impl Message) -> TextRef {
        TextRef {
            text_id: String::new(),
            commitment: self.request_hash(request).to_vec(),
        }
    }

    fn receipt_hmac(&self, report: Uuid, code: &ReceiptCode) -> Hmac<Sha256> {
        self.hmac("receipt_mac")
            .chain_update(report.as_bytes())
            .chain_update(code.0.as_bytes())
    }

    fn keyed(&self, purpose: &str, bytes: &[u8]) -> Keyed {
        self.hmac(purpose).chain_update(bytes).finalize().into_bytes().into()
    }

    /// An HMAC whose uses are told apart by their purpose.
    fn hmac(&self, purpose: &str) -> Hmac<Sha256> {
        hmac_sha256(&self.secret)
            .chain_update(purpose.as_bytes())
            .chain_update([0])
    }
}

/// HMAC-SHA256, ready to be fed.
pub(crate) fn hmac_sha256(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"))
}

fn crockford(hash: &Keyed) -> String {
    let bits = hash
        .iter()
        .take(10)
        .fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    (0..RECEIPT_CODE_CHARS)
        .rev()
        .map(|place| {
            let digit = usize::try_from((bits >> (place * 5)) & 31).unwrap_or_default();
            char::from(CROCKFORD.get(digit).copied().unwrap_or(b'0'))
        })
        .collect()
}

impl ReceiptCode {
    /// Reads a code as people write it: any case, with spaces and dashes, `O` for `0`, `I` and `L` for `1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * RECEIPT_CODE_CHARS {
            return None;
        }
        let code: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        let known = code.bytes().all(|b| CROCKFORD.contains(&b));
        (code.len() == RECEIPT_CODE_CHARS && known).then_some(Self(code))
    }

    /// The code, to be handed to the reporter and to nobody else.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.0.clone()
    }
}

impl std::fmt::Debug for ReceiptCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReceiptCode(..)")
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn secrets(letter: &str) -> Secrets {
        Secrets::new(&SecretString::from(letter.repeat(40))).unwrap()
    }

    #[test]
    fn a_key_gives_one_code_and_another_secret_another() {
        let code = secrets("a").receipt_code("key");
        assert_eq!(code, secrets("a").receipt_code("key"));
        assert_ne!(code, secrets("b").receipt_code("key"));
        assert_ne!(code, secrets("a").receipt_code("kez"));
        assert_eq!(code.reveal().len(), RECEIPT_CODE_CHARS);
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = secrets("a").receipt_code("key");
        let text = code.reveal();
        let written = format!(" {}-{} ", &text[..8].to_lowercase(), &text[8..]);
        assert_eq!(ReceiptCode::parse(&written), Some(code));
        for wrong in [
            "",
            "0123",
            "0123456789ABCDEFG",
            "0123456789ABCDEU",
            &"0".repeat(1_000_000),
        ] {
            assert_eq!(ReceiptCode::parse(wrong), None);
        }
    }

    #[test]
    fn a_code_fits_only_its_report() {
        let secrets = secrets("a");
        let (report, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let code = secrets.receipt_code("key");
        let mac = secrets.receipt_mac(report, &code);
        assert!(secrets.fits(report, &code, &mac));
        assert!(!secrets.fits(other, &code, &mac));
        assert!(!secrets.fits(report, &secrets.receipt_code("other"), &mac));
        assert!(!secrets.fits(report, &code, &mac[..31]));
    }

    #[test]
    fn a_short_secret_is_refused_and_none_prints() {
        assert!(Secrets::new(&SecretString::from("short")).is_err());
        let secrets = secrets("a");
        let printed = format!("{secrets:?} {:?}", secrets.receipt_code("key"));
        assert!(!printed.contains(&secrets.receipt_code("key").reveal()));
        assert!(!printed.contains("aaa"));
    }
}
