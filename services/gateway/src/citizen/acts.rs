//! What a reporter does with an open report: complete, withdraw, dispute, rate, contest, write.

use axum::{
    extract::{Multipart, Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::intake::v1::{
    CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, RateHandlingRequest, SendMessageRequest,
    WithdrawReportRequest,
};

use super::track::receipt_of;
use crate::{
    platform::answer,
    web::{Web, fault::Fault, peer::Peer, upload},
};

/// Does it, and shows the report again.
///
/// # Errors
/// What intake refuses.
pub async fn act(
    State(web): State<Web>,
    peer: Peer,
    jar: CookieJar,
    Path((ticket, act)): Path<(String, String)>,
    multipart: Multipart,
) -> Result<Response, Fault> {
    let Some(receipt) = receipt_of(&jar, &ticket) else {
        return Ok((StatusCode::SEE_OTHER, Redirect::to("/lacak")).into_response());
    };
    let form = upload::read(&web, multipart).await?;
    if let Some((_, problem)) = form.refused {
        return Err(problem.into());
    }
    let mut intake = web.platform.intake();
    let (idempotency_key, receipt) = (form.get("kunci").to_owned(), Some(receipt));
    let (text, attachment_ids) = (form.get("teks").to_owned(), form.file_ids());
    let command_id = match act.as_str() {
        "lengkapi" => {
            let request = CompleteReportRequest {
                idempotency_key,
                receipt,
                text,
                attachment_ids,
            };
            answer(intake.complete_report(web.platform.request_from(peer, request)?))
                .await?
                .command_id
        }
        "sanggah" => {
            let request = DisputeAnswerRequest {
                idempotency_key,
                receipt,
                text,
                attachment_ids,
            };
            answer(intake.dispute_answer(web.platform.request_from(peer, request)?))
                .await?
                .command_id
        }
        "keberatan" => {
            let request = ContestDecisionRequest {
                idempotency_key,
                receipt,
                text,
            };
            answer(intake.contest_decision(web.platform.request_from(peer, request)?))
                .await?
                .command_id
        }
        "cabut" => {
            let request = WithdrawReportRequest {
                idempotency_key,
                receipt,
            };
            answer(intake.withdraw_report(web.platform.request_from(peer, request)?))
                .await?
                .command_id
        }
        "nilai" => {
            let stars = form
                .get("bintang")
                .parse()
                .map_err(|_| Problem::refusal("stars_out_of_range", "1 to 5"))?;
            let request = RateHandlingRequest {
                idempotency_key,
                receipt,
                stars,
            };
            answer(intake.rate_handling(web.platform.request_from(peer, request)?))
                .await?
                .command_id
        }
        "pesan" => {
            let request = SendMessageRequest {
                idempotency_key,
                receipt,
                text,
            };
            answer(intake.send_message(web.platform.request_from(peer, request)?)).await?;
            String::new()
        }
        _ => return Err(Fault::new(NOT_FOUND)),
    };
    Ok(Redirect::to(&format!("/lacak/{ticket}?perintah={command_id}")).into_response())
}
