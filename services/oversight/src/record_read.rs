//! What the Ombudsman looked at is itself a fact of the log: one event for each time they asked.

use sqlx::PgPool;
use tuntas_domain::authorization::Role;
use tuntas_kit::{ombudsman, problem::Problem};
use tuntas_proto::event::v1::OmbudsmanRead;

use crate::access::Caller;

/// Records a read, when it is the Ombudsman who reads. It is in the outbox before the answer begins.
///
/// # Errors
/// The database's: then nothing may be read.
pub async fn record_read(pool: &PgPool, caller: &Caller, read: OmbudsmanRead) -> Result<(), Problem> {
    if !caller.has(Role::Ombudsman) {
        return Ok(());
    }
    ombudsman::record_read(pool, "oversight", &caller.assertion, caller.at, read).await
}
