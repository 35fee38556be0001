//! What people do in a journey, in one line each.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::time::Instant;
use tuntas_ctl::{
    commands::{desk, execute, get_case, store_text},
    error::{CtlError, Exit},
    platform::{Who, fresh_key},
    rpc,
};
use tuntas_proto::{
    case::v1::{
        Case, CaseCommand, Outcome, Party, Privacy, RejectReason, ReportKind, State,
        case_command::{
            Accept, Assign, Command, Dispose, Merge, Refer, Reject, ReleaseAnswer, ReleaseFirstResponse,
            RequestCompletion, Return, Verify,
        },
        party,
    },
    common::v1::TextRef,
    desk::v1::{GetCaseRequest as DeskGetCaseRequest, GetCaseResponse as DeskGetCaseResponse, SubmitCommandRequest},
    intake::v1::{
        CitizenCommandResponse, CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, FileReportRequest,
        Identity, Place, RateHandlingRequest, Receipt, StoreTextRequest, TrackReportRequest, TrackReportResponse,
        WithdrawReportRequest,
    },
    routing::v1::{GetCaseRequest, GetCaseResponse, HistoryEntry},
    wire_time,
};

use crate::world::World;

/// How long something may take that needs no time to pass on the platform's clock.
const SOON: Duration = Duration::from_secs(60);
const POLL_WAIT: Duration = Duration::from_millis(30);

/// Positions that journeys act in.
pub mod who {
    #![expect(missing_docs, reason = "ids of the shipped directory")]
    pub const VERIFIER: &str = "diskominfotik.verifikator-1";
    pub const OTHER_VERIFIER: &str = "diskominfotik.verifikator-2";
    pub const MANAGER: &str = "diskominfotik.kepala";
    pub const DIRECTOR: &str = "sekda";
    pub const OMBUDSMAN: &str = "ombudsman.riau";
}

/// The liaison of an agency.
#[must_use]
pub fn liaison(opd: &str) -> String {
    format!("{opd}.sekretaris")
}

/// The head of an agency.
#[must_use]
pub fn head(opd: &str) -> String {
    format!("{opd}.kepala")
}

/// A filed report.
#[derive(Debug, Clone, Default)]
pub struct Filed {
    /// Receipt.
    pub receipt: Receipt,
    /// Report.
    pub report_id: String,
    /// Case that it opened.
    pub case_id: String,
}

/// A complaint that intake takes.
#[must_use]
pub fn complaint(category: &str) -> FileReportRequest {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    FileReportRequest {
        idempotency_key: fresh_key(),
        kind: ReportKind::Complaint.into(),
        privacy: Privacy::Open.into(),
        title: format!("Laporan percobaan nomor {number}"),
        body: format!(
            "Kejadian rekaan nomor {number} di Jalan Contoh Raya, Desa Rekaan Makmur, sudah tiga minggu. Mohon ditindaklanjuti."
        ),
        category_code: category.to_owned(),
        region_code: "14.71".to_owned(),
        place: Some(Place {
            description: "Jalan Contoh Raya".to_owned(),
            latitude: None,
            longitude: None,
        }),
        identity: Some(Identity {
            name: format!("Warga Contoh {number}"),
            email: format!("uji{number}@contoh.invalid"),
            ..Identity::default()
        }),
        channel: "grpc".to_owned(),
        language: "id".to_owned(),
        ..FileReportRequest::default()
    }
}

/// One who plays: the world, and shortcuts for what people do in it.
#[derive(Clone)]
pub struct Play(pub Arc<World>);

impl Play {
    /// Files a report and waits until its case is open.
    pub async fn file(&self, request: FileReportRequest) -> anyhow::Result<Filed> {
        let platform = &self.0.platform;
        let filed = rpc!(platform, Who::Citizen, intake().file_report(request))?;
        let receipt = Receipt {
            ticket: filed.ticket,
            receipt_code: filed.receipt_code,
        };
        let case = self.open_case(&filed.report_id).await?;
        Ok(Filed {
            receipt,
            report_id: filed.report_id,
            case_id: case.case_id,
        })
    }

    /// Waits until routing has opened the case of a report.
    pub async fn open_case(&self, report_id: &str) -> anyhow::Result<Case> {
        soon("the case to be opened", async || {
            let request = GetCaseRequest {
                report_id: report_id.to_owned(),
                at_least_seq: 1,
                ..GetCaseRequest::default()
            };
            match rpc!(self.0.platform, Who::Position(who::MANAGER), cases().get_case(request)) {
                Ok(found) => Ok(found.case),
                Err(error) if error.exit() == Exit::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The case as it stands.
    pub async fn case(&self, case_id: &str) -> anyhow::Result<Case> {
        Ok(get_case(&self.0.platform, who::DIRECTOR, case_id).await?)
    }

    /// What happened to a case.
    pub async fn history(&self, case_id: &str) -> anyhow::Result<Vec<HistoryEntry>> {
        let request = GetCaseRequest {
            case_id: case_id.to_owned(),
            with_history: true,
            ..GetCaseRequest::default()
        };
        let response: GetCaseResponse = rpc!(self.0.platform, Who::Position(who::DIRECTOR), cases().get_case(request))?;
        Ok(response.history)
    }

    /// What the reporter sees.
    pub async fn track(&self, filed: &Filed) -> anyhow::Result<TrackReportResponse> {
        let request = TrackReportRequest {
            receipt: Some(filed.receipt.clone()),
            after_command_id: String::new(),
        };
        Ok(rpc!(self.0.platform, Who::Citizen, intake().track_report(request))?)
    }

    /// Seals a text.
    pub async fn seal(
        &self,
        position: &str,
        report_id: &str,
        kind: &str,
        body: &str,
    ) -> anyhow::Result<Option<TextRef>> {
        let request = StoreTextRequest {
            idempotency_key: fresh_key(),
            report_id: report_id.to_owned(),
            kind: kind.to_owned(),
            body: body.to_owned(),
            title: if kind == "redaction" {
                "Judul untuk umum".to_owned()
            } else {
                String::new()
            },
            ..StoreTextRequest::default()
        };
        Ok(Some(store_text(&self.0.platform, position, request).await?))
    }

    /// Lets routing decide a command; the refusal keeps its code.
    pub async fn central(&self, position: &str, case_id: &str, command: Command) -> Result<Case, CtlError> {
        let response = execute(&self.0.platform, position, &fresh_key(), case_id.to_owned(), command).await?;
        Ok(response.case.unwrap_or_default())
    }

    /// Sends a command through the desk of an agency and waits for the decision; the refusal keeps its code.
    pub async fn desk(
        &self,
        position: &str,
        opd: &str,
        case_id: &str,
        command: Command,
        text: &str,
    ) -> Result<(), CtlError> {
        let request = SubmitCommandRequest {
            idempotency_key: fresh_key(),
            opd_code: opd.to_owned(),
            command: Some(CaseCommand {
                case_id: case_id.to_owned(),
                command: Some(command),
            }),
            text: text.to_owned(),
            ..SubmitCommandRequest::default()
        };
        let platform = &self.0.platform;
        self.desk_knows(position, opd, case_id).await?;
        let status = desk::submit_command(platform, position, request).await?;
        let decided = desk::decision(platform, position, opd, status, SOON).await?;
        if decided.status == "pending" {
            return Err(CtlError::new(
                Exit::Unavailable,
                format!("{} was not decided in time", decided.kind),
            ));
        }
        desk::refusal(&decided).map_or(Ok(()), Err)
    }

    /// Waits until the desk has heard of the case as routing has it; not, when the desk does not let the position see it.
    async fn desk_knows(&self, position: &str, opd: &str, case_id: &str) -> Result<(), CtlError> {
        let platform = &self.0.platform;
        let known = get_case(platform, who::DIRECTOR, case_id).await?.seq;
        let known_there = |found: &DeskGetCaseResponse| {
            let case = found.case.as_ref().and_then(|case| case.case.as_ref());
            case.map_or(0, |case| case.seq)
        };
        let started = Instant::now();
        let request = DeskGetCaseRequest {
            opd_code: opd.to_owned(),
            case_id: case_id.to_owned(),
            at_least_seq: known,
        };
        while started.elapsed() < SOON {
            match rpc!(platform, Who::Position(position), desk(opd).get_case(request.clone())) {
                Ok(found) if known_there(&found) >= known => return Ok(()),
                Err(error) if error.exit() == Exit::NotPermitted => return Ok(()),
                Ok(_) => {}
                Err(error) if error.exit() == Exit::NotFound => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(POLL_WAIT).await;
        }
        Ok(())
    }

    /// Verifies with a redacted text, as filed otherwise.
    pub async fn verify(&self, filed: &Filed) -> anyhow::Result<Case> {
        let case = self.case(&filed.case_id).await?;
        let redaction = if case.privacy == i32::from(Privacy::Confidential) {
            None
        } else {
            self.seal(
                who::VERIFIER,
                &filed.report_id,
                "redaction",
                "Teks yang telah disunting untuk umum, tanpa nama siapa pun.",
            )
            .await?
        };
        let command = Verify {
            kind: case.kind,
            supervisory: case.supervisory,
            category_code: case.category_code,
            region_code: case.region_code,
            complained_opd: case.complained_opd,
            redaction,
        };
        Ok(self
            .central(who::VERIFIER, &filed.case_id, Command::Verify(command))
            .await?)
    }

    /// Disposes to an agency.
    pub async fn dispose(&self, filed: &Filed, lead: &str, with: &[&str]) -> anyhow::Result<Case> {
        let command = Dispose {
            lead_opd: lead.to_owned(),
            contributor_opds: with.iter().map(|opd| (*opd).to_owned()).collect(),
            instruction: None,
        };
        Ok(self
            .central(who::VERIFIER, &filed.case_id, Command::Dispose(command))
            .await?)
    }

    /// The liaison accepts.
    pub async fn accept(&self, filed: &Filed, opd: &str) -> anyhow::Result<()> {
        Ok(self
            .desk(&liaison(opd), opd, &filed.case_id, Command::Accept(Accept {}), "")
            .await?)
    }

    /// The liaison returns.
    pub async fn give_back(&self, filed: &Filed, opd: &str, suggest: &str) -> anyhow::Result<()> {
        let command = Return {
            reason_code: "not_our_task".to_owned(),
            reason: None,
            suggested_opd: suggest.to_owned(),
        };
        Ok(self
            .desk(
                &liaison(opd),
                opd,
                &filed.case_id,
                Command::Return(command),
                "Bukan tugas kami.",
            )
            .await?)
    }

    /// The liaison assigns to the first executor.
    pub async fn assign(&self, filed: &Filed, opd: &str) -> anyhow::Result<()> {
        let executor = self
            .0
            .directory
            .first_with("executor", Some(opd))
            .context("no executor")?
            .to_owned();
        Ok(self
            .desk(
                &liaison(opd),
                opd,
                &filed.case_id,
                Command::Assign(Assign { position_id: executor }),
                "",
            )
            .await?)
    }

    /// The liaison responds first.
    pub async fn respond(&self, filed: &Filed, opd: &str) -> anyhow::Result<()> {
        let command = Command::ReleaseFirstResponse(ReleaseFirstResponse::default());
        Ok(self
            .desk(
                &liaison(opd),
                opd,
                &filed.case_id,
                command,
                "Laporan diterima dan segera diperiksa.",
            )
            .await?)
    }

    /// Somebody of the agency answers.
    pub async fn answer(
        &self,
        position: &str,
        filed: &Filed,
        opd: &str,
        claimed: Outcome,
        text: &str,
    ) -> Result<(), CtlError> {
        let command = ReleaseAnswer {
            claimed: claimed.into(),
            ..ReleaseAnswer::default()
        };
        self.desk(position, opd, &filed.case_id, Command::ReleaseAnswer(command), text)
            .await
    }

    /// From filing to the answer, without delay.
    pub async fn answered(&self, category: &str, opd: &str) -> anyhow::Result<Filed> {
        let filed = self.in_progress(category, opd).await?;
        self.answer(
            &liaison(opd),
            &filed,
            opd,
            Outcome::Resolved,
            "Sudah diperbaiki pada hari Senin.",
        )
        .await?;
        self.expect_state(&filed.case_id, State::Answered).await?;
        Ok(filed)
    }

    /// From filing to acceptance, without delay.
    pub async fn in_progress(&self, category: &str, opd: &str) -> anyhow::Result<Filed> {
        let filed = self.file(complaint(category)).await?;
        self.verify(&filed).await?;
        self.dispose(&filed, opd, &[]).await?;
        self.accept(&filed, opd).await?;
        self.expect_state(&filed.case_id, State::InProgress).await?;
        Ok(filed)
    }

    /// Rejects.
    pub async fn reject(&self, position: &str, filed: &Filed, text: &str) -> anyhow::Result<Case> {
        let explanation = self.seal(position, &filed.report_id, "explanation", text).await?;
        let command = Reject {
            reason: RejectReason::NotPublicService.into(),
            explanation,
        };
        Ok(self.central(position, &filed.case_id, Command::Reject(command)).await?)
    }

    /// Refers to another authority.
    pub async fn refer(&self, filed: &Filed, to: &str) -> anyhow::Result<Case> {
        let explanation = self
            .seal(
                who::VERIFIER,
                &filed.report_id,
                "explanation",
                "Kewenangan instansi lain.",
            )
            .await?;
        let command = Refer {
            authority_code: to.to_owned(),
            explanation,
        };
        Ok(self
            .central(who::VERIFIER, &filed.case_id, Command::Refer(command))
            .await?)
    }

    /// Asks for completion at verification.
    pub async fn ask_to_complete(&self, filed: &Filed) -> anyhow::Result<Case> {
        let question = self
            .seal(
                who::VERIFIER,
                &filed.report_id,
                "completion_request",
                "Kapan dan di mana?",
            )
            .await?;
        Ok(self
            .central(
                who::VERIFIER,
                &filed.case_id,
                Command::RequestCompletion(RequestCompletion { question }),
            )
            .await?)
    }

    /// Merges a duplicate into another report's case.
    pub async fn merge(&self, duplicate: &Filed, into: &Filed) -> anyhow::Result<Case> {
        let command = Merge {
            into_case_id: into.case_id.clone(),
        };
        Ok(self
            .central(who::VERIFIER, &duplicate.case_id, Command::Merge(command))
            .await?)
    }

    /// The reporter disputes; gives the code of the refusal, empty when accepted.
    pub async fn dispute(&self, filed: &Filed) -> anyhow::Result<String> {
        let request = DisputeAnswerRequest {
            idempotency_key: fresh_key(),
            receipt: Some(filed.receipt.clone()),
            text: "Belum diperbaiki sama sekali.".to_owned(),
            attachment_ids: Vec::new(),
        };
        self.decided(
            filed,
            rpc!(self.0.platform, Who::Citizen, intake().dispute_answer(request))?,
        )
        .await
    }

    /// The reporter contests; gives the code of the refusal, empty when accepted.
    pub async fn contest(&self, filed: &Filed) -> anyhow::Result<String> {
        let request = ContestDecisionRequest {
            idempotency_key: fresh_key(),
            receipt: Some(filed.receipt.clone()),
            text: "Kami keberatan atas keputusan ini.".to_owned(),
        };
        self.decided(
            filed,
            rpc!(self.0.platform, Who::Citizen, intake().contest_decision(request))?,
        )
        .await
    }

    /// The reporter completes; gives the code of the refusal, empty when accepted.
    pub async fn complete(&self, filed: &Filed) -> anyhow::Result<String> {
        let request = CompleteReportRequest {
            idempotency_key: fresh_key(),
            receipt: Some(filed.receipt.clone()),
            text: "Senin pukul tujuh pagi di depan kantor desa.".to_owned(),
            attachment_ids: Vec::new(),
        };
        self.decided(
            filed,
            rpc!(self.0.platform, Who::Citizen, intake().complete_report(request))?,
        )
        .await
    }

    /// The reporter withdraws; gives the code of the refusal, empty when accepted.
    pub async fn withdraw(&self, filed: &Filed) -> anyhow::Result<String> {
        let request = WithdrawReportRequest {
            idempotency_key: fresh_key(),
            receipt: Some(filed.receipt.clone()),
        };
        self.decided(
            filed,
            rpc!(self.0.platform, Who::Citizen, intake().withdraw_report(request))?,
        )
        .await
    }

    /// The reporter rates; gives the code of the refusal, empty when accepted.
    pub async fn rate(&self, filed: &Filed, stars: u32) -> anyhow::Result<String> {
        let request = RateHandlingRequest {
            idempotency_key: fresh_key(),
            receipt: Some(filed.receipt.clone()),
            stars,
        };
        self.decided(
            filed,
            rpc!(self.0.platform, Who::Citizen, intake().rate_handling(request))?,
        )
        .await
    }

    async fn decided(&self, filed: &Filed, command: CitizenCommandResponse) -> anyhow::Result<String> {
        soon("the decision on a citizen's command", async || {
            let request = TrackReportRequest {
                receipt: Some(filed.receipt.clone()),
                after_command_id: command.command_id.clone(),
            };
            let tracked = rpc!(self.0.platform, Who::Citizen, intake().track_report(request))?;
            let status = tracked
                .commands
                .into_iter()
                .find(|status| status.command_id == command.command_id);
            Ok(match status {
                Some(status) if status.status == "pending" => None,
                Some(status) => Some(status.code),
                // Only undecided and refused commands are listed.
                None => Some(String::new()),
            })
        })
        .await
    }

    /// Waits until a case is in a state, and gives it.
    pub async fn expect_state(&self, case_id: &str, state: State) -> anyhow::Result<Case> {
        let case = self.case(case_id).await?;
        ensure!(
            case.state() == state,
            "case {case_id} is {:?} and not {state:?}",
            case.state()
        );
        Ok(case)
    }

    /// Requires that a case is closed with an outcome, that the reporter sees the same, and that its books add up.
    pub async fn expect_closed(&self, filed: &Filed, outcome: Outcome) -> anyhow::Result<Case> {
        let case = self.expect_state(&filed.case_id, State::Closed).await?;
        ensure!(
            case.outcome() == outcome,
            "closed as {:?} and not {outcome:?}",
            case.outcome()
        );
        ledger_adds_up(&case)?;
        soon("intake to know the closing", async || {
            let tracked = self.track(filed).await?.case.unwrap_or_default();
            Ok((tracked.state() == State::Closed || outcome == Outcome::Merged).then_some(()))
        })
        .await?;
        Ok(case)
    }
}

/// Rule K4: every second between filing and closing is charged to exactly one party.
pub fn ledger_adds_up(case: &Case) -> anyhow::Result<()> {
    let instant = |time: &Option<_>| time.as_ref().and_then(wire_time::instant);
    let filed_at = instant(&case.filed_at).context("no time of filing")?;
    let first = case.ledger.first().context("an empty ledger")?;
    ensure!(
        instant(&first.from) == Some(filed_at),
        "the ledger does not begin at the filing"
    );
    for (one, next) in case.ledger.iter().zip(case.ledger.iter().skip(1)) {
        let (to, from) = (
            instant(&one.to).context("an open interval in the middle")?,
            instant(&next.from).context("no start")?,
        );
        // A reopened case has a hole: nobody is charged while it is closed.
        ensure!(to <= from, "two parties are charged at once");
    }
    if case.state() == State::Closed {
        let last = case.ledger.last().context("an empty ledger")?;
        ensure!(
            instant(&last.to) == instant(&case.closed_at),
            "the ledger does not end at the closing"
        );
    }
    Ok(())
}

/// Seconds charged to a party.
#[must_use]
pub fn charged(case: &Case, kind: party::Kind) -> i64 {
    let instant = |time: &Option<_>| time.as_ref().and_then(wire_time::instant);
    let of = |party: &Option<Party>| party.as_ref().is_some_and(|party| party.kind() == kind);
    let seconds = case
        .ledger
        .iter()
        .filter(|interval| of(&interval.party))
        .filter_map(|interval| Some((instant(&interval.to)? - instant(&interval.from)?).whole_seconds()));
    seconds.sum()
}

/// Polls until there is something.
pub async fn soon<T>(what: &str, mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if started.elapsed() > SOON {
            bail!("waited {} s for {what}", SOON.as_secs());
        }
        tokio::time::sleep(POLL_WAIT).await;
    }
}

/// The code with which something was refused.
///
/// # Errors
/// It was not refused, or without a code.
pub fn refused<T>(result: Result<T, CtlError>) -> anyhow::Result<String> {
    match result {
        Ok(_) => bail!("it was not refused"),
        Err(error) => error
            .code()
            .map(str::to_owned)
            .with_context(|| format!("refused without a code: {error}")),
    }
}
