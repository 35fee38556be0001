//! The acts of a reporter: complete, withdraw, dispute, rate, contest (rule M2).
//!
//! Each is stored durably with the moment it was received, and told to routing, which decides it. Until routing's
//! answer is in it is pending. What the reporter wrote is sealed here; the command names only its commitment.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_kit::{idempotency, ids, outbox, problem::Problem, tx};
use tuntas_proto::{
    case::v1::{CaseCommand, case_command as ask, case_command::Command},
    common::v1::TextRef,
    event::v1::{CitizenCommandReceived, event::Payload},
    intake::v1::{
        CitizenCommandResponse, CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest,
        RateHandlingRequest, Receipt, WithdrawReportRequest,
    },
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{
    attach,
    content::TextBody,
    facts::{self, What},
    intake::Intake,
    problems::STARS_OUT_OF_RANGE,
    receipt::{self, Peer},
    store::{
        command,
        report::{self, Report},
        text::{self, StoredText},
    },
    validate,
};

const STARS: std::ops::RangeInclusive<u32> = 1..=5;

/// What a reporter asks for, parsed.
struct Asked {
    act: Act,
    text: Option<TextBody>,
    attachments: Vec<Uuid>,
}

impl Asked {
    const fn of(act: Act) -> Self {
        Self {
            act,
            text: None,
            attachments: Vec::new(),
        }
    }

    fn with_words(mut self, text: &str) -> Result<Self, Problem> {
        self.text = Some(TextBody::new(String::new(), validate::text(text)?));
        Ok(self)
    }

    fn with_attachments(mut self, intake: &Intake, ids: &[String]) -> Result<Self, Problem> {
        self.attachments = validate::attachment_ids(ids, intake.config.filing.attachments_max)?;
        Ok(self)
    }
}

/// An act of a reporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Complete,
    Withdraw,
    Dispute,
    Rate { stars: u32 },
    Contest,
}

impl Act {
    /// Its code in the table, and the scope of its idempotency keys.
    const fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Withdraw => "withdraw",
            Self::Dispute => "dispute",
            Self::Rate { .. } => "rate",
            Self::Contest => "contest",
        }
    }

    /// Kind of the text that comes with it.
    const fn text_kind(self) -> &'static str {
        match self {
            Self::Complete => "completion",
            Self::Dispute => "dispute",
            Self::Contest => "contest",
            Self::Withdraw | Self::Rate { .. } => "message",
        }
    }

    fn to_wire(self, report_id: String, text: Option<TextRef>) -> Command {
        match self {
            Self::Complete => Command::Complete(ask::Complete { report_id, text }),
            Self::Withdraw => Command::Withdraw(ask::Withdraw { report_id }),
            Self::Dispute => Command::Dispute(ask::Dispute { report_id, text }),
            Self::Rate { stars } => Command::Rate(ask::Rate { report_id, stars }),
            Self::Contest => Command::Contest(ask::Contest { report_id, text }),
        }
    }
}

/// What identifies the request: key, receipt, and its keyed hash.
struct Request {
    key: String,
    receipt: Option<Receipt>,
    blind: TextRef,
}

impl Request {
    const fn new(key: String, receipt: Option<Receipt>, blind: TextRef) -> Self {
        Self { key, receipt, blind }
    }
}

/// Completes a report that was sent back to its reporter.
///
/// # Errors
/// `unknown_ticket`, the code of a field that is wrong, `report_erased`, `idempotency_key_reused`.
pub async fn complete_report(
    intake: &Intake,
    request: CompleteReportRequest,
    peer: Peer,
) -> Result<CitizenCommandResponse, Problem> {
    let blind = intake.secrets.blind(&request);
    let asked = Asked::of(Act::Complete)
        .with_words(&request.text)?
        .with_attachments(intake, &request.attachment_ids)?;
    let request = Request::new(request.idempotency_key, request.receipt, blind);
    receive(intake, request, asked, peer).await
}

/// Takes a report back.
///
/// # Errors
/// `unknown_ticket` or `idempotency_key_reused`.
pub async fn withdraw_report(
    intake: &Intake,
    request: WithdrawReportRequest,
    peer: Peer,
) -> Result<CitizenCommandResponse, Problem> {
    let blind = intake.secrets.blind(&request);
    let asked = Asked::of(Act::Withdraw);
    let request = Request::new(request.idempotency_key, request.receipt, blind);
    receive(intake, request, asked, peer).await
}

/// Says that an answer is not true or not enough.
///
/// # Errors
/// As [`complete_report`].
pub async fn dispute_answer(
    intake: &Intake,
    request: DisputeAnswerRequest,
    peer: Peer,
) -> Result<CitizenCommandResponse, Problem> {
    let blind = intake.secrets.blind(&request);
    let asked = Asked::of(Act::Dispute)
        .with_words(&request.text)?
        .with_attachments(intake, &request.attachment_ids)?;
    let request = Request::new(request.idempotency_key, request.receipt, blind);
    receive(intake, request, asked, peer).await
}

/// Rates the handling.
///
/// # Errors
/// `stars_out_of_range`, `unknown_ticket` or `idempotency_key_reused`.
pub async fn rate_handling(
    intake: &Intake,
    request: RateHandlingRequest,
    peer: Peer,
) -> Result<CitizenCommandResponse, Problem> {
    if !STARS.contains(&request.stars) {
        return Err(STARS_OUT_OF_RANGE.into());
    }
    let blind = intake.secrets.blind(&request);
    let asked = Asked::of(Act::Rate { stars: request.stars });
    let request = Request::new(request.idempotency_key, request.receipt, blind);
    receive(intake, request, asked, peer).await
}

/// Contests a rejection, referral, lapse or merge (rule M8).
///
/// # Errors
/// As [`complete_report`].
pub async fn contest_decision(
    intake: &Intake,
    request: ContestDecisionRequest,
    peer: Peer,
) -> Result<CitizenCommandResponse, Problem> {
    let blind = intake.secrets.blind(&request);
    let asked = Asked::of(Act::Contest).with_words(&request.text)?;
    let request = Request::new(request.idempotency_key, request.receipt, blind);
    receive(intake, request, asked, peer).await
}

async fn receive(
    intake: &Intake,
    request: Request,
    asked: Asked,
    peer: Peer,
) -> Result<CitizenCommandResponse, Problem> {
    idempotency::check_key(&request.key)?;
    let mut conn = intake.conn().await?;
    let report = receipt::report_of(intake, &mut conn, request.receipt.as_ref(), peer).await?;
    drop(conn);
    let (intake, received_at) = (intake.clone(), intake.now());
    let pool = intake.pool.clone();
    tx::run(&pool, move |conn| {
        Box::pin(async move {
            let scope = format!("{}:{}", asked.act.code(), report.id);
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.key, &request.blind).await? {
                return Ok(answer);
            }
            let answer = store(&intake, conn, &report, asked, received_at, (&scope, &request)).await?;
            Ok::<CitizenCommandResponse, Problem>(answer)
        })
    })
    .await
}

async fn store(
    intake: &Intake,
    conn: &mut PgConnection,
    report: &Report,
    asked: Asked,
    received_at: OffsetDateTime,
    (scope, request): (&str, &Request),
) -> Result<CitizenCommandResponse, Problem> {
    let command_id = ids::new_id();
    let reference = match &asked.text {
        Some(body) => {
            let kind = asked.act.text_kind();
            Some(keep_text(intake, conn, report.id, kind, body, &asked.attachments, received_at).await?)
        }
        None => None,
    };
    let seq = report::next_seq(conn, report.id).await?;
    command::insert(conn, command_id, report.id, asked.act.code(), received_at, seq).await?;
    let answer = CitizenCommandResponse {
        command_id: command_id.to_string(),
        received_at: Some(timestamp(received_at)),
    };
    idempotency::remember(conn, scope, &request.key, &request.blind, &answer).await?;
    let payload = Payload::CitizenCommandReceived(CitizenCommandReceived {
        report_id: report.id.to_string(),
        command: Some(CaseCommand {
            case_id: report.case_id.map(|id| id.to_string()).unwrap_or_default(),
            command: Some(asked.act.to_wire(report.id.to_string(), reference)),
        }),
        received_at: Some(timestamp(received_at)),
    });
    let event = facts::fact_with_id(
        What::CommandReceived,
        command_id,
        report.id,
        seq,
        received_at,
        facts::citizen(),
        payload,
    );
    outbox::append(conn, &[event]).await?;
    Ok(answer)
}

/// Seals a reporter's text, in the transaction of the act that it belongs to. Its reporter may read it at once.
///
/// # Errors
/// `report_erased`, `unknown_attachment`, or the database's.
pub async fn keep_text(
    intake: &Intake,
    conn: &mut PgConnection,
    report: Uuid,
    kind: &str,
    body: &TextBody,
    attachments: &[Uuid],
    at: OffsetDateTime,
) -> Result<TextRef, Problem> {
    let key = intake.key_or_erased(conn, report).await?;
    let id = ids::new_id();
    let stored = StoredText {
        id,
        report_id: report,
        kind: kind.to_owned(),
        sealed: body.seal(&key, report, id)?,
        commitment: body.commitment().to_vec(),
        from_reporter: true,
        author_position: None,
        author_opd: None,
        written_at: at,
        audience: "reporter".to_owned(),
        released_at: Some(at),
    };
    text::insert(conn, &stored).await?;
    attach::file_with_text(intake, conn, report, &key, id, attachments).await?;
    Ok(body.reference(id))
}
