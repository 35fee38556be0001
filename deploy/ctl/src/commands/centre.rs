//! Verification, disposition and decisions: commands that routing decides at once.

use tuntas_proto::{
    case::v1::{
        Case, Privacy, ReportKind,
        case_command::{
            AddContributor, AgencyRequestCompletion, Bind, Command, DecideContest, DecideDispute, DeclineTransfer,
            Dispose, Merge, Recall, Reclassify, Refer, Reject, RequestCompletion, Transfer, Unmerge, Verify,
        },
    },
    common::v1::TextRef,
    intake::v1::{GetWordsRequest, StoreTextRequest},
};

use super::{Context, desk, first_report, store_text, words, words_if};
use crate::{
    error::{CtlError, Result},
    labels::{KindArg, RejectArg},
    platform::Who,
    rpc,
};

/// Commands of this group. Words are given as text, as `@FILE`, or `-` for standard input.
#[derive(Debug, clap::Subcommand)]
pub enum CentreCommand {
    /// Accept a report as one to be handled, and say what it is; what is not said stays as filed
    Verify {
        /// Case id or ticket
        case: String,
        /// What it is.
        #[command(flatten)]
        class: ClassArgs,
        /// Unit that is complained about
        #[arg(long)]
        complained: Option<String>,
        /// Text that the public may read
        #[arg(long, conflicts_with = "publish_as_filed")]
        redaction: Option<String>,
        /// Title that the public may read, with --redaction
        #[arg(long, requires = "redaction", default_value = "")]
        redacted_title: String,
        /// The public may read the report as it was filed
        #[arg(long)]
        publish_as_filed: bool,
    },
    /// Ask the reporter to complete the report
    RequestCompletion {
        /// Case id or ticket
        case: String,
        /// What is missing
        #[arg(long)]
        text: String,
    },
    /// Reject a report
    Reject {
        /// Case id or ticket
        case: String,
        /// Reason
        #[arg(long, value_enum)]
        reason: RejectArg,
        /// Explanation to the reporter
        #[arg(long)]
        text: String,
    },
    /// Hand a report over to another authority
    Refer {
        /// Case id or ticket
        case: String,
        /// Authority, see `tuntas directory list --authorities`
        #[arg(long)]
        to: String,
        /// Explanation to the reporter
        #[arg(long)]
        text: String,
    },
    /// Send a case to the agency that must handle it
    Dispose {
        /// Case id or ticket
        case: String,
        /// Lead agency
        #[arg(long)]
        to: String,
        /// Contributing agencies
        #[arg(long = "with", value_name = "OPD")]
        contributors: Vec<String>,
        /// Instruction to the agency
        #[arg(long)]
        instruction: Option<String>,
    },
    /// Decide bindingly, after the last return
    Bind {
        /// Case id or ticket
        case: String,
        /// Agency that must handle it
        #[arg(long)]
        to: String,
        /// Reason
        #[arg(long)]
        reason: Option<String>,
    },
    /// Move a case to another lead
    Transfer {
        /// Case id or ticket
        case: String,
        /// New lead
        #[arg(long)]
        to: String,
        /// Reason
        #[arg(long)]
        reason: Option<String>,
    },
    /// Leave a case where it is, against the agency's request for a transfer
    DeclineTransfer {
        /// Case id or ticket
        case: String,
        /// Reason
        #[arg(long)]
        reason: Option<String>,
    },
    /// Take a disposition back before it is accepted
    Recall {
        /// Case id or ticket
        case: String,
        /// Reason
        #[arg(long)]
        reason: Option<String>,
    },
    /// Put a duplicate into another case
    Merge {
        /// Case id or ticket of the duplicate
        case: String,
        /// Case id or ticket that lives on
        #[arg(long)]
        into: String,
    },
    /// Take a report out of its cluster again
    Unmerge {
        /// Case id or ticket that the report lives in
        case: String,
        /// Report to take out
        #[arg(long)]
        report: String,
    },
    /// Let one more agency contribute
    AddContributor {
        /// Case id or ticket
        case: String,
        /// Agency
        #[arg(long)]
        opd: String,
    },
    /// Change what a case is, before its first disposition; what is not said stays
    Reclassify {
        /// Case id or ticket
        case: String,
        /// What it is.
        #[command(flatten)]
        class: ClassArgs,
        /// Unit that is complained about
        #[arg(long)]
        complained: Option<String>,
    },
    /// Decide the second dispute (director)
    DecideDispute {
        /// Case id or ticket
        case: String,
        /// The decision.
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// Decide a contest (director)
    DecideContest {
        /// Case id or ticket
        case: String,
        /// The decision.
        #[command(flatten)]
        decision: DecisionArgs,
    },
}

/// What a case is.
#[derive(Debug, clap::Args)]
pub struct ClassArgs {
    /// Kind
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
    /// Alleges abuse of authority, corruption or a breach of discipline
    #[arg(long)]
    supervisory: Option<bool>,
    /// Category
    #[arg(long)]
    category: Option<String>,
    /// Region
    #[arg(long)]
    region: Option<String>,
}

/// A decision.
#[derive(Debug, clap::Args)]
pub struct DecisionArgs {
    /// The reporter is right
    #[arg(long, conflicts_with = "denied", required_unless_present = "denied")]
    upheld: bool,
    /// The reporter is not right
    #[arg(long)]
    denied: bool,
    /// Reasons
    #[arg(long)]
    reason: String,
}

/// Runs a command of this group.
///
/// # Errors
/// What routing refuses, or what is not valid.
pub async fn run(command: CentreCommand, context: &Context) -> Result<()> {
    match command {
        CentreCommand::Verify {
            case,
            class,
            complained,
            redaction,
            redacted_title,
            publish_as_filed,
        } => {
            let case = context.case(&case).await?;
            let redaction = match redaction {
                Some(text) => Some((redacted_title, words(&text)?)),
                None if publish_as_filed => Some(as_filed(context, &case).await?),
                None => None,
            };
            verify(context, case, class, complained, redaction).await
        }
        CentreCommand::RequestCompletion { case, text } => request_completion(context, &case, &text).await,
        CentreCommand::Reject { case, reason, text } => {
            let case = context.case(&case).await?;
            let explanation = context.seal(&case, "explanation", Some(words(&text)?)).await?;
            context
                .execute(
                    case.case_id,
                    Command::Reject(Reject {
                        reason: tuntas_proto::case::v1::RejectReason::from(reason).into(),
                        explanation,
                    }),
                )
                .await
        }
        CentreCommand::Refer { case, to, text } => {
            let case = context.case(&case).await?;
            let explanation = context.seal(&case, "explanation", Some(words(&text)?)).await?;
            context
                .execute(
                    case.case_id,
                    Command::Refer(Refer {
                        authority_code: to,
                        explanation,
                    }),
                )
                .await
        }
        CentreCommand::Merge { case, into } => {
            let into_case_id = context.case_id(&into).await?;
            context
                .execute(context.case_id(&case).await?, Command::Merge(Merge { into_case_id }))
                .await
        }
        CentreCommand::Unmerge { case, report } => {
            context
                .execute(
                    context.case_id(&case).await?,
                    Command::Unmerge(Unmerge { report_id: report }),
                )
                .await
        }
        CentreCommand::AddContributor { case, opd } => {
            context
                .execute(
                    context.case_id(&case).await?,
                    Command::AddContributor(AddContributor { opd_code: opd }),
                )
                .await
        }
        CentreCommand::Reclassify {
            case,
            class,
            complained,
        } => {
            let case = context.case(&case).await?;
            let command = Reclassify {
                kind: class.kind.map_or(case.kind, |kind| ReportKind::from(kind).into()),
                supervisory: class.supervisory.unwrap_or(case.supervisory),
                category_code: class.category.unwrap_or(case.category_code),
                region_code: class.region.unwrap_or(case.region_code),
                complained_opd: complained.unwrap_or(case.complained_opd),
            };
            context.execute(case.case_id, Command::Reclassify(command)).await
        }
        other => dispose_or_decide(other, context).await,
    }
}

/// Where a case goes, and what those above decide.
async fn dispose_or_decide(command: CentreCommand, context: &Context) -> Result<()> {
    match command {
        CentreCommand::Dispose {
            case,
            to,
            contributors,
            instruction,
        } => {
            let (case_id, instruction) = case_and_text(context, &case, "instruction", instruction.as_ref()).await?;
            context
                .execute(
                    case_id,
                    Command::Dispose(Dispose {
                        lead_opd: to,
                        contributor_opds: contributors,
                        instruction,
                    }),
                )
                .await
        }
        CentreCommand::Bind { case, to, reason } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", reason.as_ref()).await?;
            context
                .execute(case_id, Command::Bind(Bind { lead_opd: to, reason }))
                .await
        }
        CentreCommand::Transfer { case, to, reason } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", reason.as_ref()).await?;
            context
                .execute(case_id, Command::Transfer(Transfer { to_opd: to, reason }))
                .await
        }
        CentreCommand::DeclineTransfer { case, reason } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", reason.as_ref()).await?;
            context
                .execute(case_id, Command::DeclineTransfer(DeclineTransfer { reason }))
                .await
        }
        CentreCommand::Recall { case, reason } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", reason.as_ref()).await?;
            context.execute(case_id, Command::Recall(Recall { reason })).await
        }
        CentreCommand::DecideDispute { case, decision } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", Some(&decision.reason)).await?;
            context
                .execute(
                    case_id,
                    Command::DecideDispute(DecideDispute {
                        upheld: decision.upheld,
                        reason,
                    }),
                )
                .await
        }
        CentreCommand::DecideContest { case, decision } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", Some(&decision.reason)).await?;
            context
                .execute(
                    case_id,
                    Command::DecideContest(DecideContest {
                        upheld: decision.upheld,
                        reason,
                    }),
                )
                .await
        }
        other => Err(CtlError::failure("command", format!("{other:?} is none of these"))),
    }
}

/// The case, and the text about it sealed; without a text the case is not even fetched.
pub(super) async fn case_and_text(
    context: &Context,
    case: &str,
    kind: &str,
    text: Option<&String>,
) -> Result<(String, Option<TextRef>)> {
    let Some(body) = words_if(text)? else {
        return Ok((context.case_id(case).await?, None));
    };
    let case = context.case(case).await?;
    let sealed = context.seal(&case, kind, Some(body)).await?;
    Ok((case.case_id, sealed))
}

async fn as_filed(context: &Context, case: &Case) -> Result<(String, String)> {
    let request = GetWordsRequest {
        report_id: first_report(case)?.to_owned(),
    };
    let filed = rpc!(
        context.platform,
        Who::Position(context.position()?),
        vault().get_words(request)
    )?;
    Ok((filed.title, filed.body))
}

async fn verify(
    context: &Context,
    case: Case,
    class: ClassArgs,
    complained: Option<String>,
    redaction: Option<(String, String)>,
) -> Result<()> {
    if redaction.is_some() && case.privacy == i32::from(Privacy::Confidential) {
        return Err(
            CtlError::usage("the reporter asked for confidentiality: nothing of the report becomes public")
                .next("leave the redaction out"),
        );
    }
    let redaction = match redaction {
        None => None,
        Some((title, body)) => {
            let request = StoreTextRequest {
                idempotency_key: context.part_key("redaction"),
                report_id: first_report(&case)?.to_owned(),
                kind: "redaction".to_owned(),
                body,
                title,
                ..StoreTextRequest::default()
            };
            Some(store_text(&context.platform, context.position()?, request).await?)
        }
    };
    let command = Verify {
        kind: class.kind.map_or(case.kind, |kind| ReportKind::from(kind).into()),
        supervisory: class.supervisory.unwrap_or(case.supervisory),
        category_code: class.category.unwrap_or(case.category_code),
        region_code: class.region.unwrap_or(case.region_code),
        complained_opd: complained.unwrap_or(case.complained_opd),
        redaction,
    };
    context.execute(case.case_id, Command::Verify(command)).await
}

/// A verifier's at verification, an agency's through its desk.
async fn request_completion(context: &Context, case: &str, text: &str) -> Result<()> {
    let directory = context.platform.directory().await?;
    if !directory.is_central(context.position()?) {
        let command = Command::AgencyRequestCompletion(AgencyRequestCompletion::default());
        return desk::submit(context, case, command, words(text)?, Vec::new()).await;
    }
    let case = context.case(case).await?;
    let question = context.seal(&case, "completion_request", Some(words(text)?)).await?;
    context
        .execute(case.case_id, Command::RequestCompletion(RequestCompletion { question }))
        .await
}
