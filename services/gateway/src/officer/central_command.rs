//! Forms of the centre as commands to routing.

use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::{
    case::v1::{
        RejectReason, ReportKind,
        case_command::{
            AddContributor, Bind, Command, DecideContest, DecideDispute, DeclineTransfer, Dispose, Merge, Recall,
            Reclassify, Refer, Reject, RequestCompletion, Transfer, Unmerge, Verify,
        },
    },
    common::v1::TextRef,
};

use super::act::Words;
use crate::web::upload::Form;

const TEXT: &str = "teks";

/// The words that an act carries; `None` when it is no act of the centre.
#[must_use]
pub fn words_of(act: &str, form: &Form) -> Option<Option<Words>> {
    let words = |kind| {
        Some(Words {
            kind,
            field: TEXT,
            title_field: "",
        })
    };
    Some(match act {
        "verifikasi" => Some(Words {
            // With the place, when the verifier publishes it: intake knows where it is, and rounds it.
            kind: if form.get("publik-tempat").is_empty() {
                "redaction"
            } else {
                "redaction_with_place"
            },
            field: "publik",
            title_field: "publik-judul",
        }),
        "minta" => words("completion_request"),
        "tolak" | "rujuk" => words("explanation"),
        "disposisi" => words("instruction"),
        "tetapkan" | "alihkan" | "tolak-alih" | "tarik" | "putus-sanggah" | "putus-keberatan" => words("reason"),
        "gabung" | "libatkan" | "klasifikasi" | "pisahkan" => None,
        _ => return None,
    })
}

/// The command of a form, with its words sealed.
///
/// # Errors
/// The form is not one of these.
pub fn of(act: &str, form: &Form, text: Option<TextRef>) -> Result<Command, Problem> {
    let field = |name: &str| form.get(name).to_owned();
    let upheld = form.get("putusan") == "benar";
    Ok(match act {
        "verifikasi" => Command::Verify(Verify {
            kind: kind(form.get("jenis")).into(),
            supervisory: !form.get("pengawasan").is_empty(),
            category_code: field("kategori"),
            region_code: field("wilayah"),
            complained_opd: field("diadukan"),
            redaction: text,
        }),
        "minta" => Command::RequestCompletion(RequestCompletion { question: text }),
        "tolak" => Command::Reject(Reject {
            reason: reject_reason(form.get("alasan")).into(),
            explanation: text,
        }),
        "rujuk" => Command::Refer(Refer {
            authority_code: field("tujuan"),
            explanation: text,
        }),
        "gabung" => Command::Merge(Merge {
            into_case_id: field("tujuan"),
        }),
        "pisahkan" => Command::Unmerge(Unmerge {
            report_id: field("laporan"),
        }),
        "libatkan" => Command::AddContributor(AddContributor {
            opd_code: field("tujuan"),
        }),
        "klasifikasi" => Command::Reclassify(Reclassify {
            kind: kind(form.get("jenis")).into(),
            supervisory: !form.get("pengawasan").is_empty(),
            category_code: field("kategori"),
            region_code: field("wilayah"),
            complained_opd: field("diadukan"),
        }),
        "disposisi" => Command::Dispose(Dispose {
            lead_opd: field("tujuan"),
            contributor_opds: [field("pendukung")].into_iter().filter(|opd| !opd.is_empty()).collect(),
            instruction: text,
        }),
        "tetapkan" => Command::Bind(Bind {
            lead_opd: field("tujuan"),
            reason: text,
        }),
        "alihkan" => Command::Transfer(Transfer {
            to_opd: field("tujuan"),
            reason: text,
        }),
        "tolak-alih" => Command::DeclineTransfer(DeclineTransfer { reason: text }),
        "tarik" => Command::Recall(Recall { reason: text }),
        "putus-sanggah" => Command::DecideDispute(DecideDispute { upheld, reason: text }),
        "putus-keberatan" => Command::DecideContest(DecideContest { upheld, reason: text }),
        _ => return Err(Problem::new(NOT_FOUND)),
    })
}

fn kind(code: &str) -> ReportKind {
    match code {
        "complaint" => ReportKind::Complaint,
        "aspiration" => ReportKind::Aspiration,
        "information" => ReportKind::InformationRequest,
        _ => ReportKind::Unspecified,
    }
}

fn reject_reason(code: &str) -> RejectReason {
    match code {
        "not_public_service" => RejectReason::NotPublicService,
        "before_court" => RejectReason::BeforeCourt,
        "insufficient" => RejectReason::Insufficient,
        "abusive" => RejectReason::Abusive,
        "repeated" => RejectReason::Repeated,
        _ => RejectReason::Unspecified,
    }
}
