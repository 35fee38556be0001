//! Who has the receipt is the reporter.
//!
//! An unknown ticket and a wrong code look the same, to the clock too. Wrong codes count against the ticket and
//! against the address they come from; when either has had too many, nothing is even looked at.

use std::net::IpAddr;

use sqlx::PgConnection;
use tuntas_domain::TicketNumber;
use tuntas_kit::problem::{Problem, UNKNOWN_TICKET};
use tuntas_proto::intake::v1::Receipt;
use uuid::Uuid;

use crate::{
    intake::Intake,
    secrets::ReceiptCode,
    store::report::{self, Report},
};

/// Fits no code that anybody can find.
const NO_MAC: [u8; 32] = [0; 32];

/// Where a request comes from, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peer(pub Option<IpAddr>);

/// The report of a receipt.
///
/// # Errors
/// `unknown_ticket`, `rate_limited`, or the database's.
pub async fn report_of(
    intake: &Intake,
    conn: &mut PgConnection,
    receipt: Option<&Receipt>,
    peer: Peer,
) -> Result<Report, Problem> {
    let unknown = || Problem::new(UNKNOWN_TICKET);
    if let Some(address) = peer.0 {
        intake.wrong_by_peer.check(&address)?;
    }
    let receipt = receipt.ok_or_else(unknown)?;
    // A typing error in the ticket is found by its check character and is no guess.
    let ticket = parse_ticket(&receipt.ticket).ok_or_else(unknown)?.to_string();
    intake.wrong_by_ticket.check(&ticket)?;
    let found = report::by_ticket(conn, &ticket).await?;
    let code = ReceiptCode::parse(&receipt.receipt_code);
    // An unknown ticket costs the same work as a wrong code.
    let id = found.as_ref().map_or(Uuid::nil(), |report| report.id);
    let first = found.as_ref().map(|report| report.receipt_mac.as_slice());
    let recovered = found.as_ref().and_then(|report| report.recovered_mac.as_deref());
    let fits = code.is_some_and(|code| {
        [first, recovered]
            .map(|mac| intake.secrets.fits(id, &code, mac.unwrap_or(&NO_MAC)))
            .contains(&true)
    });
    if let Some(report) = found.filter(|_| fits) {
        return Ok(report);
    }
    intake.wrong_by_ticket.failed(&ticket);
    if let Some(address) = peer.0 {
        intake.wrong_by_peer.failed(&address);
    }
    Err(unknown())
}

/// A ticket as people write it, if it is short enough to be one.
#[must_use]
pub fn parse_ticket(text: &str) -> Option<TicketNumber> {
    const BYTES_MAX: usize = 64;
    (text.len() <= BYTES_MAX).then(|| text.parse().ok()).flatten()
}
