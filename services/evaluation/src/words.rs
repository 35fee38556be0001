//! Words of officials in an evaluation case: kept here; events carry nothing of them.

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tuntas_domain::{
    case::{Commitment, TextRef},
    ids::AnswerId,
};
use tuntas_kit::{ids, problem::Problem};
use uuid::Uuid;

use crate::store::cases::{self, NewText};

/// Longest reply or reason, in characters.
pub const WORDS_CHARS_MAX: usize = 10_000;
const SALT_BYTES: usize = 32;

/// Checks the words of a request.
///
/// # Errors
/// `invalid_argument` when they are empty or too long.
pub fn checked(field: &str, words: &str) -> Result<String, Problem> {
    let words = words.trim();
    if words.is_empty() {
        return Err(Problem::invalid(field, "is missing"));
    }
    if words.chars().count() > WORDS_CHARS_MAX {
        return Err(Problem::invalid(
            field,
            format!("is longer than {WORDS_CHARS_MAX} characters"),
        ));
    }
    // PostgreSQL's text holds no NUL.
    if words.contains('\0') {
        return Err(Problem::invalid(field, "has a character that is no text"));
    }
    Ok(words.to_owned())
}

/// Words with their salt and their reference.
pub struct Words {
    /// The reference.
    pub reference: TextRef,
    salt: [u8; SALT_BYTES],
    words: String,
}

impl Words {
    /// Gives checked words a reference.
    #[must_use]
    pub fn new(words: String) -> Self {
        let salt = ids::random_bytes::<SALT_BYTES>();
        let commitment = Sha256::new().chain_update(salt).chain_update(&words).finalize().into();
        let reference = TextRef {
            id: AnswerId::new(ids::new_id()),
            commitment: Commitment(commitment),
        };
        Self { reference, salt, words }
    }

    /// Stores them.
    ///
    /// # Errors
    /// The database's.
    pub async fn store(&self, conn: &mut PgConnection, evaluation_case_id: Uuid, kind: &str) -> sqlx::Result<()> {
        let text = NewText {
            text_id: self.reference.id.into_uuid(),
            evaluation_case_id,
            kind,
            salt: &self.salt,
            words: &self.words,
        };
        cases::insert_text(conn, &text).await
    }
}
