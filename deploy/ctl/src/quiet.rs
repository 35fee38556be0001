//! The platform as a whole: what every process says of itself, moving all clocks together, waiting until all is done.

use std::time::{Duration, Instant};

use futures::future::join_all;
use time::OffsetDateTime;
use tuntas_proto::{
    evaluation::v1::ListScoresRequest,
    ops::v1::{AdvanceClockRequest, GetStatusRequest, GetStatusResponse},
    oversight::v1::GetHeadRequest,
    wire_time,
};

use crate::{
    endpoints::{WITHOUT_BROKER, WITHOUT_DIRECTORY},
    error::{CtlError, Exit, Result},
    platform::{Platform, Who},
    rpc, wib,
};

const POLL_WAIT: Duration = Duration::from_millis(15);
const POLL_WAIT_MAX: Duration = Duration::from_millis(200);

/// What one process says of itself, or why it does not.
pub struct ProcessStatus {
    /// Name of the process.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its answer.
    pub answer: Result<GetStatusResponse>,
}

/// What keeps the platform busy; empty when nothing does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Busy {
    /// One reason each, such as `intake: 3 in outbox`.
    pub reasons: Vec<String>,
}

/// Asks every process for its status, at once.
pub async fn statuses(platform: &Platform) -> Vec<ProcessStatus> {
    let asked = platform.endpoints().processes().map(|(name, url)| async move {
        let answer = status(platform, url).await;
        ProcessStatus {
            name: name.to_owned(),
            url: url.to_owned(),
            answer,
        }
    });
    join_all(asked).await
}

async fn status(platform: &Platform, url: &str) -> Result<GetStatusResponse> {
    rpc!(platform, Who::Operator, ops(url).get_status(GetStatusRequest {}))
}

/// Looks once whether anything is under way anywhere.
///
/// # Errors
/// A process does not answer within the platform's patience.
pub async fn busy(platform: &Platform) -> Result<(Busy, u64)> {
    let mut reasons = Vec::new();
    let mut extents = Vec::new();
    for process in statuses(platform).await {
        let status = process.answer?;
        let name = &process.name;
        if !status.broker_connected && !WITHOUT_BROKER.contains(&name.as_str()) {
            reasons.push(format!("{name}: no connection to the broker"));
        }
        if status.outbox_depth > 0 {
            reasons.push(format!("{name}: {} in outbox", status.outbox_depth));
        }
        if status.work_pending > 0 {
            reasons.push(format!("{name}: {} due or unsent", status.work_pending));
        }
        let under_way = status.queues.iter().map(|queue| (queue.ready + queue.in_flight, queue));
        let queues = under_way.filter(|(messages, _)| *messages > 0);
        reasons.extend(queues.map(|(messages, queue)| format!("{name}: {messages} in {}", queue.queue)));
        extents.push((name.clone(), status.directory_seq, status.directory_entries));
    }
    reasons.extend(behind_the_directory(&extents));
    let (behind, size) = behind_the_feed(platform).await?;
    reasons.extend(behind);
    Ok((Busy { reasons }, size))
}

/// Replicas of the directory that do not have yet what routing has: name, latest sequence, number of entries.
fn behind_the_directory(extents: &[(String, u64, u64)]) -> Vec<String> {
    let Some((_, seq, entries)) = extents.iter().find(|(name, ..)| name == "routing") else {
        return Vec::new();
    };
    extents
        .iter()
        .filter(|(name, ..)| !WITHOUT_DIRECTORY.contains(&name.as_str()))
        .filter(|(_, own_seq, own_entries)| own_seq < seq || own_entries < entries)
        .map(|(name, _, own_entries)| format!("{name}: {own_entries} of {entries} directory entries"))
        .collect()
}

/// Waits until every process has the whole directory.
///
/// # Errors
/// A replica is still behind at the end of `patience`; the message names it.
pub async fn settle_directory(platform: &Platform, patience: Duration) -> Result<()> {
    let started = Instant::now();
    loop {
        let (mut extents, mut behind) = (Vec::new(), Vec::new());
        for process in statuses(platform).await {
            match process.answer {
                Ok(status) => extents.push((process.name, status.directory_seq, status.directory_entries)),
                Err(error) if error.exit() == Exit::Unavailable => behind.push(format!("{}: {error}", process.name)),
                Err(error) => return Err(error),
            }
        }
        behind.extend(behind_the_directory(&extents));
        if behind.is_empty() {
            return Ok(());
        }
        if started.elapsed() > patience {
            return Err(CtlError::new(Exit::Unavailable, behind.join("; "))
                .next("`tuntas doctor` shows which service does not hear routing"));
        }
        tokio::time::sleep(POLL_WAIT_MAX).await;
    }
}

/// What is held back from the feed, or not yet read from it; with the feed's size.
async fn behind_the_feed(platform: &Platform) -> Result<(Vec<String>, u64)> {
    let mut reasons = Vec::new();
    let head = rpc!(platform, Who::Operator, feed().get_head(GetHeadRequest {}))?;
    if head.held_back > 0 {
        reasons.push(format!("oversight: {} held back", head.held_back));
    }
    let scores = ListScoresRequest {
        period: evaluation_period(platform.now()),
        per: "opd".to_owned(),
        subject_id: "-".to_owned(),
    };
    let evaluated = rpc!(platform, Who::Operator, evaluation().list_scores(scores)).map(|list| list.log_position);
    if let Ok(position) = evaluated
        && position < head.size
    {
        reasons.push(format!("evaluation: {} behind the feed", head.size - position));
    }
    Ok((reasons, head.size))
}

fn evaluation_period(at: OffsetDateTime) -> String {
    wib::iso_date(at).chars().take(7).collect()
}

/// Waits until nothing is under way: outboxes, queues, due timers and unsent deliveries empty, evaluation at the
/// feed's head, and the feed unchanged a moment later. Gives the feed's size.
///
/// # Errors
/// Something is still under way at the deadline; the message says what.
pub async fn settle(platform: &Platform, within: Duration) -> Result<u64> {
    let started = Instant::now();
    let mut wait = POLL_WAIT;
    loop {
        let what = match busy(platform).await {
            Ok((busy, size)) if busy.reasons.is_empty() => {
                // A message that a handler held in its hands is in no queue: what came of it shows in the feed.
                tokio::time::sleep(POLL_WAIT).await;
                let (still, size_now) = behind_the_feed(platform).await?;
                if still.is_empty() && size == size_now {
                    return Ok(size);
                }
                wait = POLL_WAIT;
                "the feed still grows".to_owned()
            }
            Ok((busy, _)) => busy.reasons.join("; "),
            // A process is being started again: the same as busy.
            Err(error) if error.exit() == Exit::Unavailable => error.to_string(),
            Err(error) => return Err(error),
        };
        if started.elapsed() >= within {
            return Err(CtlError::new(
                Exit::Unavailable,
                format!("not quiet within {} s: {what}", within.as_secs()),
            )
            .next("`tuntas status` shows outboxes and queues, `tuntas dead list` what was given up"));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(POLL_WAIT_MAX);
    }
}

/// Moves the clock of every process to `to`, routing's last: what falls due there meets processes that are there
/// already. At or after real time all of them go on with real time.
///
/// # Errors
/// A process does not run in demo mode, or does not answer within the platform's patience.
pub async fn advance(platform: &Platform, to: OffsetDateTime, follow_real_time: bool) -> Result<()> {
    for (name, url) in platform.endpoints().processes() {
        let request = AdvanceClockRequest {
            to: Some(wire_time::timestamp(to)),
            follow_real_time,
        };
        match rpc!(platform, Who::Operator, ops(url).advance_clock(request)) {
            Ok(_) => {}
            // One that was started again meanwhile has read the new time from the clock file: ours looks old to it.
            Err(error) if error.code() == Some("assertion_expired") && is_there(platform, url, to).await? => {}
            Err(error) => {
                let code = error.code().unwrap_or_default();
                return Err(CtlError::new(error.exit(), format!("{name}: {error}")).with_code(code));
            }
        }
    }
    let moved = if follow_real_time {
        platform.clock().follow_real_time()
    } else {
        platform.clock().advance_to(to)
    };
    moved.map(|_| ()).map_err(|error| CtlError::failure("own clock", error))
}

async fn is_there(platform: &Platform, url: &str, to: OffsetDateTime) -> Result<bool> {
    let now = status(platform, url).await?.now.as_ref().and_then(wire_time::instant);
    Ok(now.is_some_and(|now| now >= to))
}
