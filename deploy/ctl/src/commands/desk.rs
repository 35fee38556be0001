//! An agency's handling, through its desk: commands go out as durable messages and are pending until routing decides.

use std::{path::PathBuf, time::Duration};

use tuntas_proto::{
    case::v1::{
        CaseCommand, Outcome,
        case_command::{
            Accept, Assign, Command, ContributionDone, DeclareLeadDone, RecordProgress, ReleaseAnswer,
            ReleaseFirstResponse, RequestTransfer, Return,
        },
    },
    desk::v1::{CommandStatus, GetCommandRequest, SubmitCommandRequest, SubmitCommandResponse},
};

use super::{
    Context,
    centre::case_and_text,
    citizen,
    look::{agency_of, command_line},
    words, words_if,
};
use crate::{
    error::{CtlError, Exit, Result, at_path},
    labels::ClaimArg,
    platform::{Platform, Who},
    rpc,
};

/// How long to wait for routing's decision before the command is shown as pending.
const DECISION_WAIT: Duration = Duration::from_secs(5);
const PENDING: &str = "pending";

/// Commands of this group. Words are given as text, as `@FILE`, or `-` for standard input.
#[derive(Debug, clap::Subcommand)]
pub enum DeskCommand {
    /// Accept a case
    Accept {
        /// Case id or ticket
        case: String,
    },
    /// Return a case that is not this agency's
    Return {
        /// Case id or ticket
        case: String,
        /// Reason: not_our_task, other_authority, other_region, duplicate or other
        #[arg(long, value_parser = ["not_our_task", "other_authority", "other_region", "duplicate", "other"])]
        reason: String,
        /// Explanation
        #[arg(long)]
        text: String,
        /// Agency that it should go to
        #[arg(long, default_value = "")]
        suggest: String,
    },
    /// Ask the manager to give a case in progress to another agency; counts as a return
    RequestTransfer {
        /// Case id or ticket
        case: String,
        /// Reason, as of `return`
        #[arg(long, value_parser = ["not_our_task", "other_authority", "other_region", "duplicate", "other"])]
        reason: String,
        /// Explanation
        #[arg(long)]
        text: String,
        /// Agency that it should go to
        #[arg(long, default_value = "")]
        suggest: String,
    },
    /// Assign a case to an executor
    Assign {
        /// Case id or ticket
        case: String,
        /// Position of the executor
        #[arg(long)]
        to: String,
    },
    /// Note progress
    Note {
        /// Case id or ticket
        case: String,
        /// Note
        #[arg(long)]
        text: String,
        /// Evidence
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
    },
    /// Tell the reporter what will be done
    FirstResponse {
        /// Case id or ticket
        case: String,
        /// Text to the reporter
        #[arg(long)]
        text: String,
    },
    /// Answer: what was done, when, where, with evidence
    Answer {
        /// Case id or ticket
        case: String,
        /// What the answer claims
        #[arg(long, value_enum, default_value = "resolved")]
        claim: ClaimArg,
        /// Text to the reporter; left out with --draft
        #[arg(long, required_unless_present = "draft", default_value = "")]
        text: String,
        /// Take the text from the saved draft
        #[arg(long)]
        draft: bool,
        /// Evidence
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
        /// Why the answer does not wait for outstanding contributions
        #[arg(long)]
        without_contributions: Option<String>,
    },
    /// Say that this agency's contribution is done
    ContributionDone {
        /// Case id or ticket
        case: String,
        /// What was done
        #[arg(long)]
        text: Option<String>,
    },
    /// Say that the lead's own part is done and contributions are awaited
    LeadDone {
        /// Case id or ticket
        case: String,
    },
}

/// Runs a command of this group.
///
/// # Errors
/// What the desk or routing refuses.
pub async fn run(command: DeskCommand, context: &Context) -> Result<()> {
    let none = Vec::new;
    match command {
        DeskCommand::Accept { case } => submit(context, &case, Command::Accept(Accept {}), String::new(), none()).await,
        DeskCommand::Return {
            case,
            reason,
            text,
            suggest,
        } => {
            let command = Command::Return(Return {
                reason_code: reason,
                reason: None,
                suggested_opd: suggest,
            });
            submit(context, &case, command, words(&text)?, none()).await
        }
        DeskCommand::RequestTransfer {
            case,
            reason,
            text,
            suggest,
        } => {
            let command = Command::RequestTransfer(RequestTransfer {
                reason_code: reason,
                reason: None,
                suggested_opd: suggest,
            });
            submit(context, &case, command, words(&text)?, none()).await
        }
        DeskCommand::Assign { case, to } => {
            submit(
                context,
                &case,
                Command::Assign(Assign { position_id: to }),
                String::new(),
                none(),
            )
            .await
        }
        DeskCommand::Note { case, text, attach } => {
            submit(
                context,
                &case,
                Command::RecordProgress(RecordProgress::default()),
                words(&text)?,
                attach,
            )
            .await
        }
        DeskCommand::FirstResponse { case, text } => {
            let command = Command::ReleaseFirstResponse(ReleaseFirstResponse::default());
            submit(context, &case, command, words(&text)?, none()).await
        }
        DeskCommand::Answer {
            case,
            claim,
            text,
            draft,
            attach,
            without_contributions,
        } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", without_contributions.as_ref()).await?;
            let command = ReleaseAnswer {
                text: None,
                claimed: Outcome::from(claim).into(),
                without_contributions_reason: reason,
            };
            let body = if draft { String::new() } else { words(&text)? };
            submit_with(context, &case_id, Command::ReleaseAnswer(command), body, attach, draft).await
        }
        DeskCommand::ContributionDone { case, text } => {
            let body = words_if(text.as_ref())?.unwrap_or_default();
            submit(
                context,
                &case,
                Command::ContributionDone(ContributionDone::default()),
                body,
                none(),
            )
            .await
        }
        DeskCommand::LeadDone { case } => {
            submit(
                context,
                &case,
                Command::DeclareLeadDone(DeclareLeadDone {}),
                String::new(),
                none(),
            )
            .await
        }
    }
}

/// Submits a command at the desk of the acting position's agency and shows what became of it.
pub(super) async fn submit(
    context: &Context,
    case: &str,
    command: Command,
    text: String,
    attach: Vec<PathBuf>,
) -> Result<()> {
    submit_with(context, case, command, text, attach, false).await
}

async fn submit_with(
    context: &Context,
    case: &str,
    command: Command,
    text: String,
    attach: Vec<PathBuf>,
    use_draft: bool,
) -> Result<()> {
    let platform = &context.platform;
    let position = context.position()?;
    let opd = agency_of(context).await?;
    let mut attachment_ids = Vec::new();
    for file in &attach {
        let content = std::fs::read(file).map_err(at_path(file))?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("file");
        attachment_ids.push(citizen::upload(platform, name, &content).await?.attachment_id);
    }
    let request = SubmitCommandRequest {
        idempotency_key: context.key.clone(),
        opd_code: opd.clone(),
        command: Some(CaseCommand {
            case_id: context.case_id(case).await?,
            command: Some(command),
        }),
        text,
        attachment_ids,
        use_draft,
    };
    let submitted = submit_command(platform, position, request).await?;
    let decided = decision(platform, position, &opd, submitted, DECISION_WAIT).await?;
    let refused = refusal(&decided);
    let response = SubmitCommandResponse { command: Some(decided) };
    context.screen.show(&response, |response| {
        response.command.as_ref().map(command_line).unwrap_or_default()
    })?;
    refused.map_or(Ok(()), Err)
}

/// Submits a command at an agency's desk.
///
/// # Errors
/// The desk refuses it at once.
pub async fn submit_command(
    platform: &Platform,
    position: &str,
    request: SubmitCommandRequest,
) -> Result<CommandStatus> {
    let opd = request.opd_code.clone();
    let response: SubmitCommandResponse = rpc!(platform, Who::Position(position), desk(&opd).submit_command(request))?;
    response
        .command
        .ok_or_else(|| CtlError::failure("desk", "no command in the answer"))
}

/// Waits for routing's decision on a command; gives the pending status when it does not come in time.
///
/// # Errors
/// The desk does not answer.
pub async fn decision(
    platform: &Platform,
    position: &str,
    opd: &str,
    mut status: CommandStatus,
    within: Duration,
) -> Result<CommandStatus> {
    let started = std::time::Instant::now();
    while status.status == PENDING && started.elapsed() < within {
        let request = GetCommandRequest {
            command_id: status.command_id.clone(),
            wait: true,
        };
        status = rpc!(platform, Who::Position(position), desk(opd).get_command(request))?;
    }
    Ok(status)
}

/// The error of a refused command.
#[must_use]
pub fn refusal(status: &CommandStatus) -> Option<CtlError> {
    let exit = match status.code.as_str() {
        "not_permitted" | "own_unit" | "head_required" | "forbidden" => Exit::NotPermitted,
        _ => Exit::Refused,
    };
    (status.status == "refused").then(|| CtlError::new(exit, status.message.clone()).with_code(status.code.clone()))
}
