//! The Ombudsman's acts and the feed.

use prost::Message as _;
use tuntas_proto::{
    case::v1::case_command::{Command, HandBack, Reopen, TakeOver},
    event::v1::{Event, event::Payload},
    oversight::v1::{ActRequest, AnswerActRequest, CloseActRequest, FeedEntry, FollowRequest, ListActsRequest},
};

use super::{Context, centre::case_and_text, words};
use crate::{
    error::{CtlError, Result},
    labels::{self, JudgementArg},
    platform::Who,
    render, rpc,
};

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum OmbudsmanCommand {
    /// Ask an agency for an explanation
    Explain(ActArgs),
    /// Recommend a corrective action
    Recommend(ActArgs),
    /// Comment on a case
    Comment(ActArgs),
    /// Say what an agency replies to an act, or that a recommendation was carried out
    AnswerAct {
        /// Act
        act: String,
        /// Case that the act is about: id or ticket
        #[arg(long)]
        case: String,
        /// Words
        #[arg(long)]
        text: String,
        /// The recommendation was carried out
        #[arg(long)]
        implemented: bool,
    },
    /// Close an act with a judgement
    CloseAct {
        /// Act
        act: String,
        /// Case that the act is about: id or ticket
        #[arg(long)]
        case: String,
        /// What the Ombudsman finds
        #[arg(long)]
        judgement: JudgementArg,
        /// Why; `-` reads standard input, `@FILE` a file
        #[arg(long)]
        text: String,
    },
    /// Acts of a case, or of all
    Acts {
        /// Case id or ticket
        case: Option<String>,
        /// Only what is open
        #[arg(long)]
        open: bool,
    },
    /// Reopen a closed case
    Reopen {
        /// Case id or ticket
        case: String,
        /// Reason
        #[arg(long)]
        reason: String,
    },
    /// Take a case over
    TakeOver {
        /// Case id or ticket
        case: String,
    },
    /// Hand a case back
    HandBack {
        /// Case id or ticket
        case: String,
    },
    /// The log of everything
    #[command(subcommand)]
    Feed(FeedCommand),
}

/// An act of the Ombudsman.
#[derive(Debug, clap::Args)]
pub struct ActArgs {
    /// Case id or ticket
    case: String,
    /// Words; `-` reads standard input, `@FILE` a file
    #[arg(long)]
    text: String,
    /// Agency that it is addressed to [default: the one that leads the case]
    #[arg(long)]
    opd: Option<String>,
}

/// Subcommands of `feed`.
#[derive(Debug, clap::Subcommand)]
pub enum FeedCommand {
    /// Show every entry from a position on, then live
    Follow {
        /// First position
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Stop at the head instead of going on live
        #[arg(long)]
        until_head: bool,
    },
    /// Size of the log and its chain hash
    Head,
}

/// Runs a command of this group.
///
/// # Errors
/// What the services say.
pub async fn run(command: OmbudsmanCommand, context: &Context) -> Result<()> {
    match command {
        OmbudsmanCommand::Explain(args) => act(context, "explanation_request", args).await,
        OmbudsmanCommand::Recommend(args) => act(context, "recommendation", args).await,
        OmbudsmanCommand::Comment(args) => act(context, "comment", args).await,
        OmbudsmanCommand::AnswerAct {
            act,
            case,
            text,
            implemented,
        } => {
            let (_, text) = case_and_text(context, &case, "explanation", Some(&text)).await?;
            let request = AnswerActRequest {
                idempotency_key: context.key.clone(),
                act_id: act,
                text,
                implemented,
            };
            let response = rpc!(
                context.platform,
                Who::Position(context.position()?),
                oversight().answer_act(request)
            )?;
            context.screen.show(&response, |_| "stored".to_owned())
        }
        OmbudsmanCommand::CloseAct {
            act,
            case,
            judgement,
            text,
        } => {
            let (_, text) = case_and_text(context, &case, "reason", Some(&text)).await?;
            let request = CloseActRequest {
                idempotency_key: context.key.clone(),
                act_id: act,
                judgement: judgement.code().to_owned(),
                text,
            };
            let response = rpc!(
                context.platform,
                Who::Position(context.position()?),
                oversight().close_act(request)
            )?;
            context.screen.show(&response, |_| "closed".to_owned())
        }
        OmbudsmanCommand::Acts { case, open } => acts(context, case, open).await,
        OmbudsmanCommand::Reopen { case, reason } => {
            let (case_id, reason) = case_and_text(context, &case, "reason", Some(&reason)).await?;
            context.execute(case_id, Command::Reopen(Reopen { reason })).await
        }
        OmbudsmanCommand::TakeOver { case } => {
            context
                .execute(context.case_id(&case).await?, Command::TakeOver(TakeOver {}))
                .await
        }
        OmbudsmanCommand::HandBack { case } => {
            context
                .execute(context.case_id(&case).await?, Command::HandBack(HandBack {}))
                .await
        }
        OmbudsmanCommand::Feed(FeedCommand::Follow { from, until_head }) => follow(context, from, until_head).await,
        OmbudsmanCommand::Feed(FeedCommand::Head) => {
            let request = tuntas_proto::oversight::v1::GetHeadRequest {};
            let head = rpc!(context.platform, context.reader(), feed().get_head(request))?;
            context.screen.show(&head, |head| {
                format!(
                    "{} entries, chain hash {}, {} held back",
                    head.size,
                    hex::encode(&head.chain_hash),
                    head.held_back
                )
            })
        }
    }
}

async fn act(context: &Context, kind: &str, args: ActArgs) -> Result<()> {
    let case = context.case(&args.case).await?;
    let text_kind = if kind == "recommendation" {
        "recommendation"
    } else {
        "explanation"
    };
    let text = context.seal(&case, text_kind, Some(words(&args.text)?)).await?;
    let addressed_opd = args.opd.unwrap_or(case.lead_opd);
    if addressed_opd.is_empty() && kind != "comment" {
        return Err(CtlError::usage("no agency leads this case").next("say with --opd whom it is addressed to"));
    }
    let request = ActRequest {
        idempotency_key: context.key.clone(),
        case_id: case.case_id,
        kind: kind.to_owned(),
        addressed_opd,
        text,
    };
    let response = rpc!(
        context.platform,
        Who::Position(context.position()?),
        oversight().act(request)
    )?;
    let now = context.platform.now();
    context.screen.show(&response, |response| {
        format!(
            "act {}, due {}",
            response.act_id,
            render::due(response.due_at.as_ref(), now)
        )
    })
}

async fn acts(context: &Context, case: Option<String>, open_only: bool) -> Result<()> {
    let case_id = match case {
        Some(case) => context.case_id(&case).await?,
        None => String::new(),
    };
    let request = ListActsRequest { case_id, open_only };
    let response = rpc!(context.platform, context.reader(), oversight().list_acts(request))?;
    let now = context.platform.now();
    context.screen.show(&response, |response| {
        let rows = response.acts.iter().map(|act| {
            let due = render::due(act.due_at.as_ref(), now);
            vec![
                act.act_id.clone(),
                act.case_id.clone(),
                act.kind.clone(),
                act.addressed_opd.clone(),
                act.status.clone(),
                act.judgement.clone(),
                due,
            ]
        });
        render::table(
            &["ACT", "CASE", "KIND", "TO", "STATUS", "JUDGEMENT", "DUE"],
            &rows.collect::<Vec<_>>(),
        )
    })
}

async fn follow(context: &Context, from: u64, until_head: bool) -> Result<()> {
    let request = FollowRequest {
        from_position: from,
        until_head,
    };
    // An entry that was shown is not asked for again: each read of the Ombudsman is logged.
    let mut stream = rpc!(context.platform, context.reader(), feed().follow(request))?;
    while let Some(entry) = stream.message().await? {
        let event = Event::decode(entry.event.as_slice()).map_err(|e| CtlError::failure("feed entry", e))?;
        if context.screen.is_json() {
            let value = serde_json::json!({
                "position": entry.position,
                "leaf_hash": hex::encode(&entry.leaf_hash),
                "chain_hash": hex::encode(&entry.chain_hash),
                "event": render::to_json(&event)?,
            });
            context.screen.show_value(&value, String::new)?;
        } else {
            context.screen.text(&feed_line(&entry, &event))?;
        }
    }
    Ok(())
}

fn feed_line(entry: &FeedEntry, event: &Event) -> String {
    let actor = event.actor.clone().unwrap_or_default();
    let by = if actor.position_id.is_empty() {
        actor.via
    } else {
        actor.position_id
    };
    let state = match &event.payload {
        Some(Payload::CaseEvent(case_event)) => {
            let case = case_event.case.clone().unwrap_or_default();
            let details = case_event.details.clone().unwrap_or_default();
            format!(
                "{} {} {} {}",
                labels::state_and_outcome(case.state, case.outcome),
                case.lead_opd,
                details.clock_kind,
                details.rung
            )
        }
        Some(Payload::CommandRefused(refused)) => refused.code.clone(),
        Some(Payload::AnswerFoundNearCopy(found)) => format!("{} {} %", found.opd_code, found.similarity),
        _ => String::new(),
    };
    format!(
        "{:>7}  {}  {}  {}  {by}  {}",
        entry.position,
        render::at(event.occurred_at.as_ref()),
        event.aggregate_id,
        event.r#type,
        state.trim_end()
    )
}
