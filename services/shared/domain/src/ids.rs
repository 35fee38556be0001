//! Identifiers: UUIDs for what the platform makes, text slugs for what people name.
//!
//! UUIDs are version 7 and are made outside (no randomness here). Slugs are validated once, at the edge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest slug, in bytes.
pub const SLUG_BYTES_MAX: usize = 64;

/// Why a text is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// Name of the identifier's type.
        what: &'static str,
    },
    /// The text is longer than [`SLUG_BYTES_MAX`].
    #[error("{what} is longer than 64 bytes")]
    TooLong {
        /// Name of the identifier's type.
        what: &'static str,
    },
    /// The text has a character other than `a-z`, `0-9`, `.`, `-`, `_`, or starts or ends with one of the last three.
    #[error("{what} may hold only a-z, 0-9 and, between them, '.', '-' and '_'; found {text:?}")]
    BadCharacter {
        /// Name of the identifier's type.
        what: &'static str,
        /// The offending text.
        text: String,
    },
    /// The text is not a UUID.
    #[error("{what} is not a UUID")]
    NotUuid {
        /// Name of the identifier's type.
        what: &'static str,
    },
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID (version 7 by convention; made by the caller).
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }

            /// The UUID inside, by value.
            #[must_use]
            pub const fn into_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError::NotUuid { what: stringify!($name) })
            }
        }
    };
}

uuid_id!(/** A case: the handling of a report or of a cluster of duplicates. */ CaseId);
uuid_id!(/** A report as filed; never shown outside and never in an event's public view. */ ReportId);
uuid_id!(/** A command, citizen's or official's. */ CommandId);
uuid_id!(/** An event. */ EventId);
uuid_id!(/** A text released to the reporter (answer, first response, completion request); its words live in intake. */ AnswerId);
uuid_id!(/** An evaluation case against a position's holder. */ EvaluationCaseId);
uuid_id!(/** A file attached to a report or an answer. */ AttachmentId);
uuid_id!(/** A recommendation or request for explanation of the Ombudsman. */ RecommendationId);

fn check_slug(what: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > SLUG_BYTES_MAX {
        return Err(IdError::TooLong { what });
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let inside = bytes.iter().all(|b| plain(*b) || matches!(b, b'.' | b'-' | b'_'));
    let ends = bytes.first().is_some_and(|b| plain(*b)) && bytes.last().is_some_and(|b| plain(*b));
    if inside && ends {
        Ok(())
    } else {
        Err(IdError::BadCharacter {
            what,
            text: text.chars().take(SLUG_BYTES_MAX).collect(),
        })
    }
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates a text.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long or has a foreign character.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check_slug(stringify!($name), &text)?;
                Ok(Self(text))
            }

            /// The text inside.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

slug_id!(/** An agency (OPD) or an external authority, like `dishub`. */ OpdCode);
slug_id!(/** An office, like `dishub.sekretaris`; duties attach to it, not to persons. */ PositionId);
slug_id!(/** A person in an office, like `h-dishub-sekretaris-1`; a pseudonym, never a name. */ HolderId);
slug_id!(/** A category of reports, like `jalan-provinsi`. */ CategoryCode);
slug_id!(/** A kabupaten or kota by its Kemendagri code, like `14.01`. */ RegionCode);
