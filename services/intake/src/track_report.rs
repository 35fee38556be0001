//! Following a report by its receipt: state, timeline, texts, commands, and who saw the reporter's name.

use std::time::Duration;

use sqlx::PgConnection;
use tuntas_kit::problem::Problem;
use tuntas_proto::{
    case::v1::Case,
    convert::{privacy_to_wire, report_kind_to_wire},
    intake::v1::{CitizenCommandStatus, IdentityAccess, TimelineEntry, TrackReportRequest, TrackReportResponse},
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{
    content::Words,
    intake::Intake,
    receipt::{self, Peer},
    store::{
        self, case, command,
        report::Report,
        text::{self, StoredText},
    },
    texts, validate,
};

const WAIT_MAX: Duration = Duration::from_secs(1);
const TIMELINE_MAX: i64 = 1_000;
/// Audience of what only officers read.
const OFFICERS: &str = "officers";

/// Tells a reporter how the report stands.
///
/// # Errors
/// `unknown_ticket`, `rate_limited`, `id_malformed`, or the database's.
pub async fn track_report(
    intake: &Intake,
    request: TrackReportRequest,
    peer: Peer,
) -> Result<TrackReportResponse, Problem> {
    let mut conn = intake.conn().await?;
    let mut report = receipt::report_of(intake, &mut conn, request.receipt.as_ref(), peer).await?;
    if let Some(command_id) = validate::given(&request.after_command_id) {
        let command_id = validate::id(command_id)?;
        drop(conn);
        wait_for(intake, report.id, command_id).await?;
        conn = intake.conn().await?;
        report = receipt::report_of(intake, &mut conn, request.receipt.as_ref(), peer).await?;
    }
    let conn = &mut *conn;
    let words = match intake.key(conn, report.id).await? {
        Some(key) => Words::open(&key, report.id, &report.sealed_words)?,
        None => Words::default(),
    };
    let case = match report.case_id {
        Some(case_id) => case::surviving(conn, case_id).await?,
        None => None,
    };
    let mine = text::of_report(conn, report.id).await?;
    let shown: Vec<StoredText> = mine.iter().filter(|text| text.audience != OFFICERS).cloned().collect();
    Ok(TrackReportResponse {
        report_id: report.id.to_string(),
        ticket: report.ticket.clone(),
        title: words.title,
        body: words.body,
        kind: report_kind_to_wire(store::parsed("kind", &report.kind)?).into(),
        privacy: privacy_to_wire(store::parsed("privacy", &report.privacy)?).into(),
        timeline: timeline(conn, report.id).await?,
        texts: texts::open_all(intake, conn, &shown).await?,
        commands: commands(conn, report.id).await?,
        identity_accesses: accesses(intake, conn, report.id, &mine).await?,
        ticket_of_surviving_case: surviving_ticket(conn, &report, case.as_ref()).await?,
        case: case.map(|case| for_reporter(case, report.id)),
    })
}

/// Waits until routing has decided a command, or the time is over: then it is still shown as pending.
async fn wait_for(intake: &Intake, report: Uuid, command_id: Uuid) -> Result<(), Problem> {
    let mut wait = intake.heard.wait(command_id, WAIT_MAX);
    while command::is_pending(&mut *intake.conn().await?, report, command_id).await? && wait.again().await {}
    Ok(())
}

/// The case without the other reports of its cluster.
fn for_reporter(case: Case, report: Uuid) -> Case {
    let own = report.to_string();
    Case {
        members: case
            .members
            .into_iter()
            .filter(|member| member.report_id == own)
            .collect(),
        dispute_records: case
            .dispute_records
            .into_iter()
            .filter(|record| record.report_id == own)
            .collect(),
        clocks: case
            .clocks
            .into_iter()
            .filter(|clock| clock.report_id.is_empty() || clock.report_id == own)
            .collect(),
        ..case
    }
}

async fn timeline(conn: &mut PgConnection, report: Uuid) -> Result<Vec<TimelineEntry>, Problem> {
    let rows = case::timeline(conn, report, TIMELINE_MAX).await?;
    Ok(rows
        .into_iter()
        .map(|row| TimelineEntry {
            at: Some(timestamp(row.at)),
            r#type: row.r#type,
            opd_code: row.opd_code.unwrap_or_default(),
            due_at: row.due_at.map(timestamp),
            reason_code: row.reason_code.unwrap_or_default(),
        })
        .collect())
}

async fn commands(conn: &mut PgConnection, report: Uuid) -> Result<Vec<CitizenCommandStatus>, Problem> {
    let rows = command::of_report(conn, report).await?;
    Ok(rows
        .into_iter()
        .map(|row| CitizenCommandStatus {
            command_id: row.id.to_string(),
            kind: row.kind,
            status: row.status,
            code: row.code.unwrap_or_default(),
            received_at: Some(timestamp(row.received_at)),
        })
        .collect())
}

/// Who saw the name, when and why. Of an erased report the reason is gone with its key.
async fn accesses(
    intake: &Intake,
    conn: &mut PgConnection,
    report: Uuid,
    texts: &[StoredText],
) -> Result<Vec<IdentityAccess>, Problem> {
    let mut shown = Vec::new();
    for access in text::accesses(conn, report).await? {
        let reason = match texts.iter().find(|text| text.id == access.reason_text_id) {
            Some(text) => texts::open_one(intake, conn, text)
                .await?
                .map(|body| body.body)
                .unwrap_or_default(),
            None => String::new(),
        };
        shown.push(IdentityAccess {
            at: Some(timestamp(access.at)),
            position_id: access.position_id,
            reason,
        });
    }
    Ok(shown)
}

/// After a merge: the ticket of the report that opened the surviving case, unless its reporter keeps it secret.
async fn surviving_ticket(conn: &mut PgConnection, report: &Report, case: Option<&Case>) -> Result<String, Problem> {
    let first = case
        .and_then(|case| case.members.first())
        .and_then(|member| member.report_id.parse::<Uuid>().ok());
    match first {
        Some(first) if first != report.id => Ok(case::public_ticket(conn, first).await?.unwrap_or_default()),
        _ => Ok(String::new()),
    }
}
