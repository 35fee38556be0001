//! The director, or the patron for echelon II, decides (rule V3).

use sqlx::PgPool;
use tuntas_domain::evaluation_case::EvaluationCommand;
use tuntas_kit::{directory::DirectoryReader, problem::Problem};
use tuntas_proto::evaluation::v1::{DecideRequest, DecideResponse};

use crate::{
    access::Caller,
    evaluation_cases as common,
    moved::{Move, moved},
    words::{self, Words},
};

/// Stores a decision and tells of it, without its reasons.
///
/// # Errors
/// `forbidden`, `own_case`, `reply_time_runs`, `invalid_argument`, `not_found`, `illegal_move`, or the database's.
pub async fn decide(
    pool: &PgPool,
    directory: DirectoryReader,
    caller: Caller,
    request: DecideRequest,
) -> Result<DecideResponse, Problem> {
    let measure = common::measure_of(&request.measure)
        .ok_or_else(|| Problem::invalid("measure", "is none, guidance, written_warning or referral_art_54"))?;
    let words = Words::new(words::checked("reason", &request.reason)?);
    let by_official = Move {
        scope: "evaluation.Decide",
        key: request.idempotency_key.clone(),
        evaluation_case_id: request
            .evaluation_case_id
            .parse()
            .map_err(|e| Problem::invalid("evaluation_case_id", e))?,
        command: EvaluationCommand::Decide {
            measure,
            text: words.reference,
        },
        words,
        words_kind: "decision",
    };
    moved(pool, directory, caller, by_official, request, DecideResponse {}).await
}
