//! Sealing of what people wrote: XChaCha20-Poly1305 under keys that can be deleted.
//!
//! Every report has a random key of its own, wrapped under the master key. Erasing a report deletes the wrapped
//! key, and words, identity, texts and files of that report are unreadable wherever their ciphertext still lies
//! (UU 27/2022). The associated data binds each ciphertext to its column, its report and its row, so that moving
//! one to another place fails to open.
//!
//! Nothing in here prints content or keys: not `Debug`, not `Display`, not an error.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use sha2::{Digest as _, Sha256};
use tuntas_kit::ids::random_bytes;
use uuid::Uuid;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// First byte of every ciphertext: which construction sealed it.
const FORMAT: u8 = 1;
const AAD_PREFIX: &[u8] = b"tuntas.intake.v1.";

/// A symmetric key. Wiped when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

/// A report's key as it lies in the table `report_key`.
#[derive(Debug, Clone)]
pub struct WrappedKey {
    /// The key, sealed under the master key.
    pub bytes: Vec<u8>,
    /// Which master key.
    pub key_id: String,
}

/// The master key.
#[derive(Clone)]
pub struct MasterKey {
    key: Key,
    id: String,
}

/// What a ciphertext is, and so where it may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `report_key.wrapped_key`
    ReportKey,
    /// `report.sealed_words`
    Words,
    /// `report.sealed_identity`
    Identity,
    /// `text.sealed`
    Text,
    /// `attachment.sealed_key` of a file that no report names yet.
    UnfiledFileKey,
    /// `attachment.sealed_key` of a filed one.
    FileKey,
    /// The file itself, in the object store.
    File,
}

/// Why something could not be sealed or opened. Tells nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The master key is not 32 bytes in base64 or hex.
    #[error("the master key is not 32 bytes in base64 or hex")]
    MasterKey,
    /// It was wrapped under another master key than the configured one.
    #[error("the key was wrapped under another master key")]
    OtherMasterKey,
    /// The ciphertext is of another format, was changed, or belongs somewhere else.
    #[error("the ciphertext does not open here")]
    DoesNotOpen,
    /// What was opened is not what belongs there.
    #[error("the content is malformed")]
    Malformed,
    /// Encryption failed.
    #[error("encryption failed")]
    Encryption,
}

impl Column {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::ReportKey => b"report_key",
            Self::Words => b"words",
            Self::Identity => b"identity",
            Self::Text => b"text",
            Self::UnfiledFileKey => b"unfiled_file_key",
            Self::FileKey => b"file_key",
            Self::File => b"file",
        }
    }

    /// Column, report and row, each at a fixed place.
    fn associated_data(self, report: Uuid, row: Uuid) -> Vec<u8> {
        [AAD_PREFIX, self.name(), &[0], report.as_bytes(), row.as_bytes()].concat()
    }
}

impl Key {
    /// A random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(Zeroizing::new(random_bytes()))
    }

    fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|key| Self(Zeroizing::new(key)))
    }

    /// Seals `plain` for one place. `row` is the row's own id where a report has several, else the report's.
    ///
    /// # Errors
    /// [`SealError::Encryption`].
    pub fn seal(&self, column: Column, report: Uuid, row: Uuid, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let aad = column.associated_data(report, row);
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| SealError::Encryption)?;
        Ok([&[FORMAT], nonce.as_slice(), &ciphertext].concat())
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`].
    pub fn open(
        &self,
        column: Column,
        report: Uuid,
        row: Uuid,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (format, rest) = sealed.split_first().ok_or(SealError::DoesNotOpen)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or(SealError::DoesNotOpen)?;
        if *format != FORMAT {
            return Err(SealError::DoesNotOpen);
        }
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError::DoesNotOpen)?;
        let aad = column.associated_data(report, row);
        self.cipher()
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| SealError::DoesNotOpen)
    }

    /// Seals a file's key for its attachment row.
    ///
    /// # Errors
    /// [`SealError::Encryption`].
    pub fn seal_key(&self, column: Column, report: Uuid, row: Uuid, inner: &Self) -> Result<Vec<u8>, SealError> {
        self.seal(column, report, row, inner.0.as_slice())
    }

    /// Opens a sealed key.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`] or [`SealError::Malformed`].
    pub fn open_key(&self, column: Column, report: Uuid, row: Uuid, sealed: &[u8]) -> Result<Self, SealError> {
        let plain = self.open(column, report, row, sealed)?;
        Self::from_slice(&plain).ok_or(SealError::Malformed)
    }

    /// The key's bytes, to derive other keys from.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.0).into())
    }
}

impl MasterKey {
    /// A master key from its text: 32 bytes in hex or base64.
    ///
    /// # Errors
    /// [`SealError::MasterKey`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text)).map(Zeroizing::new);
        let key = bytes
            .ok()
            .and_then(|bytes| Key::from_slice(&bytes))
            .ok_or(SealError::MasterKey)?;
        // The id tells master keys apart and gives away nothing: a hash of 256 random bits.
        let digest = Sha256::new()
            .chain_update(b"tuntas.intake.master-key-id")
            .chain_update(key.bytes())
            .finalize();
        let id = hex::encode(digest.get(..8).ok_or(SealError::MasterKey)?);
        Ok(Self { key, id })
    }

    /// The key itself, for files that no report names yet.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Wraps a report's key.
    ///
    /// # Errors
    /// [`SealError::Encryption`].
    pub fn wrap(&self, report: Uuid, key: &Key) -> Result<WrappedKey, SealError> {
        let bytes = self.key.seal_key(Column::ReportKey, report, report, key)?;
        Ok(WrappedKey {
            bytes,
            key_id: self.id.clone(),
        })
    }

    /// Unwraps a report's key.
    ///
    /// # Errors
    /// [`SealError::OtherMasterKey`] or [`SealError::DoesNotOpen`].
    pub fn unwrap(&self, report: Uuid, wrapped: &WrappedKey) -> Result<Key, SealError> {
        if wrapped.key_id != self.id {
            return Err(SealError::OtherMasterKey);
        }
        self.key.open_key(Column::ReportKey, report, report, &wrapped.bytes)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    const REPORT: Uuid = Uuid::from_u128(1);
    const ROW: Uuid = Uuid::from_u128(2);

    #[test]
    fn what_is_sealed_for_one_place_opens_only_there() {
        let key = Key::generate();
        let sealed = key.seal(Column::Text, REPORT, ROW, b"isi").unwrap();
        assert_eq!(key.open(Column::Text, REPORT, ROW, &sealed).unwrap().as_slice(), b"isi");
        for (column, report, row) in [
            (Column::Words, REPORT, ROW),
            (Column::Text, ROW, ROW),
            (Column::Text, REPORT, REPORT),
        ] {
            assert_eq!(
                key.open(column, report, row, &sealed).unwrap_err(),
                SealError::DoesNotOpen
            );
        }
        assert_eq!(
            Key::generate().open(Column::Text, REPORT, ROW, &sealed).unwrap_err(),
            SealError::DoesNotOpen
        );
    }

    #[test]
    fn a_changed_byte_is_noticed_wherever_it_is() {
        let key = Key::generate();
        let sealed = key.seal(Column::Words, REPORT, REPORT, b"isi").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(
                key.open(Column::Words, REPORT, REPORT, &changed).is_err(),
                "byte {place}"
            );
        }
        for length in 0..sealed.len() {
            assert!(key.open(Column::Words, REPORT, REPORT, &sealed[..length]).is_err());
        }
    }

    #[test]
    fn the_same_words_sealed_twice_look_different() {
        let key = Key::generate();
        let seal = || key.seal(Column::Words, REPORT, REPORT, b"isi").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn a_report_key_is_wrapped_under_one_master_key() {
        let master = MasterKey::parse(&"ab".repeat(32)).unwrap();
        let same = MasterKey::parse(&STANDARD.encode([0xab; 32])).unwrap();
        let other = MasterKey::parse(&"cd".repeat(32)).unwrap();
        let key = Key::generate();
        let wrapped = master.wrap(REPORT, &key).unwrap();
        assert_eq!(same.unwrap(REPORT, &wrapped).unwrap().bytes(), key.bytes());
        assert_eq!(other.unwrap(REPORT, &wrapped).unwrap_err(), SealError::OtherMasterKey);
        assert_eq!(master.unwrap(ROW, &wrapped).unwrap_err(), SealError::DoesNotOpen);
    }

    #[test]
    fn a_master_key_of_the_wrong_size_is_refused() {
        for text in ["", "abcd", &"ab".repeat(31), &"ab".repeat(33), "not a key"] {
            assert_eq!(MasterKey::parse(text).unwrap_err(), SealError::MasterKey);
        }
    }

    #[test]
    fn keys_do_not_print() {
        let master = MasterKey::parse(&"ab".repeat(32)).unwrap();
        let printed = format!("{master:?} {:?}", master.key());
        assert!(!printed.contains("abab"), "{printed}");
    }
}
