//! The official concerned replies (hak jawab, rule V3).

use sqlx::PgPool;
use tuntas_domain::evaluation_case::EvaluationCommand;
use tuntas_kit::{directory::DirectoryReader, problem::Problem};
use tuntas_proto::evaluation::v1::{ReplyRequest, ReplyResponse};

use crate::{
    access::Caller,
    moved::{Move, moved},
    words::{self, Words},
};

/// Stores a reply and tells of it, without its words.
///
/// # Errors
/// `forbidden`, `invalid_argument`, `not_found`, `illegal_move`, or the database's.
pub async fn reply(
    pool: &PgPool,
    directory: DirectoryReader,
    caller: Caller,
    request: ReplyRequest,
) -> Result<ReplyResponse, Problem> {
    let words = Words::new(words::checked("text", &request.text)?);
    let by_official = Move {
        scope: "evaluation.Reply",
        key: request.idempotency_key.clone(),
        evaluation_case_id: request
            .evaluation_case_id
            .parse()
            .map_err(|e| Problem::invalid("evaluation_case_id", e))?,
        command: EvaluationCommand::Reply { text: words.reference },
        words,
        words_kind: "reply",
    };
    moved(pool, directory, caller, by_official, request, ReplyResponse {}).await
}
