//! A new receipt code for who lost theirs.
//!
//! Who asks says where they can be reached; that is compared with what was given when filing, and the code goes there and
//! nowhere else. To ask tells nothing: every request is a row, settled afterwards by a task of its own. Who is known to write
//! from the contact, because a gateway of SMS or WhatsApp signed it, gets the code at once.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tuntas_domain::TicketNumber;
use tuntas_kit::{
    ids, outbox,
    problem::{FORBIDDEN, Problem, UNKNOWN_TICKET},
    reconciler::{self, Next},
    tx,
};
use tuntas_proto::{
    event::v1::{ReceiptRecovered, event::Payload},
    intake::v1::{Identity, RecoverReceiptRequest, RecoverReceiptResponse},
};
use uuid::Uuid;

use crate::{
    content::open_identity,
    facts::{self, What},
    intake::Intake,
    receipt::{Peer, parse_ticket},
    store::{
        recovery::{self, Recovery},
        report::{self, Report},
    },
    validate,
};

/// Between two codes for one report, so that nobody's mailbox is filled by others.
const AGAIN_AFTER: time::Duration = time::Duration::minutes(10);
const POLL: Duration = Duration::from_secs(5);

/// Asks for a new code.
///
/// # Errors
/// `unknown_ticket` for what can be no ticket, `email_malformed`, `phone_malformed`, `rate_limited`, `forbidden` for who may not
/// vouch for anybody, or the database's.
pub async fn recover_receipt(
    intake: &Intake,
    request: RecoverReceiptRequest,
    peer: Peer,
    from_edge: bool,
) -> Result<RecoverReceiptResponse, Problem> {
    let ticket = parse_ticket(&request.ticket).ok_or_else(|| Problem::new(UNKNOWN_TICKET))?;
    let contact = validate::contact(&request.contact)?;
    let mac = intake.secrets.contact_mac(&contact);
    if request.proven {
        if !from_edge {
            return Err(Problem::new(FORBIDDEN));
        }
        return at_once(intake, ticket, mac.to_vec()).await;
    }
    // Asking is as good as guessing: it counts like a wrong code.
    if let Some(address) = peer.0 {
        intake.wrong_by_peer.check(&address)?;
        intake.wrong_by_peer.failed(&address);
    }
    keep(intake, ticket, mac.to_vec()).await?;
    Ok(RecoverReceiptResponse::default())
}

async fn keep(intake: &Intake, ticket: TicketNumber, contact_mac: Vec<u8>) -> Result<(), Problem> {
    let recovery = Recovery {
        recovery_id: ids::new_id(),
        ticket: ticket.to_string(),
        contact_mac,
        asked_at: intake.now(),
    };
    tx::run(&intake.pool, move |conn| {
        Box::pin(async move { recovery::insert(conn, &recovery).await.map_err(Problem::from) })
    })
    .await?;
    intake.recoveries.notify_one();
    Ok(())
}

async fn at_once(
    intake: &Intake,
    ticket: TicketNumber,
    contact_mac: Vec<u8>,
) -> Result<RecoverReceiptResponse, Problem> {
    let (intake, at) = (intake.clone(), intake.now());
    let pool = intake.pool.clone();
    tx::run(&pool, move |conn| {
        Box::pin(async move {
            let unknown = || Problem::new(UNKNOWN_TICKET);
            let report = owned(&intake, conn, &ticket.to_string(), &contact_mac)
                .await?
                .ok_or_else(unknown)?;
            let recovery_id = ids::new_id();
            issue(&intake, conn, report.id, recovery_id, at).await?;
            Ok::<_, Problem>(RecoverReceiptResponse {
                receipt_code: intake.secrets.recovered_code(recovery_id).reveal(),
            })
        })
    })
    .await
}

/// Settles what waits. Returns how many requests that were.
///
/// # Errors
/// The database's; what was not settled is settled the next time.
pub async fn settle(intake: &Intake) -> Result<usize, Problem> {
    let mut settled = 0;
    loop {
        let (one, at) = (intake.clone(), intake.now());
        let found = tx::run(&intake.pool, move |conn| {
            Box::pin(async move {
                let Some(recovery) = recovery::take(conn).await? else {
                    return Ok::<_, Problem>(false);
                };
                if let Some(report) = owned(&one, conn, &recovery.ticket, &recovery.contact_mac).await?
                    && report.recovered_at.is_none_or(|before| at - before >= AGAIN_AFTER)
                {
                    issue(&one, conn, report.id, recovery.recovery_id, at).await?;
                }
                Ok(true)
            })
        })
        .await?;
        if !found {
            return Ok(settled);
        }
        settled += 1;
    }
}

/// Settles until `stop`.
///
/// # Errors
/// None.
pub async fn run(intake: Intake, stop: CancellationToken) -> anyhow::Result<()> {
    reconciler::run("lost receipt codes", POLL, &intake.recoveries, stop, || {
        let intake = intake.clone();
        async move { settle(&intake).await.map(|_| Next::Later) }
    })
    .await
}

/// The report of a ticket, if this contact was given with it. An erased report has none.
async fn owned(
    intake: &Intake,
    conn: &mut PgConnection,
    ticket: &str,
    contact_mac: &[u8],
) -> Result<Option<Report>, Problem> {
    let Some(report) = report::by_ticket(conn, ticket).await? else {
        return Ok(None);
    };
    let (Some(key), Some(sealed)) = (intake.key(conn, report.id).await?, &report.sealed_identity) else {
        return Ok(None);
    };
    let Identity { email, phone, .. } = open_identity(&key, report.id, sealed)?;
    let is_theirs = [email, phone]
        .iter()
        .filter(|contact| !contact.is_empty())
        .any(|contact| intake.secrets.contact_mac(&validate::same_contact(contact)) == contact_mac);
    Ok(is_theirs.then_some(report))
}

/// Gives the report its new code, and tells of it, so that it is sent.
async fn issue(
    intake: &Intake,
    conn: &mut PgConnection,
    report: Uuid,
    recovery_id: Uuid,
    at: OffsetDateTime,
) -> Result<(), Problem> {
    let code = intake.secrets.recovered_code(recovery_id);
    let seq = report::next_seq(conn, report).await?;
    recovery::set_code(conn, report, &intake.secrets.receipt_mac(report, &code), at).await?;
    let payload = Payload::ReceiptRecovered(ReceiptRecovered {
        report_id: report.to_string(),
    });
    let fact = facts::fact_with_id(
        What::ReceiptRecovered,
        recovery_id,
        report,
        seq,
        at,
        facts::citizen(),
        payload,
    );
    outbox::append(conn, &[fact]).await?;
    Ok(())
}
