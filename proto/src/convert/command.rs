//! What is asked of a case, from the wire.

use time::OffsetDateTime;
use tuntas_domain::{
    CaseId, Command, CommandKind, ReportId, ReportKind,
    case::{Classification, ReturnReason},
};

use super::kinds::{claimed_outcome, classification_kind, reject_reason, text_ref};
use super::{ConvertError, parsed, parsed_or_none};
use crate::{
    case::v1::{CaseCommand, case_command as ask, case_command::Command as Wire},
    common::v1::TextRef,
};

/// A parsed request. Those that touch two cases need facts of the other one, which routing looks up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A command to one case.
    Plain(Command),
    /// Merge this case into another (rule M6).
    MergeInto(CaseId),
    /// Give a report of this cluster its own case back (rule M6).
    Unmerge(ReportId),
    /// Decide a contest; a merged case gets its reports back from the survivor (rules M6, M8).
    DecideContest {
        /// The contest is right.
        granted: bool,
        /// The reasons.
        text: Option<tuntas_domain::case::TextRef>,
    },
}

/// Parses a command. `received_at` is when intake took it, for citizens' commands (rule M2); `standing` is the kind that
/// the case has now, for classifications that name none.
///
/// # Errors
/// A field is missing or malformed.
pub fn asked(command: &CaseCommand, received_at: OffsetDateTime, standing: ReportKind) -> Result<Asked, ConvertError> {
    let wire = command
        .command
        .as_ref()
        .ok_or_else(|| ConvertError::new("command", "is missing"))?;
    let plain = match wire {
        Wire::Merge(merge) => return Ok(Asked::MergeInto(parsed("into_case_id", &merge.into_case_id)?)),
        Wire::Unmerge(unmerge) => return Ok(Asked::Unmerge(parsed("report_id", &unmerge.report_id)?)),
        Wire::DecideContest(ask) => {
            let text = optional("reason", ask.reason.as_ref())?;
            return Ok(Asked::DecideContest {
                granted: ask.upheld,
                text,
            });
        }
        Wire::Complete(_) | Wire::Withdraw(_) | Wire::Dispute(_) | Wire::Rate(_) | Wire::Contest(_) => {
            citizens(wire, received_at)?
        }
        Wire::Verify(_)
        | Wire::RequestCompletion(_)
        | Wire::Reject(_)
        | Wire::Refer(_)
        | Wire::Dispose(_)
        | Wire::Bind(_)
        | Wire::Transfer(_)
        | Wire::DeclineTransfer(_)
        | Wire::Recall(_)
        | Wire::AddContributor(_)
        | Wire::Reclassify(_) => managers(wire, standing)?,
        _ => agencies_and_above(wire)?,
    };
    Ok(Asked::Plain(plain))
}

fn citizens(wire: &Wire, received_at: OffsetDateTime) -> Result<Command, ConvertError> {
    let report = |id: &str| parsed("report_id", id);
    Ok(match wire {
        Wire::Complete(ask) => Command::CompleteReport {
            report: report(&ask.report_id)?,
            received_at,
        },
        Wire::Withdraw(ask) => Command::Withdraw {
            report: report(&ask.report_id)?,
            received_at,
        },
        Wire::Dispute(ask) => Command::Dispute {
            report: report(&ask.report_id)?,
            received_at,
        },
        Wire::Contest(ask) => Command::Contest {
            report: report(&ask.report_id)?,
            received_at,
        },
        Wire::Rate(ask) => {
            let score = u8::try_from(ask.stars).ok().filter(|score| (1..=5).contains(score));
            let score = score.ok_or_else(|| ConvertError::new("stars", "a rating has 1 to 5 stars"))?;
            Command::Rate {
                report: report(&ask.report_id)?,
                score,
                received_at,
            }
        }
        _ => return Err(not_of_this_group()),
    })
}

fn managers(wire: &Wire, standing: ReportKind) -> Result<Command, ConvertError> {
    Ok(match wire {
        Wire::Verify(ask) => Command::AcceptVerification {
            classification: Classification {
                kind: classification_kind(ask.kind, standing)?,
                supervisory: ask.supervisory,
                category: parsed_or_none("category_code", &ask.category_code)?,
                region: parsed_or_none("region_code", &ask.region_code)?,
                complained_unit: parsed_or_none("complained_opd", &ask.complained_opd)?,
            },
        },
        Wire::Reclassify(ask) => Command::Reclassify {
            classification: Classification {
                kind: classification_kind(ask.kind, standing)?,
                supervisory: ask.supervisory,
                category: parsed_or_none("category_code", &ask.category_code)?,
                region: parsed_or_none("region_code", &ask.region_code)?,
                complained_unit: parsed_or_none("complained_opd", &ask.complained_opd)?,
            },
        },
        Wire::RequestCompletion(ask) => Command::RequestCompletion {
            text: optional("question", ask.question.as_ref())?,
        },
        Wire::Reject(ask) => Command::Reject {
            reason: reject_reason(ask.reason)?,
        },
        Wire::Refer(ask) => Command::Refer {
            to: parsed("authority_code", &ask.authority_code)?,
        },
        Wire::Dispose(ask) => Command::Dispose {
            lead: parsed("lead_opd", &ask.lead_opd)?,
            contributors: ask
                .contributor_opds
                .iter()
                .map(|code| parsed("contributor_opds", code))
                .collect::<Result<_, _>>()?,
        },
        Wire::Bind(ask) => Command::Bind {
            lead: parsed("lead_opd", &ask.lead_opd)?,
        },
        Wire::Transfer(ask) => Command::Transfer {
            to: parsed("to_opd", &ask.to_opd)?,
        },
        Wire::DeclineTransfer(_) => Command::DeclineTransfer,
        Wire::Recall(_) => Command::Recall,
        Wire::AddContributor(ask) => Command::AddContributor {
            opd: parsed("opd_code", &ask.opd_code)?,
        },
        _ => return Err(not_of_this_group()),
    })
}

fn agencies_and_above(wire: &Wire) -> Result<Command, ConvertError> {
    Ok(match wire {
        Wire::Accept(_) => Command::AcceptCase,
        Wire::Return(ask) => Command::ReturnCase {
            reason: return_reason(&ask.reason_code)?,
            text: optional("reason", ask.reason.as_ref())?,
            suggested: parsed_or_none("suggested_opd", &ask.suggested_opd)?,
        },
        Wire::RequestTransfer(ask) => Command::RequestTransfer {
            reason: return_reason(&ask.reason_code)?,
            text: optional("reason", ask.reason.as_ref())?,
            suggested: parsed_or_none("suggested_opd", &ask.suggested_opd)?,
        },
        Wire::Assign(ask) => Command::Assign {
            executor: parsed("position_id", &ask.position_id)?,
        },
        Wire::RecordProgress(ask) => Command::RecordProgress {
            text: optional("note", ask.note.as_ref())?,
        },
        Wire::ReleaseFirstResponse(ask) => Command::ReleaseFirstResponse {
            text: required("text", ask.text.as_ref())?,
        },
        Wire::AgencyRequestCompletion(ask) => Command::AgencyCompletionRequest {
            text: optional("question", ask.question.as_ref())?,
        },
        Wire::ContributionDone(ask) => Command::ContributionDone {
            text: optional("note", ask.note.as_ref())?,
        },
        Wire::DeclareLeadDone(_) => Command::DeclareLeadDone,
        Wire::ReleaseAnswer(ask) => Command::ReleaseAnswer {
            text: required("text", ask.text.as_ref())?,
            outcome: claimed_outcome(ask.claimed)?,
            without_contributions: optional(
                "without_contributions_reason",
                ask.without_contributions_reason.as_ref(),
            )?,
        },
        Wire::DecideDispute(ask) => Command::DecideDispute {
            upheld: ask.upheld,
            text: optional("reason", ask.reason.as_ref())?,
        },
        Wire::Reopen(_) => Command::Reopen,
        Wire::TakeOver(_) => Command::TakeOver,
        Wire::HandBack(_) => Command::HandBack,
        _ => return Err(not_of_this_group()),
    })
}

/// The text that comes with a command, whichever it is.
#[must_use]
pub fn text_of(command: &CaseCommand) -> Option<TextRef> {
    match command.command.as_ref()? {
        Wire::Verify(ask::Verify { redaction: text, .. })
        | Wire::RequestCompletion(ask::RequestCompletion { question: text })
        | Wire::Reject(ask::Reject { explanation: text, .. })
        | Wire::Refer(ask::Refer { explanation: text, .. })
        | Wire::Dispose(ask::Dispose { instruction: text, .. })
        | Wire::Bind(ask::Bind { reason: text, .. })
        | Wire::Transfer(ask::Transfer { reason: text, .. })
        | Wire::DeclineTransfer(ask::DeclineTransfer { reason: text })
        | Wire::Recall(ask::Recall { reason: text })
        | Wire::Return(ask::Return { reason: text, .. })
        | Wire::RequestTransfer(ask::RequestTransfer { reason: text, .. })
        | Wire::RecordProgress(ask::RecordProgress { note: text })
        | Wire::ReleaseFirstResponse(ask::ReleaseFirstResponse { text })
        | Wire::AgencyRequestCompletion(ask::AgencyRequestCompletion { question: text })
        | Wire::ContributionDone(ask::ContributionDone { note: text })
        | Wire::ReleaseAnswer(ask::ReleaseAnswer { text, .. })
        | Wire::DecideDispute(ask::DecideDispute { reason: text, .. })
        | Wire::DecideContest(ask::DecideContest { reason: text, .. })
        | Wire::Reopen(ask::Reopen { reason: text })
        | Wire::Complete(ask::Complete { text, .. })
        | Wire::Dispute(ask::Dispute { text, .. })
        | Wire::Contest(ask::Contest { text, .. }) => text.clone(),
        Wire::Merge(_)
        | Wire::Unmerge(_)
        | Wire::AddContributor(_)
        | Wire::Reclassify(_)
        | Wire::Accept(_)
        | Wire::Assign(_)
        | Wire::DeclareLeadDone(_)
        | Wire::TakeOver(_)
        | Wire::HandBack(_)
        | Wire::Withdraw(_)
        | Wire::Rate(_) => None,
    }
}

/// The domain's kind of a command, for `may()` before it is parsed further; none when the message names no command.
#[must_use]
pub fn name_of(command: &CaseCommand) -> Option<CommandKind> {
    Some(match command.command.as_ref()? {
        Wire::Verify(_) => CommandKind::AcceptVerification,
        Wire::RequestCompletion(_) => CommandKind::RequestCompletion,
        Wire::Reject(_) => CommandKind::Reject,
        Wire::Refer(_) => CommandKind::Refer,
        Wire::Merge(_) => CommandKind::MergeInto,
        Wire::Unmerge(_) => CommandKind::Unmerge,
        Wire::Dispose(_) => CommandKind::Dispose,
        Wire::Bind(_) => CommandKind::Bind,
        Wire::Transfer(_) => CommandKind::Transfer,
        Wire::DeclineTransfer(_) => CommandKind::DeclineTransfer,
        Wire::Recall(_) => CommandKind::Recall,
        Wire::AddContributor(_) => CommandKind::AddContributor,
        Wire::Reclassify(_) => CommandKind::Reclassify,
        Wire::Accept(_) => CommandKind::AcceptCase,
        Wire::Return(_) => CommandKind::ReturnCase,
        Wire::RequestTransfer(_) => CommandKind::RequestTransfer,
        Wire::Assign(_) => CommandKind::Assign,
        Wire::RecordProgress(_) => CommandKind::RecordProgress,
        Wire::ReleaseFirstResponse(_) => CommandKind::ReleaseFirstResponse,
        Wire::AgencyRequestCompletion(_) => CommandKind::AgencyCompletionRequest,
        Wire::ContributionDone(_) => CommandKind::ContributionDone,
        Wire::DeclareLeadDone(_) => CommandKind::DeclareLeadDone,
        Wire::ReleaseAnswer(_) => CommandKind::ReleaseAnswer,
        Wire::DecideDispute(_) => CommandKind::DecideDispute,
        Wire::DecideContest(_) => CommandKind::DecideContest,
        Wire::Reopen(_) => CommandKind::Reopen,
        Wire::TakeOver(_) => CommandKind::TakeOver,
        Wire::HandBack(_) => CommandKind::HandBack,
        Wire::Complete(_) => CommandKind::CompleteReport,
        Wire::Withdraw(_) => CommandKind::Withdraw,
        Wire::Dispute(_) => CommandKind::Dispute,
        Wire::Rate(_) => CommandKind::Rate,
        Wire::Contest(_) => CommandKind::Contest,
    })
}

fn optional(field: &'static str, text: Option<&TextRef>) -> Result<Option<tuntas_domain::case::TextRef>, ConvertError> {
    text.map(|text| text_ref(field, text)).transpose()
}

fn required(field: &'static str, text: Option<&TextRef>) -> Result<tuntas_domain::case::TextRef, ConvertError> {
    optional(field, text)?.ok_or_else(|| ConvertError::new(field, "is missing"))
}

fn return_reason(code: &str) -> Result<ReturnReason, ConvertError> {
    ReturnReason::ALL
        .into_iter()
        .find(|reason| reason.code() == code)
        .ok_or_else(|| {
            ConvertError::new(
                "reason_code",
                "name not_our_task, other_authority, other_region, duplicate or other",
            )
        })
}

fn not_of_this_group() -> ConvertError {
    ConvertError::new("command", "is not known here")
}
