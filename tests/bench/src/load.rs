//! Filings as load: as fast as they are taken, or so many a second whether they are taken or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use tokio::time::Instant;
use tonic::{Response, transport::Channel};
use tuntas_ctl::platform::fresh_key;
use tuntas_kit::client::channel;
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    intake::v1::{FileReportRequest, FileReportResponse, intake_client::IntakeClient},
};

/// Connections to intake; one would be limited by its flow control.
const CONNECTIONS: usize = 4;

/// Clients of intake.
#[derive(Clone)]
pub(crate) struct Filers {
    clients: Vec<IntakeClient<Channel>>,
}

/// What was offered, and what became of it.
#[derive(Default)]
pub(crate) struct Offered {
    pub(crate) took: Vec<Duration>,
    /// Reports, and when each was accepted.
    pub(crate) accepted: Vec<(String, Instant)>,
    pub(crate) refused: usize,
    /// What the first that was refused was told.
    pub(crate) refusal: Option<tonic::Status>,
    pub(crate) per_second: f64,
}

impl Offered {
    /// A figure with refusals in it is none.
    pub(crate) fn nothing_refused(&self) -> anyhow::Result<()> {
        let refusal = self
            .refusal
            .as_ref()
            .map(|status| format!("{:?}: {}", status.code(), status.message()));
        ensure!(
            self.refused == 0,
            "{} of {} filings were refused, the first with {}",
            self.refused,
            self.refused + self.took.len(),
            refusal.unwrap_or_default()
        );
        Ok(())
    }

    /// Takes the answer to what was to be asked at a moment.
    fn add(&mut self, asked: Instant, answer: Result<Response<FileReportResponse>, tonic::Status>) {
        match answer {
            Ok(answer) => {
                self.took.push(asked.elapsed());
                self.accepted.push((answer.into_inner().report_id, Instant::now()));
            }
            Err(status) => {
                self.refused += 1;
                self.refusal.get_or_insert(status);
            }
        }
    }
}

impl Filers {
    pub(crate) fn to(intake_url: &str) -> anyhow::Result<Self> {
        let clients = (0..CONNECTIONS).map(|_| Ok(IntakeClient::new(channel(intake_url)?)));
        Ok(Self {
            clients: clients.collect::<anyhow::Result<_>>()?,
        })
    }

    fn client(&self, number: usize) -> Option<IntakeClient<Channel>> {
        self.clients.get(number % CONNECTIONS).cloned()
    }

    /// So many at once, each sending the next when the last was answered.
    pub(crate) async fn saturate(&self, at_once: usize, length: Duration) -> Offered {
        let begun = Instant::now();
        let number = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..at_once)
            .filter_map(|task| {
                let mut client = self.client(task)?;
                let number = Arc::clone(&number);
                Some(tokio::spawn(async move {
                    let mut offered = Offered::default();
                    while begun.elapsed() < length {
                        let asked = Instant::now();
                        let request = filing(number.fetch_add(1, Ordering::Relaxed));
                        offered.add(asked, client.file_report(request).await);
                    }
                    offered
                }))
            })
            .collect();
        collect(tasks, begun).await
    }

    /// So many a second, each at its moment; times count from that moment.
    pub(crate) async fn offer(&self, per_second: u32, length: Duration) -> Offered {
        let begun = Instant::now();
        let every = Duration::from_secs(1) / per_second;
        let mut tasks = Vec::new();
        let mut at = begun;
        while at - begun < length {
            tokio::time::sleep_until(at).await;
            let Some(mut client) = self.client(tasks.len()) else {
                break;
            };
            let (number, intended) = (tasks.len(), at);
            tasks.push(tokio::spawn(async move {
                let mut offered = Offered::default();
                offered.add(intended, client.file_report(filing(number)).await);
                offered
            }));
            at += every;
        }
        collect(tasks, begun).await
    }
}

async fn collect(tasks: Vec<tokio::task::JoinHandle<Offered>>, begun: Instant) -> Offered {
    let mut all = Offered::default();
    for task in tasks {
        match task.await {
            Ok(offered) => {
                all.took.extend(offered.took);
                all.accepted.extend(offered.accepted);
                all.refused += offered.refused;
                all.refusal = all.refusal.or(offered.refusal);
            }
            Err(_) => all.refused += 1,
        }
    }
    all.per_second = crate::figure::float(all.took.len()) / begun.elapsed().as_secs_f64();
    all
}

/// A report of ordinary length, each with words of its own.
fn filing(number: usize) -> FileReportRequest {
    FileReportRequest {
        idempotency_key: fresh_key(),
        kind: ReportKind::Complaint.into(),
        privacy: Privacy::Open.into(),
        title: format!("Lampu lalu lintas mati di simpang {number}"),
        body: format!(
            "Lampu lalu lintas di simpang contoh nomor {number} mati sejak kemarin malam. Pengendara dari empat arah saling \
             menunggu, dan anak sekolah menyeberang tanpa ada yang mengatur. Kami sudah menyampaikan kepada petugas di pos, \
             tetapi sampai pagi ini belum ada perbaikan. Mohon segera ditangani sebelum terjadi kecelakaan."
        ),
        category_code: "transportasi-darat".to_owned(),
        region_code: "14.71".to_owned(),
        channel: "grpc".to_owned(),
        ..FileReportRequest::default()
    }
}
