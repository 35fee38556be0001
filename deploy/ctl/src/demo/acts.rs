//! Plays the acts of a story: in the name of the right position, with keys that derive from seed, report and step, so
//! that an act sent twice is the same act.

use std::time::Duration;

use tuntas_proto::{
    case::v1::{
        CaseCommand, Privacy, ReportKind,
        case_command::{
            Accept, Assign, Bind, Command, ContributionDone, DecideContest, DecideDispute, DeclareLeadDone, Dispose,
            Merge, Recall, RecordProgress, Refer, Reject, ReleaseAnswer, ReleaseFirstResponse, Reopen,
            RequestCompletion, RequestTransfer, Return, Transfer, Unmerge, Verify,
        },
    },
    common::v1::TextRef,
    desk::v1::{CommandStatus, SubmitCommandRequest},
    intake::v1::{
        CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, FileReportRequest, RateHandlingRequest,
        Receipt, SendMessageRequest, StoreTextRequest, WithdrawReportRequest,
    },
    oversight::v1::ActRequest,
    routing::v1::GetCaseRequest,
};

use super::{
    dice::Dice,
    story::{Act, Plot, Story},
    words,
};
use crate::{
    commands::{citizen::upload, desk, execute, store_text},
    directory::Directory,
    error::{CtlError, Exit, Result},
    platform::{Platform, Who},
    rpc,
};

/// How long a desk's command may wait for routing before the play goes on without the decision.
const DECISION_WAIT: Duration = Duration::from_secs(30);

/// What of a story is known once it has begun.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Receipt of the report.
    pub receipt: Receipt,
    /// Report.
    pub report_id: String,
    /// Its case, once it was needed.
    pub case_id: String,
    /// Agency that leads it now.
    pub lead: String,
    /// Number of the step, for keys.
    pub step: usize,
}

/// Plays acts on one platform.
pub struct Stage<'a> {
    /// The platform.
    pub platform: &'a Platform,
    /// Its directory.
    pub directory: &'a Directory,
    /// Tells this run's keys from those of another.
    pub run: String,
    /// Seed.
    pub seed: u64,
}

impl Stage<'_> {
    fn key(&self, story: &Story, progress: &Progress, part: &str) -> String {
        format!("{}-{}-{}-{part}", self.run, story.index, progress.step)
    }

    fn dice(&self, story: &Story, progress: &Progress) -> Dice {
        Dice::new(self.seed ^ 0xACED, ((story.index as u64) << 8) | progress.step as u64)
    }

    fn position(&self, role: &str, opd: Option<&str>) -> Result<&str> {
        self.directory.first_with(role, opd).ok_or_else(|| {
            CtlError::usage(format!(
                "the directory has no position with the role {role}{}",
                opd.map(|opd| format!(" at {opd}")).unwrap_or_default()
            ))
            .next("`tuntas directory import deploy/riau` brings one for each")
        })
    }

    /// One of the verifiers, the same for the whole story.
    fn verifier(&self, story: &Story) -> Result<&str> {
        let verifiers: Vec<&str> = self
            .directory
            .with_role("verifier", None)
            .map(|position| position.id.as_str())
            .collect();
        match verifiers.get(story.index % verifiers.len().max(1)) {
            Some(verifier) => Ok(verifier),
            None => self.position("manager", None),
        }
    }

    /// Files the report of a story.
    ///
    /// # Errors
    /// Intake refuses it.
    pub async fn file(&self, story: &Story, twin: Option<&Progress>) -> Result<Progress> {
        let mut attachment_ids = Vec::new();
        if story.with_photo {
            attachment_ids.push(upload(self.platform, "foto.png", words::PHOTO_PNG).await?.attachment_id);
        }
        let same_as_ticket = match twin {
            Some(twin) if story.index.is_multiple_of(3) => twin.receipt.ticket.clone(),
            _ => String::new(),
        };
        let request = FileReportRequest {
            idempotency_key: self.key(story, &Progress::default(), "file"),
            attachment_ids,
            same_as_ticket,
            ..story.report.clone()
        };
        let filed = match self.file_once(request.clone()).await {
            // The twin is not public (yet): then it cannot be pointed at.
            Err(error) if error.exit() != Exit::Unavailable && !request.same_as_ticket.is_empty() => {
                let key = self.key(story, &Progress::default(), "file-alone");
                self.file_once(FileReportRequest {
                    same_as_ticket: String::new(),
                    idempotency_key: key,
                    ..request
                })
                .await?
            }
            other => other?,
        };
        Ok(Progress { step: 1, ..filed })
    }

    async fn file_once(&self, request: FileReportRequest) -> Result<Progress> {
        let filed = rpc!(self.platform, Who::Citizen, intake().file_report(request))?;
        let receipt = Receipt {
            ticket: filed.ticket,
            receipt_code: filed.receipt_code,
        };
        Ok(Progress {
            receipt,
            report_id: filed.report_id,
            ..Progress::default()
        })
    }

    /// The case of a story, asked for once.
    async fn case_of(&self, progress: &mut Progress) -> Result<String> {
        if progress.case_id.is_empty() {
            let request = GetCaseRequest {
                report_id: progress.report_id.clone(),
                ..GetCaseRequest::default()
            };
            let manager = self.position("manager", None)?;
            let found = rpc!(self.platform, Who::Position(manager), cases().get_case(request))?;
            progress.case_id = found.case.unwrap_or_default().case_id;
        }
        Ok(progress.case_id.clone())
    }

    /// Plays one act.
    ///
    /// # Errors
    /// It was refused, or the platform is away for longer than patience lasts.
    pub async fn play(&self, story: &Story, progress: &mut Progress, act: &Act, twin: Option<&Progress>) -> Result<()> {
        let result = match act {
            Act::Complete | Act::Dispute | Act::Contest | Act::Rate(_) | Act::Withdraw | Act::Message => {
                self.citizen(story, progress, act).await
            }
            Act::Accept
            | Act::Return { .. }
            | Act::RequestTransfer { .. }
            | Act::Assign
            | Act::Note
            | Act::FirstResponse
            | Act::ContributionDone { .. }
            | Act::LeadDone
            | Act::Answer { .. } => self.agency(story, progress, act).await,
            Act::Explain | Act::Recommend => self.ombudsman(story, progress, act).await,
            _ => self.centre(story, progress, act, twin).await,
        };
        progress.step += 1;
        result
    }

    async fn citizen(&self, story: &Story, progress: &Progress, act: &Act) -> Result<()> {
        let (platform, receipt) = (self.platform, Some(progress.receipt.clone()));
        let idempotency_key = self.key(story, progress, "citizen");
        match act {
            Act::Complete => {
                let text = format!(
                    "Melengkapi laporan: {}. Kejadian sekitar pukul {}.00 WIB, dapat dihubungi lewat RT setempat.",
                    story.report.title,
                    7 + story.index % 12
                );
                let request = CompleteReportRequest {
                    idempotency_key,
                    receipt,
                    text,
                    attachment_ids: Vec::new(),
                };
                rpc!(platform, Who::Citizen, intake().complete_report(request)).map(drop)
            }
            Act::Dispute => {
                let text = format!(
                    "Tanggapan tidak sesuai kenyataan. {} masih seperti semula, belum ada petugas yang datang.",
                    story.report.title
                );
                let request = DisputeAnswerRequest {
                    idempotency_key,
                    receipt,
                    text,
                    attachment_ids: Vec::new(),
                };
                rpc!(platform, Who::Citizen, intake().dispute_answer(request)).map(drop)
            }
            Act::Contest => {
                let text = "Kami keberatan atas keputusan ini; laporan kami menyangkut pelayanan publik dan belum pernah dijawab.".to_owned();
                let request = ContestDecisionRequest {
                    idempotency_key,
                    receipt,
                    text,
                };
                rpc!(platform, Who::Citizen, intake().contest_decision(request)).map(drop)
            }
            Act::Rate(stars) => {
                let request = RateHandlingRequest {
                    idempotency_key,
                    receipt,
                    stars: *stars,
                };
                rpc!(platform, Who::Citizen, intake().rate_handling(request)).map(drop)
            }
            Act::Message => {
                let text = "Apakah sudah ada jadwal petugas datang ke lokasi? Terima kasih.".to_owned();
                let request = SendMessageRequest {
                    idempotency_key,
                    receipt,
                    text,
                };
                rpc!(platform, Who::Citizen, intake().send_message(request)).map(drop)
            }
            _ => {
                let request = WithdrawReportRequest {
                    idempotency_key,
                    receipt,
                };
                rpc!(platform, Who::Citizen, intake().withdraw_report(request)).map(drop)
            }
        }
    }

    async fn agency(&self, story: &Story, progress: &mut Progress, act: &Act) -> Result<()> {
        let opd = match act {
            Act::ContributionDone { opd } => opd.clone(),
            _ => progress.lead.clone(),
        };
        let (liaison, head) = (
            self.position("liaison", Some(&opd))?,
            self.position("accountable_head", Some(&opd))?,
        );
        let mut dice = self.dice(story, progress);
        let executor = self.directory.first_with("executor", Some(&opd));
        let nothing = String::new;
        let (position, command, text) = match act {
            Act::Accept => (liaison, Command::Accept(Accept {}), nothing()),
            Act::Return { suggest } => {
                let command = Return {
                    reason_code: "not_our_task".to_owned(),
                    reason: None,
                    suggested_opd: suggest.clone(),
                };
                (
                    liaison,
                    Command::Return(command),
                    "Bukan tugas dan fungsi kami menurut peraturan gubernur tentang susunan organisasi.".to_owned(),
                )
            }
            Act::RequestTransfer { suggest } => {
                let command = RequestTransfer {
                    reason_code: "not_our_task".to_owned(),
                    reason: None,
                    suggested_opd: suggest.clone(),
                };
                (
                    liaison,
                    Command::RequestTransfer(command),
                    "Setelah diperiksa ternyata aset instansi lain.".to_owned(),
                )
            }
            Act::Assign => (
                liaison,
                Command::Assign(Assign {
                    position_id: executor.unwrap_or(liaison).to_owned(),
                }),
                nothing(),
            ),
            Act::Note => (
                executor.unwrap_or(liaison),
                Command::RecordProgress(RecordProgress::default()),
                "Survei lapangan selesai, material dipesan.".to_owned(),
            ),
            Act::FirstResponse => {
                let text = "Laporan Anda kami terima; tim kami menjadwalkan pemeriksaan lapangan pekan ini.".to_owned();
                (
                    liaison,
                    Command::ReleaseFirstResponse(ReleaseFirstResponse::default()),
                    text,
                )
            }
            Act::ContributionDone { .. } => (
                liaison,
                Command::ContributionDone(ContributionDone::default()),
                "Bagian kami telah selesai.".to_owned(),
            ),
            Act::LeadDone => (liaison, Command::DeclareLeadDone(DeclareLeadDone {}), nothing()),
            Act::Answer {
                claim,
                words: kind,
                by_head,
            } => {
                let command = ReleaseAnswer {
                    claimed: (*claim).into(),
                    ..ReleaseAnswer::default()
                };
                (
                    if *by_head { head } else { liaison },
                    Command::ReleaseAnswer(command),
                    words::answer(&mut dice, *kind),
                )
            }
            _ => return Ok(()),
        };
        let case_id = self.case_of(progress).await?;
        let request = |part: &str| SubmitCommandRequest {
            idempotency_key: self.key(story, progress, part),
            opd_code: opd.clone(),
            command: Some(CaseCommand {
                case_id: case_id.clone(),
                command: Some(command.clone()),
            }),
            text: text.clone(),
            ..SubmitCommandRequest::default()
        };
        match self.submit(position, &opd, request("desk")).await {
            // A dispute that nobody planned for: the head has to release the answer now (rule M12).
            Err(error) if error.code() == Some("head_required") && position != head => {
                self.submit(head, &opd, request("head")).await
            }
            other => other,
        }
    }

    async fn submit(&self, position: &str, opd: &str, request: SubmitCommandRequest) -> Result<()> {
        let status: CommandStatus = desk::submit_command(self.platform, position, request).await?;
        let decided = desk::decision(self.platform, position, opd, status, DECISION_WAIT).await?;
        desk::refusal(&decided).map_or(Ok(()), Err)
    }

    async fn ombudsman(&self, story: &Story, progress: &mut Progress, act: &Act) -> Result<()> {
        let ombudsman = self.position("ombudsman", None)?;
        let (kind, text_kind, words) = match act {
            Act::Explain => (
                "explanation_request",
                "explanation",
                "Mohon penjelasan mengapa laporan ini belum ditindaklanjuti.",
            ),
            _ => (
                "recommendation",
                "recommendation",
                "Disarankan agar unit terkait menyelesaikan laporan ini dan memperbaiki prosedurnya.",
            ),
        };
        let case_id = self.case_of(progress).await?;
        let text = self.text(story, progress, ombudsman, text_kind, words).await?;
        let request = ActRequest {
            idempotency_key: self.key(story, progress, "act"),
            case_id,
            kind: kind.to_owned(),
            addressed_opd: progress.lead.clone(),
            text,
        };
        rpc!(self.platform, Who::Position(ombudsman), oversight().act(request)).map(drop)
    }

    async fn text(
        &self,
        story: &Story,
        progress: &Progress,
        position: &str,
        kind: &str,
        body: &str,
    ) -> Result<Option<TextRef>> {
        let request = StoreTextRequest {
            idempotency_key: self.key(story, progress, kind),
            report_id: progress.report_id.clone(),
            kind: kind.to_owned(),
            body: body.to_owned(),
            title: if kind == "redaction" {
                story.report.title.clone()
            } else {
                String::new()
            },
            ..StoreTextRequest::default()
        };
        store_text(self.platform, position, request).await.map(Some)
    }

    async fn centre(&self, story: &Story, progress: &mut Progress, act: &Act, twin: Option<&Progress>) -> Result<()> {
        let case_id = self.case_of(progress).await?;
        let position = match act {
            Act::Bind { .. } | Act::Transfer { .. } => self.position("manager", None)?,
            Act::DecideDispute { .. } | Act::DecideContest { .. } => self.position("director", None)?,
            Act::Reopen => self.position("ombudsman", None)?,
            // Once the verifier has seen that it is about the manager's own unit, it is the director's (rule M10).
            Act::Verify { .. } | Act::Dispose { .. } if story.plot == Plot::OwnUnit && progress.step > 1 => {
                self.position("director", None)?
            }
            _ => self.verifier(story)?,
        };
        let command = self.central_command(story, progress, act, twin, position).await?;
        let key = self.key(story, progress, "centre");
        let result = execute(self.platform, position, &key, case_id.clone(), command).await;
        let director = self.position("director", None)?;
        let result = match result {
            Err(error) if matches!(error.code(), Some("own_unit" | "not_permitted")) && position != director => {
                // The reporter named the manager's own unit: the director decides (rule M10).
                let command = self.central_command(story, progress, act, twin, director).await?;
                execute(
                    self.platform,
                    director,
                    &self.key(story, progress, "director"),
                    case_id,
                    command,
                )
                .await
            }
            other => other,
        };
        let case = result?.case.unwrap_or_default();
        progress.lead = case.lead_opd;
        // A merged report lives on in another case.
        if !case.merged_into.is_empty() {
            progress.case_id = case.merged_into;
        }
        Ok(())
    }

    async fn central_command(
        &self,
        story: &Story,
        progress: &Progress,
        act: &Act,
        twin: Option<&Progress>,
        position: &str,
    ) -> Result<Command> {
        let sealed = async |kind: &str, words: &str| self.text(story, progress, position, kind, words).await;
        let report = &story.report;
        Ok(match act {
            Act::Verify {
                supervisory,
                complained,
            } => {
                let public = report.privacy != i32::from(Privacy::Confidential);
                let redaction = if public {
                    sealed("redaction", &report.body).await?
                } else {
                    None
                };
                Command::Verify(classification(report, *supervisory, complained, redaction))
            }
            Act::RequestCompletion => {
                let question = sealed(
                    "completion_request",
                    "Mohon lengkapi waktu dan tempat kejadian, serta foto bila ada.",
                )
                .await?;
                Command::RequestCompletion(RequestCompletion { question })
            }
            Act::Reject(reason) => {
                let explanation = sealed("explanation", "Laporan ini tidak dapat kami proses dengan alasan yang tercantum; Anda dapat mengajukan keberatan.").await?;
                Command::Reject(Reject {
                    reason: (*reason).into(),
                    explanation,
                })
            }
            Act::Refer { authority } => {
                let explanation = sealed(
                    "explanation",
                    "Hal ini menjadi kewenangan instansi lain dan telah kami teruskan beserta lampirannya.",
                )
                .await?;
                Command::Refer(Refer {
                    authority_code: authority.clone(),
                    explanation,
                })
            }
            Act::Merge => {
                let mut twin = twin.cloned().unwrap_or_default();
                let into_case_id = self.case_of(&mut twin).await?;
                Command::Merge(Merge { into_case_id })
            }
            Act::Unmerge => Command::Unmerge(Unmerge {
                report_id: progress.report_id.clone(),
            }),
            Act::Dispose { lead, with } => {
                let instruction = if story.index.is_multiple_of(4) {
                    sealed(
                        "instruction",
                        "Mohon ditangani sesuai batas waktu dan laporkan hasilnya.",
                    )
                    .await?
                } else {
                    None
                };
                Command::Dispose(Dispose {
                    lead_opd: lead.clone(),
                    contributor_opds: with.clone(),
                    instruction,
                })
            }
            Act::Bind { lead } => Command::Bind(Bind {
                lead_opd: lead.clone(),
                reason: sealed("reason", "Keputusan mengikat: sesuai tugas dan fungsi.").await?,
            }),
            Act::Transfer { to } => Command::Transfer(Transfer {
                to_opd: to.clone(),
                reason: sealed("reason", "Dipindahkan ke pemilik aset.").await?,
            }),
            Act::Recall => Command::Recall(Recall {
                reason: sealed("reason", "Salah alamat disposisi.").await?,
            }),
            Act::DecideDispute { upheld } => Command::DecideDispute(DecideDispute {
                upheld: *upheld,
                reason: sealed("reason", "Keputusan atas sanggahan berdasarkan pemeriksaan lapangan.").await?,
            }),
            Act::DecideContest { upheld } => Command::DecideContest(DecideContest {
                upheld: *upheld,
                reason: sealed("reason", "Keputusan atas keberatan berdasarkan berkas.").await?,
            }),
            _ => Command::Reopen(Reopen {
                reason: sealed("reason", "Tindak lanjut belum sesuai standar pelayanan.").await?,
            }),
        })
    }
}

/// What the verifier makes of a report: as it was filed, but a supervisory case is always a complaint.
fn classification(
    report: &FileReportRequest,
    supervisory: bool,
    complained: &str,
    redaction: Option<TextRef>,
) -> Verify {
    Verify {
        kind: if supervisory {
            ReportKind::Complaint.into()
        } else {
            report.kind
        },
        supervisory,
        category_code: report.category_code.clone(),
        region_code: report.region_code.clone(),
        complained_opd: complained.to_owned(),
        redaction,
    }
}
