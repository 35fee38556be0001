//! Forms of an agency as commands to its desk.

use tuntas_kit::problem::Problem;
use tuntas_proto::case::v1::{
    Outcome,
    case_command::{
        Accept, AgencyRequestCompletion, Assign, Command, ContributionDone, DeclareLeadDone, RecordProgress,
        ReleaseAnswer, ReleaseFirstResponse, RequestTransfer, Return,
    },
};

use crate::web::upload::Form;

/// The command of a form; `None` when it is no act of an agency.
///
/// # Errors
/// The form lacks what the act needs.
#[must_use]
pub fn of(act: &str, form: &Form) -> Option<Result<Command, Problem>> {
    let field = |name: &str| form.get(name).to_owned();
    let command = match act {
        "terima" => Command::Accept(Accept {}),
        "kembalikan" => Command::Return(Return {
            reason_code: field("alasan"),
            reason: None,
            suggested_opd: field("tujuan"),
        }),
        "minta-alih" => Command::RequestTransfer(RequestTransfer {
            reason_code: field("alasan"),
            reason: None,
            suggested_opd: field("tujuan"),
        }),
        "tugaskan" => Command::Assign(Assign {
            position_id: field("jabatan"),
        }),
        "catat" => Command::RecordProgress(RecordProgress::default()),
        "tanggapan" => Command::ReleaseFirstResponse(ReleaseFirstResponse::default()),
        "minta-lengkap" => Command::AgencyRequestCompletion(AgencyRequestCompletion::default()),
        "kontribusi" => Command::ContributionDone(ContributionDone::default()),
        "bagian-selesai" => Command::DeclareLeadDone(DeclareLeadDone {}),
        "jawab" => Command::ReleaseAnswer(ReleaseAnswer {
            claimed: claim(form.get("hasil")).into(),
            ..ReleaseAnswer::default()
        }),
        _ => return None,
    };
    let needs_words = matches!(
        act,
        "catat" | "tanggapan" | "jawab" | "kembalikan" | "minta-alih" | "minta-lengkap"
    );
    if needs_words && form.get("teks").is_empty() {
        return Some(Err(Problem::refusal("text_empty", "a text is needed")));
    }
    Some(Ok(command))
}

/// What an answer claims.
#[must_use]
pub fn claim(code: &str) -> Outcome {
    match code {
        "resolved" => Outcome::Resolved,
        "clarified" => Outcome::Clarified,
        "informed" => Outcome::Informed,
        "taken_up" => Outcome::NotedTakenUp,
        "not_taken_up" => Outcome::NotedNotTakenUp,
        _ => Outcome::Unspecified,
    }
}
