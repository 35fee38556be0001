//! What is sealed: a report's words, a reporter's identity, a text. Their `Debug` shows nothing.
//!
//! **Commitment.** Events name words only by `SHA-256(salt ‖ fields)`, each field followed by the byte 0x1F, which
//! no accepted text holds. The salt (32 random bytes) is sealed with the words: who is given both can check that
//! nothing was changed since the event, and who has the event alone cannot try out guesses.

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tuntas_kit::ids::random_bytes;
use tuntas_proto::{
    common::v1::TextRef,
    intake::v1::{Identity, Place},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::seal::{Column, Key, SealError};

const SALT_BYTES: usize = 32;
const SEPARATOR: [u8; 1] = [0x1f];

/// The words of a report as they are sealed.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
#[expect(missing_docs, reason = "the fields are those of FileReportRequest")]
pub struct Words {
    #[prost(string, tag = "1")]
    pub title: String,
    #[prost(string, tag = "2")]
    pub body: String,
    #[prost(message, optional, tag = "3")]
    pub place: Option<Place>,
    #[prost(string, tag = "4")]
    pub source_url: String,
    #[prost(bytes = "vec", tag = "5")]
    pub salt: Vec<u8>,
}

/// A text as it is sealed.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
#[expect(missing_docs, reason = "the fields are those of StoreTextRequest")]
pub struct TextBody {
    #[prost(string, tag = "1")]
    pub title: String,
    #[prost(string, tag = "2")]
    pub body: String,
    #[prost(bytes = "vec", tag = "3")]
    pub salt: Vec<u8>,
    #[prost(message, optional, tag = "4")]
    pub place: Option<CoarsePlace>,
}

/// A place that may be told to everybody: thousandths of a degree (WGS 84), about 110 m.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
#[expect(missing_docs, reason = "said above")]
pub struct CoarsePlace {
    #[prost(sint32, tag = "1")]
    pub latitude_e3: i32,
    #[prost(sint32, tag = "2")]
    pub longitude_e3: i32,
}

impl CoarsePlace {
    /// A place, rounded; none without coordinates on earth.
    #[must_use]
    pub fn of(place: &Place) -> Option<Self> {
        Some(Self {
            latitude_e3: thousandths(place.latitude?, 90.0)?,
            longitude_e3: thousandths(place.longitude?, 180.0)?,
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "within 180,000")]
fn thousandths(degrees: f64, most: f64) -> Option<i32> {
    (degrees.abs() <= most).then(|| (degrees * 1000.0).round() as i32)
}

impl Words {
    /// Gives the words their salt.
    #[must_use]
    pub fn salted(self) -> Self {
        Self {
            salt: random_bytes::<SALT_BYTES>().to_vec(),
            ..self
        }
    }

    /// What events say in place of the words.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        let place = self.place.clone().unwrap_or_default();
        let coordinate = |degrees: Option<f64>| degrees.map(|value| value.to_string()).unwrap_or_default();
        commitment(
            &self.salt,
            &[
                &self.title,
                &self.body,
                &place.description,
                &coordinate(place.latitude),
                &coordinate(place.longitude),
                &self.source_url,
            ],
        )
    }

    /// Seals the words of a report.
    ///
    /// # Errors
    /// Encryption failed.
    pub fn seal(&self, key: &Key, report: Uuid) -> Result<Vec<u8>, SealError> {
        key.seal(Column::Words, report, report, &Zeroizing::new(self.encode_to_vec()))
    }

    /// Opens the words of a report.
    ///
    /// # Errors
    /// It does not open, or holds something else.
    pub fn open(key: &Key, report: Uuid, sealed: &[u8]) -> Result<Self, SealError> {
        let plain = key.open(Column::Words, report, report, sealed)?;
        Self::decode(plain.as_slice()).map_err(|_| SealError::Malformed)
    }
}

impl TextBody {
    /// A text with a fresh salt.
    #[must_use]
    pub fn new(title: String, body: String) -> Self {
        Self {
            title,
            body,
            salt: random_bytes::<SALT_BYTES>().to_vec(),
            place: None,
        }
    }

    /// The same with a place to publish.
    #[must_use]
    pub fn at(self, place: Option<CoarsePlace>) -> Self {
        Self { place, ..self }
    }

    /// What events say in place of the text.
    #[must_use]
    pub fn reference(&self, id: Uuid) -> TextRef {
        TextRef {
            text_id: id.to_string(),
            commitment: self.commitment().to_vec(),
        }
    }

    /// What events say in place of the words.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        match self.place {
            None => commitment(&self.salt, &[&self.title, &self.body]),
            Some(place) => {
                let (latitude, longitude) = (place.latitude_e3.to_string(), place.longitude_e3.to_string());
                commitment(&self.salt, &[&self.title, &self.body, &latitude, &longitude])
            }
        }
    }

    /// Seals a text of a report.
    ///
    /// # Errors
    /// Encryption failed.
    pub fn seal(&self, key: &Key, report: Uuid, id: Uuid) -> Result<Vec<u8>, SealError> {
        key.seal(Column::Text, report, id, &Zeroizing::new(self.encode_to_vec()))
    }

    /// Opens a text of a report.
    ///
    /// # Errors
    /// It does not open, or holds something else.
    pub fn open(key: &Key, report: Uuid, id: Uuid, sealed: &[u8]) -> Result<Self, SealError> {
        let plain = key.open(Column::Text, report, id, sealed)?;
        Self::decode(plain.as_slice()).map_err(|_| SealError::Malformed)
    }
}

/// Seals who the reporter is.
///
/// # Errors
/// Encryption failed.
pub fn seal_identity(identity: &Identity, key: &Key, report: Uuid) -> Result<Vec<u8>, SealError> {
    key.seal(
        Column::Identity,
        report,
        report,
        &Zeroizing::new(identity.encode_to_vec()),
    )
}

/// Opens who the reporter is.
///
/// # Errors
/// It does not open, or holds something else.
pub fn open_identity(key: &Key, report: Uuid, sealed: &[u8]) -> Result<Identity, SealError> {
    let plain = key.open(Column::Identity, report, report, sealed)?;
    Identity::decode(plain.as_slice()).map_err(|_| SealError::Malformed)
}

fn commitment(salt: &[u8], fields: &[&str]) -> [u8; 32] {
    fields
        .iter()
        .fold(Sha256::new().chain_update(salt), |hash, field| {
            hash.chain_update(field.as_bytes()).chain_update(SEPARATOR)
        })
        .finalize()
        .into()
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(..)")
    }
}

impl std::fmt::Debug for TextBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TextBody(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn words_come_back_and_do_not_print() {
        let (key, report) = (Key::generate(), Uuid::from_u128(1));
        let words = Words {
            title: "Judul".into(),
            body: "Isi rahasia".into(),
            ..Words::default()
        }
        .salted();
        let opened = Words::open(&key, report, &words.seal(&key, report).unwrap()).unwrap();
        assert_eq!(opened, words);
        assert_eq!(opened.commitment(), words.commitment());
        assert!(!format!("{words:?}").contains("rahasia"));
    }

    #[test]
    fn a_commitment_depends_on_salt_and_on_where_a_field_ends() {
        let text = |title: &str, body: &str, salt: u8| {
            TextBody {
                title: title.into(),
                body: body.into(),
                salt: vec![salt; 32],
                place: None,
            }
            .commitment()
        };
        assert_eq!(text("a", "bc", 1), text("a", "bc", 1));
        assert_ne!(text("a", "bc", 1), text("a", "bc", 2));
        assert_ne!(text("a", "bc", 1), text("ab", "c", 1));
    }

    #[test]
    fn a_place_is_told_coarsely_and_is_committed_to() {
        let place = |latitude, longitude| Place {
            latitude,
            longitude,
            ..Place::default()
        };
        let coarse = CoarsePlace::of(&place(Some(-0.507_49), Some(101.447_77))).unwrap();
        assert_eq!((coarse.latitude_e3, coarse.longitude_e3), (-507, 101_448));
        assert_eq!(CoarsePlace::of(&place(Some(0.5), None)), None);
        assert_eq!(CoarsePlace::of(&place(Some(91.0), Some(0.0))), None);
        assert_eq!(CoarsePlace::of(&place(Some(f64::NAN), Some(0.0))), None);
        let text = TextBody::new("a".into(), "b".into());
        assert_ne!(text.commitment(), text.clone().at(Some(coarse)).commitment());
    }
}
