//! How many reports a running platform takes, and how long a report takes from filing to its agency's desk.
//!
//! `cargo run --example filing_rate -p tuntas-tests -- [STATE_DIR] [SECONDS]` against a platform started by `deploy/up`.
//! For 1, 8 and 32 clients it files for SECONDS (default 10) as fast as answers come, then sends reports through
//! filing, verification and disposition until the desk shows them. Rough: a closed loop on a machine that also runs the
//! platform. It leaves its reports behind.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tuntas_ctl::{
    commands::execute,
    platform::{Platform, Who, fresh_key},
    rpc,
};
use tuntas_proto::{
    case::v1::{
        Privacy, ReportKind,
        case_command::{Command, Dispose, Verify},
    },
    desk::v1::GetCaseRequest as DeskCaseRequest,
    intake::v1::{FileReportRequest, FileReportResponse},
    routing::v1::GetCaseRequest,
};
use tuntas_tests::times::percentile_ms;

const CLIENTS: [usize; 3] = [1, 8, 32];
const JOURNEYS_PER_CLIENT: usize = 4;
const PATIENCE: Duration = Duration::from_secs(30);
const VERIFIER: &str = "diskominfotik.verifikator-1";
const LIAISON: &str = "dishub.sekretaris";
const AGENCY: &str = "dishub";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let home = std::env::var("HOME").unwrap_or_default();
    let state = arguments
        .next()
        .or_else(|| std::env::var("TUNTAS_STATE").ok())
        .unwrap_or_else(|| format!("{home}/.local/state/tuntas"));
    let seconds = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let platform = Arc::new(Platform::open(&PathBuf::from(state), PATIENCE)?);
    println!("clients  filings/s  accept p50 ms  p99 ms  filing to desk p50 ms  max ms");
    for clients in CLIENTS {
        let (filed, mut accepts) = filings(&platform, clients, Duration::from_secs(seconds)).await?;
        let mut journeys = journeys(&platform, clients).await?;
        println!(
            "{clients:>7}  {:>9.0}  {:>13.1}  {:>6.1}  {:>21.0}  {:>6.0}",
            filed,
            percentile_ms(&mut accepts, 50),
            percentile_ms(&mut accepts, 99),
            percentile_ms(&mut journeys, 50),
            percentile_ms(&mut journeys, 100),
        );
    }
    Ok(())
}

/// Files in a closed loop; answers filings a second and how long each took.
async fn filings(platform: &Arc<Platform>, clients: usize, length: Duration) -> anyhow::Result<(f64, Vec<Duration>)> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let platform = Arc::clone(platform);
            tokio::spawn(async move {
                let mut took = Vec::new();
                while started.elapsed() < length {
                    let begun = Instant::now();
                    file(&platform, client, took.len()).await?;
                    took.push(begun.elapsed());
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    let rate = f64::from(u32::try_from(all.len())?) / started.elapsed().as_secs_f64();
    Ok((rate, all))
}

async fn journeys(platform: &Arc<Platform>, clients: usize) -> anyhow::Result<Vec<Duration>> {
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let platform = Arc::clone(platform);
            tokio::spawn(async move {
                let mut took = Vec::new();
                for number in 0..JOURNEYS_PER_CLIENT {
                    took.push(journey(&platform, client, number).await?);
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

/// One report from filing until the agency's desk shows it, verified and disposed as soon as each can be.
async fn journey(platform: &Platform, client: usize, number: usize) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let filed = file(platform, client, number).await?;
    let case_id = opened(platform, &filed.report_id, begun).await?;
    let verify = Verify {
        kind: ReportKind::Complaint.into(),
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        ..Verify::default()
    };
    let dispose = Dispose {
        lead_opd: AGENCY.to_owned(),
        ..Dispose::default()
    };
    for command in [Command::Verify(verify), Command::Dispose(dispose)] {
        execute(platform, VERIFIER, &fresh_key(), case_id.clone(), command).await?;
    }
    let request = DeskCaseRequest {
        opd_code: AGENCY.to_owned(),
        case_id,
        at_least_seq: 3,
    };
    loop {
        let request = request.clone();
        match rpc!(platform, Who::Position(LIAISON), desk(AGENCY).get_case(request)) {
            Ok(_) => return Ok(begun.elapsed()),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error).context("the desk does not show the case"),
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

async fn opened(platform: &Platform, report_id: &str, begun: Instant) -> anyhow::Result<String> {
    loop {
        let request = GetCaseRequest {
            report_id: report_id.to_owned(),
            ..GetCaseRequest::default()
        };
        match rpc!(platform, Who::Position(VERIFIER), cases().get_case(request)) {
            Ok(found) => return Ok(found.case.unwrap_or_default().case_id),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error).context("routing does not open the case"),
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

async fn file(platform: &Platform, client: usize, number: usize) -> anyhow::Result<FileReportResponse> {
    let request = FileReportRequest {
        idempotency_key: fresh_key(),
        kind: ReportKind::Complaint.into(),
        privacy: Privacy::Open.into(),
        title: format!("Laporan uji beban {client}-{number}"),
        body: format!(
            "Lampu lalu lintas di simpang contoh nomor {client}-{number} mati sejak kemarin malam dan membahayakan."
        ),
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        channel: "grpc".to_owned(),
        ..FileReportRequest::default()
    };
    Ok(rpc!(platform, Who::Citizen, intake().file_report(request))?)
}
