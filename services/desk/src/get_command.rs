//! What has become of a command.

use std::time::Duration;

use tokio::time::Instant;
use tuntas_kit::problem::{NOT_FOUND, Problem};
use tuntas_proto::desk::v1::{CommandStatus, GetCommandRequest};
use uuid::Uuid;

use crate::{
    caller::Caller,
    desk::Desk,
    show,
    store::commands::{self, Status},
};

const WAIT_MAX: Duration = Duration::from_secs(1);
const WAIT_STEP: Duration = Duration::from_millis(25);

/// Shows a command of the caller's agency; waits up to a second for its decision when asked to.
///
/// # Errors
/// `not_found`.
pub async fn get(desk: &Desk, caller: &Caller, request: &GetCommandRequest) -> Result<CommandStatus, Problem> {
    let command_id: Uuid = request
        .command_id
        .parse()
        .map_err(|error| Problem::invalid("command_id", error))?;
    let until = Instant::now() + WAIT_MAX;
    loop {
        let mut conn = desk.conn().await?;
        let stored = commands::get(&mut conn, &caller.opd, command_id).await?;
        drop(conn);
        let stored = stored.ok_or_else(|| Problem::new(NOT_FOUND))?;
        if stored.status != Status::Pending || !request.wait || Instant::now() >= until {
            return Ok(show::command(&stored));
        }
        tokio::time::sleep(WAIT_STEP).await;
    }
}
