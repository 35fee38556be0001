//! Filing: a report is accepted durably and its reporter gets a receipt.
//!
//! It needs this database and nothing else: not the broker, not routing. The receipt code derives from the client's
//! key, so a retry gets the same receipt without its secret being stored; the key with another request is refused.

use time::OffsetDateTime;
use tuntas_domain::{TicketNumber, clock::Basis};
use tuntas_kit::{
    directory::Snapshot,
    ids,
    problem::{IDEMPOTENCY_KEY_REUSED, Problem},
};
use tuntas_proto::{
    convert::{privacy_to_wire, report_kind_to_wire},
    event::v1::{ReportFiled, event::Payload},
    intake::v1::{FileReportRequest, FileReportResponse},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{
    attach,
    content::seal_identity,
    facts,
    group_commit::{self, Outcome, Prepared},
    intake::Intake,
    problems::{UNKNOWN_ATTACHMENT, UNKNOWN_SAME_AS},
    seal::Key,
    secrets::ReceiptCode,
    store::{
        attachment::Attachment,
        filing::{self, Filed, NewReport},
        register,
    },
    validate::{self, Filing},
};

/// Ticket numbers that one filing draws, at most.
const TICKET_TRIES_MAX: u32 = 5;

/// No policy is in force: the directory has none that early.
#[derive(Debug, thiserror::Error)]
#[error("no policy is in force")]
struct NoPolicy;

/// The random ticket number is in use already.
#[derive(Debug, thiserror::Error)]
#[error("the ticket number is in use")]
struct TicketInUse;

/// Files a report.
///
/// # Errors
/// The code of the first field that is wrong, `idempotency_key_reused`, or `unavailable`; then the same request
/// may be sent again.
pub async fn file_report(intake: &Intake, request: FileReportRequest) -> Result<FileReportResponse, Problem> {
    validate::filing_key(&request.idempotency_key)?;
    let filing_key = intake.secrets.filing_key(&request.idempotency_key).to_vec();
    let code = intake.secrets.receipt_code(&request.idempotency_key);
    let prepared = match prepare(intake, &request, filing_key.clone(), &code).await {
        Ok(prepared) => prepared,
        // A retry is answered as its first try was, whatever has changed since.
        Err(problem) => match filed_before(intake, filing_key).await? {
            Some(filed) => return receipt_again(intake, &request, &filed, &code),
            None => return Err(problem),
        },
    };
    let (mut prepared, mut tries) = (prepared, 1);
    loop {
        let response = FileReportResponse {
            ticket: prepared.report.ticket.clone(),
            receipt_code: code.reveal(),
            report_id: prepared.report.id.to_string(),
            filed_at: Some(timestamp(prepared.report.filed_at)),
            verification_due_at: Some(timestamp(prepared.report.verification_due_at)),
        };
        match group_commit::write(intake, prepared).await? {
            Outcome::Written => return Ok(response),
            Outcome::Earlier(filed) => return receipt_again(intake, &request, &filed, &code),
            Outcome::AttachmentTaken => return Err(UNKNOWN_ATTACHMENT.into()),
            // Of ten million forty-bit numbers, one in a hundred thousand new ones is taken.
            Outcome::TicketTaken(again) if tries < TICKET_TRIES_MAX => {
                prepared = *again;
                prepared.report.ticket = new_ticket();
                tries += 1;
            }
            Outcome::TicketTaken(_) => return Err(Problem::unavailable(TicketInUse)),
        }
    }
}

fn new_ticket() -> String {
    TicketNumber::from_entropy(ids::random_bytes()).to_string()
}

/// All that can be done before the database is needed, and what must be looked up there: a plain filing asks it nothing.
async fn prepare(
    intake: &Intake,
    request: &FileReportRequest,
    filing_key: Vec<u8>,
    code: &ReceiptCode,
) -> Result<Prepared, Problem> {
    let filed_at = intake.now();
    let directory = intake.recent_snapshot().await?;
    let filing = validate::filing(request, &directory, intake.config.filing.attachments_max, filed_at)?;
    let (same_as, uploads) = match filing.same_as.is_none() && filing.attachments.is_empty() {
        true => (None, Vec::new()),
        false => {
            let mut conn = intake.conn().await?;
            (
                same_as(&mut conn, filing.same_as).await?,
                attach::unfiled(&mut conn, &filing.attachments).await?,
            )
        }
    };
    let (verification_due_at, policy_version) = verification_due(&directory, filed_at)?;
    let sealed = Sealed {
        filing_key,
        request_hash: intake.secrets.request_hash(request).to_vec(),
        code,
        filed_at,
        verification_due_at,
        same_as,
    };
    seal(intake, filing, &uploads, sealed, policy_version)
}

async fn filed_before(intake: &Intake, filing_key: Vec<u8>) -> Result<Option<Filed>, Problem> {
    let mut conn = intake.conn().await?;
    let mut filed = filing::by_filing_keys(&mut conn, &[filing_key]).await?;
    Ok(filed.pop())
}

/// The receipt of a filing that is written already.
fn receipt_again(
    intake: &Intake,
    request: &FileReportRequest,
    filed: &Filed,
    code: &ReceiptCode,
) -> Result<FileReportResponse, Problem> {
    if intake.secrets.request_hash(request).as_slice() != filed.filing_hash.as_slice() {
        return Err(Problem::new(IDEMPOTENCY_KEY_REUSED));
    }
    Ok(FileReportResponse {
        ticket: filed.ticket.clone(),
        receipt_code: code.reveal(),
        report_id: filed.id.to_string(),
        filed_at: Some(timestamp(filed.filed_at)),
        verification_due_at: Some(timestamp(filed.verification_due_at)),
    })
}

/// When verification is due (rule K2), by the policy in force (rule K3) and the calendar; and the policy's version.
fn verification_due(directory: &Snapshot, filed_at: OffsetDateTime) -> Result<(OffsetDateTime, u32), Problem> {
    let policy = directory
        .policies
        .in_force(filed_at)
        .ok_or_else(|| Problem::unavailable(NoPolicy))?;
    let basis = Basis {
        started_at: filed_at,
        limit: policy.limits.verification,
        pauses: Vec::new(),
    };
    Ok((directory.calendar.due_at(&basis), policy.version))
}

async fn same_as(conn: &mut sqlx::PgConnection, ticket: Option<TicketNumber>) -> Result<Option<Uuid>, Problem> {
    let Some(ticket) = ticket else { return Ok(None) };
    let listed = register::by_ticket(conn, &ticket.to_string()).await?;
    listed
        .map(|row| Some(row.report_id))
        .ok_or_else(|| UNKNOWN_SAME_AS.into())
}

/// What was derived before sealing.
struct Sealed<'a> {
    filing_key: Vec<u8>,
    request_hash: Vec<u8>,
    code: &'a ReceiptCode,
    filed_at: OffsetDateTime,
    verification_due_at: OffsetDateTime,
    same_as: Option<Uuid>,
}

fn seal(
    intake: &Intake,
    filing: Filing,
    uploads: &[Attachment],
    sealed: Sealed<'_>,
    policy_version: u32,
) -> Result<Prepared, Problem> {
    let id = ids::new_id();
    let key = Key::generate();
    let wrapped = intake.master.wrap(id, &key)?;
    let text = format!("{}\n{}", filing.words.title, filing.words.body);
    let event = filed_event(id, &filing, uploads, sealed.filed_at, policy_version);
    let report = NewReport {
        id,
        ticket: new_ticket(),
        filing_key: sealed.filing_key,
        filing_hash: sealed.request_hash,
        receipt_mac: intake.secrets.receipt_mac(id, sealed.code).to_vec(),
        kind: filing.kind.code(),
        privacy: filing.privacy.code(),
        category_code: filing.category.to_string(),
        region_code: filing.region.to_string(),
        named_opd: filing.named_opd.as_ref().map(ToString::to_string),
        event_date: filing.event_date,
        filed_at: sealed.filed_at,
        verification_due_at: sealed.verification_due_at,
        channel: filing.channel.clone(),
        language: filing.language.clone(),
        same_as: sealed.same_as,
        sealed_words: filing.words.seal(&key, id)?,
        sealed_identity: filing
            .identity
            .as_ref()
            .map(|identity| seal_identity(identity, &key, id))
            .transpose()?,
        words_commitment: filing.words.commitment().to_vec(),
        wrapped_key: wrapped.bytes,
        key_id: wrapped.key_id,
        grams: intake.grams.of(&text),
    };
    let attachments = attach::reseal(intake, id, &key, uploads)?;
    Ok(Prepared {
        report,
        attachments,
        event,
    })
}

fn filed_event(
    id: Uuid,
    filing: &Filing,
    uploads: &[Attachment],
    filed_at: OffsetDateTime,
    policy_version: u32,
) -> tuntas_kit::event::OutboxEvent {
    let payload = Payload::ReportFiled(ReportFiled {
        report_id: id.to_string(),
        kind: report_kind_to_wire(filing.kind).into(),
        privacy: privacy_to_wire(filing.privacy).into(),
        category_code: filing.category.to_string(),
        region_code: filing.region.to_string(),
        named_opd: filing.named_opd.as_ref().map(ToString::to_string).unwrap_or_default(),
        filed_at: Some(timestamp(filed_at)),
        channel: filing.channel.clone(),
        words_commitment: filing.words.commitment().to_vec(),
        attachment_digests: uploads.iter().map(|upload| upload.sha256.clone()).collect(),
    });
    facts::filed(id, filed_at, policy_version, payload)
}
