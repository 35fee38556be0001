//! How agencies and officials do: scores, the breaches behind them, evaluation cases.

use tuntas_proto::evaluation::v1::{
    DecideRequest, ListBreachesRequest, ListEvaluationCasesRequest, ListScoresRequest, Ratio, ReplyRequest, Score,
};

use super::{Context, words};
use crate::{error::Result, platform::Who, render, rpc, wib};

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum ScoresCommand {
    /// Scores of a period
    Scores {
        /// Which figures.
        #[command(flatten)]
        of: PeriodArgs,
    },
    /// Every breach behind a figure
    Breaches {
        /// Which figures.
        #[command(flatten)]
        of: PeriodArgs,
    },
    /// Evaluation cases against officials
    Evaluations {
        /// Only of this position
        #[arg(long, default_value = "")]
        position: String,
        /// Only what is open
        #[arg(long)]
        open: bool,
    },
    /// Reply to an evaluation case (hak jawab of the official concerned)
    Reply {
        /// Evaluation case
        evaluation_case: String,
        /// Words; `-` reads standard input, `@FILE` a file
        #[arg(long)]
        text: String,
    },
    /// Decide an evaluation case (director; patron for echelon II)
    Decide {
        /// Evaluation case
        evaluation_case: String,
        /// Measure
        #[arg(long, value_parser = ["none", "guidance", "written_warning", "referral_art_54"])]
        measure: String,
        /// Reasons
        #[arg(long)]
        reason: String,
    },
}

/// Which figures.
#[derive(Debug, clap::Args)]
pub struct PeriodArgs {
    /// 2026-11, 2026-Q4 or 2026, WIB [default: this month]
    #[arg(long)]
    period: Option<String>,
    /// Per agency or per position
    #[arg(long, default_value = "opd", value_parser = ["opd", "position"])]
    per: String,
    /// Only this agency or position
    #[arg(long, default_value = "")]
    of: String,
}

/// Runs a command of this group.
///
/// # Errors
/// What evaluation says.
pub async fn run(command: ScoresCommand, context: &Context) -> Result<()> {
    let platform = &context.platform;
    let this_month = || wib::iso_date(platform.now()).chars().take(7).collect::<String>();
    match command {
        ScoresCommand::Scores { of } => {
            let request = ListScoresRequest {
                period: of.period.unwrap_or_else(this_month),
                per: of.per,
                subject_id: of.of,
            };
            let response = rpc!(platform, context.reader(), evaluation().list_scores(request))?;
            context.screen.show(&response, |list| {
                let rows: Vec<_> = list.scores.iter().map(score_row).collect();
                let heads = [
                    "",
                    "RECEIVED",
                    "CLOSED",
                    "OPEN",
                    "OVERDUE",
                    "VERIFIED",
                    "ACCEPTED",
                    "RESPONDED",
                    "RESOLVED",
                    "MEDIAN",
                    "P90",
                    "RATING",
                    "POINTS",
                    "PREDIKAT",
                ];
                format!(
                    "{}\n\nat log position {}, policy {}",
                    render::table(&heads, &rows),
                    list.log_position,
                    list.policy_version
                )
            })
        }
        ScoresCommand::Breaches { of } => {
            let request = ListBreachesRequest {
                period: of.period.unwrap_or_else(this_month),
                per: of.per,
                subject_id: of.of,
            };
            let response = rpc!(platform, context.reader(), evaluation().list_breaches(request))?;
            context.screen.show(&response, |list| {
                let rows = list.breaches.iter().map(|breach| {
                    let mended = if breach.corrected { "corrected" } else { "" };
                    vec![
                        breach.case_id.clone(),
                        breach.clock_kind.clone(),
                        render::at(breach.due_at.as_ref()),
                        render::at(breach.stopped_at.as_ref()),
                        breach.opd_code.clone(),
                        breach.position_id.clone(),
                        breach.holder_id.clone(),
                        breach.log_position.to_string(),
                        mended.to_owned(),
                    ]
                });
                let heads = [
                    "CASE", "CLOCK", "DUE", "STOPPED", "OPD", "POSITION", "HOLDER", "LOG", "",
                ];
                render::table(&heads, &rows.collect::<Vec<_>>())
            })
        }
        ScoresCommand::Evaluations { position, open } => evaluations(context, position, open).await,
        ScoresCommand::Reply { evaluation_case, text } => {
            let request = ReplyRequest {
                idempotency_key: context.key.clone(),
                evaluation_case_id: evaluation_case,
                text: words(&text)?,
            };
            let response = rpc!(
                platform,
                Who::Position(context.position()?),
                evaluation().reply(request)
            )?;
            context.screen.show(&response, |_| "hak jawab tersimpan".to_owned())
        }
        ScoresCommand::Decide {
            evaluation_case,
            measure,
            reason,
        } => {
            let request = DecideRequest {
                idempotency_key: context.key.clone(),
                evaluation_case_id: evaluation_case,
                measure,
                reason: words(&reason)?,
            };
            let response = rpc!(
                platform,
                Who::Position(context.position()?),
                evaluation().decide(request)
            )?;
            context.screen.show(&response, |_| "keputusan tersimpan".to_owned())
        }
    }
}

async fn evaluations(context: &Context, position_id: String, open_only: bool) -> Result<()> {
    let request = ListEvaluationCasesRequest { position_id, open_only };
    let response = rpc!(
        context.platform,
        context.reader(),
        evaluation().list_evaluation_cases(request)
    )?;
    let now = context.platform.now();
    context.screen.show(&response, |list| {
        let rows = list.cases.iter().map(|case| {
            let due = if case.status == "opened" {
                &case.reply_due_at
            } else {
                &case.decision_due_at
            };
            vec![
                case.evaluation_case_id.clone(),
                case.position_id.clone(),
                case.holder_id.clone(),
                case.month.clone(),
                format!("{} {}", case.status, case.measure),
                case.case_ids.len().to_string(),
                render::due(due.as_ref(), now),
            ]
        });
        render::table(
            &[
                "EVALUATION CASE",
                "POSITION",
                "HOLDER",
                "MONTH",
                "STATUS",
                "CASES",
                "DUE",
            ],
            &rows.collect::<Vec<_>>(),
        )
    })
}

fn score_row(score: &Score) -> Vec<String> {
    let rating = if score.ratings == 0 {
        "-".to_owned()
    } else {
        format!(
            "{}.{:02} (n={})",
            score.rating_hundredths / 100,
            score.rating_hundredths % 100,
            score.ratings
        )
    };
    let seconds = |seconds: u64| wib::duration(i64::try_from(seconds).unwrap_or(i64::MAX));
    vec![
        score.subject_id.clone(),
        score.received.to_string(),
        score.closed.to_string(),
        score.open.to_string(),
        score.overdue.to_string(),
        ratio(score.verification_on_time.as_ref()),
        ratio(score.acceptance_on_time.as_ref()),
        ratio(score.first_response_on_time.as_ref()),
        ratio(score.resolution_on_time.as_ref()),
        seconds(score.charged_median_s),
        seconds(score.charged_p90_s),
        rating,
        score.points.to_string(),
        score.predicate.clone(),
    ]
}

/// A rate with its n; never a rate alone.
fn ratio(ratio: Option<&Ratio>) -> String {
    match ratio {
        Some(ratio) if ratio.all > 0 => format!("{}/{} ({}%)", ratio.kept, ratio.all, ratio.kept * 100 / ratio.all),
        _ => "-".to_owned(),
    }
}
