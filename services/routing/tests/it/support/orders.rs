//! Commands as officers and citizens give them.

use tuntas_domain::CaseId;
use tuntas_kit::ids;
use tuntas_proto::{
    case::v1::{
        self as wire, Outcome, ReportKind,
        case_command::{self as ask, Command},
    },
    common::v1::TextRef,
};

/// A text that lives in intake.
pub(crate) fn text() -> Option<TextRef> {
    Some(TextRef {
        text_id: ids::new_id().to_string(),
        commitment: vec![7; 32],
    })
}

pub(crate) fn verify_as(verify: ask::Verify) -> Command {
    Command::Verify(ask::Verify {
        kind: if verify.kind == 0 {
            ReportKind::Complaint.into()
        } else {
            verify.kind
        },
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        redaction: text(),
        ..verify
    })
}

pub(crate) fn verify() -> Command {
    verify_as(ask::Verify::default())
}

pub(crate) fn dispose(lead: &str, contributors: &[&str]) -> Command {
    Command::Dispose(ask::Dispose {
        lead_opd: lead.to_owned(),
        contributor_opds: contributors.iter().map(|opd| (*opd).to_owned()).collect(),
        instruction: text(),
    })
}

pub(crate) fn accept() -> Command {
    Command::Accept(ask::Accept {})
}

pub(crate) fn give_back() -> Command {
    Command::Return(ask::Return {
        reason_code: "not_our_task".to_owned(),
        reason: text(),
        suggested_opd: "pupr-pkpp".to_owned(),
    })
}

pub(crate) fn answer(claimed: Outcome) -> Command {
    Command::ReleaseAnswer(ask::ReleaseAnswer {
        text: text(),
        claimed: claimed.into(),
        without_contributions_reason: None,
    })
}

pub(crate) fn reject() -> Command {
    Command::Reject(ask::Reject {
        reason: wire::RejectReason::NotPublicService.into(),
        explanation: text(),
    })
}

pub(crate) fn dispute() -> Command {
    Command::Dispute(ask::Dispute {
        report_id: String::new(),
        text: text(),
    })
}

pub(crate) fn contest() -> Command {
    Command::Contest(ask::Contest {
        report_id: String::new(),
        text: text(),
    })
}

pub(crate) fn merge_into(survivor: CaseId) -> Command {
    Command::Merge(ask::Merge {
        into_case_id: survivor.to_string(),
    })
}
