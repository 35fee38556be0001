//! Whether an answer that was just released repeats an earlier one of the same agency (`tuntas_domain::near_copy` says
//! what the number means).
//!
//! Words are compared in here, as keyed hashes; what comes out is an event with ids and a percentage. An answer is
//! compared with the latest `search.answers_compared_max` answers that its agency had released before it, in the same
//! case too: who disputes an answer should not get it a second time. A text of an erased report is compared with
//! nothing, and nothing with it.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::near_copy::similarity_basis_points;
use tuntas_kit::{consumer::HandlerError, event::OutboxEvent, problem::Problem};
use tuntas_proto::{
    common::v1::TextRef,
    event::v1::{AnswerFoundNearCopy, event::Payload},
};
use uuid::Uuid;

use crate::{
    facts,
    intake::Intake,
    store::{
        answer_gram::{self, AnswerGrams},
        report,
        text::StoredText,
    },
    texts,
};

/// Basis points of a percent.
const BASIS_POINTS_PER_PERCENT: u32 = 100;

/// An answer that a case event released.
#[derive(Debug)]
pub struct Released<'a> {
    /// The answer.
    pub text: &'a StoredText,
    /// Its case.
    pub case_id: Uuid,
    /// Agency that released it.
    pub opd_code: &'a str,
    /// When.
    pub at: OffsetDateTime,
    /// The case event.
    pub event_id: Uuid,
}

/// Keeps the hashes of an answer, and tells when it is a near copy. To be called once for a release, in the
/// transaction in which its event is taken in; the event that it answers is to be appended as the transaction's last
/// step.
///
/// # Errors
/// The database's, or a text that does not open.
pub async fn find_near_copy(
    intake: &Intake,
    conn: &mut PgConnection,
    released: &Released<'_>,
) -> Result<Option<OutboxEvent>, HandlerError> {
    // Whether it is erased must not change until the hashes are kept.
    report::lock(conn, released.text.report_id).await?;
    let Some(body) = texts::open_one(intake, conn, released.text).await? else {
        return Ok(None);
    };
    let grams = intake.grams.of_answer(&body.body);
    let compared_max = i64::from(intake.config.search.answers_compared_max);
    let earlier = answer_gram::latest(conn, released.opd_code, released.at, compared_max).await?;
    let answer = AnswerGrams {
        text_id: released.text.id,
        report_id: released.text.report_id,
        opd_code: released.opd_code.to_owned(),
        released_at: released.at,
        grams,
    };
    answer_gram::insert(conn, &answer).await?;
    let alike = earlier
        .iter()
        .map(|(text_id, grams)| (similarity_basis_points(&answer.grams, grams), *text_id))
        .rev()
        // Of equals the last one: the latest answer.
        .max_by_key(|(similarity, _)| *similarity);
    let snapshot = intake.snapshot(conn).await?;
    let policy = snapshot
        .policies
        .in_force(released.at)
        .ok_or_else(|| Problem::internal("no policy is in force"))?;
    match alike {
        Some((similarity, earlier)) if similarity >= policy.scoring.near_copy_from_basis_points => {
            Ok(Some(tell(intake, conn, released, similarity, earlier).await?))
        }
        _ => Ok(None),
    }
}

async fn tell(
    intake: &Intake,
    conn: &mut PgConnection,
    released: &Released<'_>,
    similarity: u32,
    earlier: Uuid,
) -> Result<OutboxEvent, HandlerError> {
    let text = released.text;
    let seq = report::next_seq(conn, text.report_id).await?;
    let payload = Payload::AnswerFoundNearCopy(AnswerFoundNearCopy {
        case_id: released.case_id.to_string(),
        report_id: text.report_id.to_string(),
        text: Some(TextRef {
            text_id: text.id.to_string(),
            commitment: text.commitment.clone(),
        }),
        opd_code: released.opd_code.to_owned(),
        similarity: similarity / BASIS_POINTS_PER_PERCENT,
        earlier_text_id: earlier.to_string(),
    });
    Ok(facts::near_copy(
        text.report_id,
        seq,
        intake.now(),
        released.event_id,
        payload,
    ))
}
