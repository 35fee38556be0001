//! What the data centre does: status, doctor, dead letters, the demo clock.

use prost::Message as _;
use serde_json::json;
use time::Duration;
use tuntas_proto::{
    event::v1::Event,
    ops::v1::{DeadLetter, ListDeadLettersRequest, ReplayDeadLettersRequest},
};

use super::{Context, doctor};
use crate::{
    error::{CtlError, Exit, Result},
    platform::Who,
    quiet, render, rpc, wib,
};

const LETTERS_MAX: u32 = 200;

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum OperatorCommand {
    /// What every process says of itself
    Status,
    /// Look for what is wrong, and say what to do
    Doctor,
    /// Messages that were given up
    #[command(subcommand)]
    Dead(DeadCommand),
    /// The demo clock
    #[command(subcommand)]
    Clock(ClockCommand),
}

/// Subcommands of `dead`.
#[derive(Debug, clap::Subcommand)]
pub enum DeadCommand {
    /// List them
    List {
        /// Only of this queue
        #[arg(long)]
        queue: Option<String>,
    },
    /// Show one with its event
    Show {
        /// Event
        event_id: String,
    },
    /// Put them back into their queue
    Replay {
        /// Queue
        queue: String,
        /// Events [default: all]
        event_ids: Vec<String>,
    },
}

/// Subcommands of `clock`.
#[derive(Debug, clap::Subcommand)]
pub enum ClockCommand {
    /// Show the platform's time
    Show,
    /// Move every process's clock, once nothing is under way
    Advance {
        /// To this date or instant
        #[arg(long, group = "target")]
        to: Option<String>,
        /// By so many hours
        #[arg(long, group = "target")]
        hours: Option<i64>,
        /// Go on with real time from now on
        #[arg(long, group = "target")]
        real: bool,
        /// Wait at most this long for what is under way, before and after
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        within: u64,
    },
}

/// Runs a command of this group.
///
/// # Errors
/// A process does not answer, or the doctor finds something.
pub async fn run(command: OperatorCommand, context: &Context) -> Result<()> {
    match command {
        OperatorCommand::Status => status(context).await,
        OperatorCommand::Doctor => doctor::run(context).await,
        OperatorCommand::Dead(DeadCommand::List { queue }) => list(context, queue).await,
        OperatorCommand::Dead(DeadCommand::Show { event_id }) => show(context, &event_id).await,
        OperatorCommand::Dead(DeadCommand::Replay { queue, event_ids }) => replay(context, queue, event_ids).await,
        OperatorCommand::Clock(ClockCommand::Show) => clock_show(context),
        OperatorCommand::Clock(ClockCommand::Advance {
            to,
            hours,
            real,
            within,
        }) => advance(context, to, hours, real, within).await,
    }
}

async fn status(context: &Context) -> Result<()> {
    let processes = quiet::statuses(&context.platform).await;
    let away = processes.iter().filter(|process| process.answer.is_err()).count();
    let value: Vec<serde_json::Value> = processes
        .iter()
        .map(|process| match &process.answer {
            Ok(status) => Ok(json!({"process": process.name, "url": process.url, "status": render::to_json(status)?})),
            Err(error) => Ok(json!({"process": process.name, "url": process.url, "error": error.to_string()})),
        })
        .collect::<Result<_>>()?;
    context.screen.show_value(&serde_json::Value::Array(value), || {
        let rows = processes.iter().map(|process| match &process.answer {
            Ok(status) => {
                let queues = status.queues.iter().filter(|queue| queue.ready + queue.dead > 0);
                let queues: Vec<String> = queues
                    .map(|queue| format!("{} {}+{} dead", queue.queue, queue.ready, queue.dead))
                    .collect();
                vec![
                    process.name.clone(),
                    status.version.clone(),
                    if status.broker_connected { "yes" } else { "no" }.to_owned(),
                    status.outbox_depth.to_string(),
                    status.work_pending.to_string(),
                    queues.join(", "),
                    render::at(status.now.as_ref()),
                ]
            }
            Err(error) => vec![
                process.name.clone(),
                String::new(),
                "AWAY".to_owned(),
                String::new(),
                String::new(),
                error.to_string(),
                String::new(),
            ],
        });
        render::table(
            &["PROCESS", "VERSION", "BROKER", "OUTBOX", "PENDING", "QUEUES", "TIME"],
            &rows.collect::<Vec<_>>(),
        )
    })?;
    if away > 0 {
        return Err(CtlError::new(
            Exit::Unavailable,
            format!("{away} of {} processes do not answer", processes.len()),
        )
        .next("their logs are in logs/ of the state folder; `tuntas doctor` says more"));
    }
    Ok(())
}

/// Queues of a process that can hold dead letters, with the process's address.
async fn queues(context: &Context, wanted: Option<&str>) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for process in quiet::statuses(&context.platform).await {
        for queue in process.answer?.queues {
            if wanted.map_or(queue.dead > 0, |wanted| wanted == queue.queue) {
                found.push((process.url.clone(), queue.queue));
            }
        }
    }
    Ok(found)
}

/// Every dead letter, of one queue or of all.
///
/// # Errors
/// A process does not answer.
async fn letters(context: &Context, wanted: Option<&str>) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    for (url, queue) in queues(context, wanted).await? {
        let request = ListDeadLettersRequest {
            queue,
            limit: LETTERS_MAX,
        };
        letters.extend(rpc!(context.platform, Who::Operator, ops(&url).list_dead_letters(request))?.letters);
    }
    Ok(letters)
}

async fn list(context: &Context, queue: Option<String>) -> Result<()> {
    let letters = letters(context, queue.as_deref()).await?;
    let response = tuntas_proto::ops::v1::ListDeadLettersResponse { letters };
    context.screen.show(&response, |response| {
        if response.letters.is_empty() {
            return "no dead letters".to_owned();
        }
        let rows = response.letters.iter().map(|letter| {
            vec![
                letter.queue.clone(),
                letter.event_id.clone(),
                letter.r#type.clone(),
                letter.reason.clone(),
                letter.tries.to_string(),
                render::at(letter.died_at.as_ref()),
            ]
        });
        render::table(
            &["QUEUE", "EVENT", "TYPE", "REASON", "TRIES", "DIED"],
            &rows.collect::<Vec<_>>(),
        )
    })
}

async fn show(context: &Context, event_id: &str) -> Result<()> {
    let found = letters(context, None)
        .await?
        .into_iter()
        .find(|letter| letter.event_id == event_id);
    let letter = found.ok_or_else(|| {
        CtlError::new(Exit::NotFound, format!("no dead letter {event_id}")).next("`tuntas dead list` lists them")
    })?;
    let event = match Event::decode(letter.body.as_slice()) {
        Ok(event) => render::to_json(&event)?,
        Err(error) => json!({"not_an_event": error.to_string(), "bytes": hex::encode(&letter.body)}),
    };
    let value = json!({"queue": letter.queue, "reason": letter.reason, "tries": letter.tries, "event": event});
    context
        .screen
        .show_value(&value, || serde_json::to_string_pretty(&value).unwrap_or_default())
}

async fn replay(context: &Context, queue: String, event_ids: Vec<String>) -> Result<()> {
    let owner = queues(context, Some(&queue)).await?.into_iter().next();
    let (url, _) = owner.ok_or_else(|| {
        CtlError::new(Exit::NotFound, format!("no process has a queue {queue}"))
            .next("`tuntas status` lists the queues")
    })?;
    let request = ReplayDeadLettersRequest { queue, event_ids };
    let response = rpc!(context.platform, Who::Operator, ops(&url).replay_dead_letters(request))?;
    context
        .screen
        .show(&response, |response| format!("{} put back", response.replayed))
}

fn clock_show(context: &Context) -> Result<()> {
    let platform = &context.platform;
    let (now, demo) = (platform.now(), platform.clock().is_demo());
    let value = json!({"now": tuntas_time(now), "demo": demo});
    context.screen.show_value(&value, || {
        format!("{}{}", wib::instant(now), if demo { " (demo clock)" } else { "" })
    })
}

fn tuntas_time(at: time::OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

async fn advance(context: &Context, to: Option<String>, hours: Option<i64>, real: bool, within: u64) -> Result<()> {
    let platform = &context.platform;
    let target = match (to, hours) {
        (Some(text), _) => wib::parse_instant(&text).ok_or_else(|| {
            CtlError::usage(format!("--to: {text} is neither a date nor an instant"))
                .next("write 2026-11-20, or 2026-11-20T08:00:00+07:00")
        })?,
        (None, Some(hours)) => platform.now() + Duration::hours(hours),
        (None, None) if real => platform.now(),
        (None, None) => return Err(CtlError::usage("to when?").next("say --to DATE, --hours N or --real")),
    };
    let within = std::time::Duration::from_secs(within);
    quiet::settle(platform, within).await?;
    quiet::advance(platform, target, real).await?;
    quiet::settle(platform, within).await?;
    clock_show(context)
}
