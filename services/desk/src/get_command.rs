//! What has become of a command.

use std::time::Duration;

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

/// Shows a command of the caller's agency; waits up to a second for its decision when asked to.
///
/// # Errors
/// `not_found`.
pub async fn get(desk: &Desk, caller: &Caller, request: &GetCommandRequest) -> Result<CommandStatus, Problem> {
    let command_id: Uuid = request
        .command_id
        .parse()
        .map_err(|error| Problem::invalid("command_id", error))?;
    let mut wait = desk.heard.wait(command_id, WAIT_MAX);
    loop {
        let mut conn = desk.conn().await?;
        let stored = commands::get(&mut conn, &caller.opd, command_id).await?;
        drop(conn);
        let stored = stored.ok_or_else(|| Problem::new(NOT_FOUND))?;
        if stored.status != Status::Pending || !request.wait || !wait.again().await {
            return Ok(show::command(&stored));
        }
    }
}
