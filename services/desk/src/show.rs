//! From what is stored to what is shown.

use tuntas_proto::{
    desk::v1::{CommandStatus, DeskCase},
    wire_time::timestamp,
};

use crate::store::{
    cases::StoredCase,
    commands::{Status, StoredCommand},
};

/// A command with its status.
#[must_use]
pub fn command(stored: &StoredCommand) -> CommandStatus {
    let shown = CommandStatus {
        command_id: stored.command_id.to_string(),
        case_id: stored.case_id.to_string(),
        kind: stored.kind.clone(),
        issued_at: Some(timestamp(stored.issued_at)),
        ..CommandStatus::default()
    };
    match &stored.status {
        Status::Pending => CommandStatus {
            status: "pending".to_owned(),
            ..shown
        },
        Status::Confirmed { seq } => CommandStatus {
            status: "confirmed".to_owned(),
            seq: *seq,
            ..shown
        },
        Status::Refused { code, message } => CommandStatus {
            status: "refused".to_owned(),
            code: code.clone(),
            message: message.clone(),
            ..shown
        },
    }
}

/// A case with the commands on it that are pending.
#[must_use]
pub fn case(stored: StoredCase, pending: &[StoredCommand]) -> DeskCase {
    DeskCase {
        part: stored.part.code().to_owned(),
        pending: pending.iter().map(command).collect(),
        case: Some(stored.case),
    }
}
