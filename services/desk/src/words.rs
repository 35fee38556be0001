//! The text that comes with a command: which kind it is, whether it is needed, and where its reference goes.

use tuntas_proto::{case::v1::case_command::Command, common::v1::TextRef};

/// The text of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Kind of the text in intake.
    pub kind: &'static str,
    /// The command is nothing without it.
    pub required: bool,
}

/// The slot for the text of a command; none when it takes none.
#[must_use]
pub const fn slot(command: &Command) -> Option<Slot> {
    Some(match command {
        Command::Return(_) | Command::RequestTransfer(_) => Slot {
            kind: "reason",
            required: true,
        },
        Command::RecordProgress(_) => Slot {
            kind: "note",
            required: true,
        },
        Command::ContributionDone(_) => Slot {
            kind: "note",
            required: false,
        },
        Command::ReleaseFirstResponse(_) => Slot {
            kind: "first_response",
            required: true,
        },
        Command::AgencyRequestCompletion(_) => Slot {
            kind: "completion_request",
            required: true,
        },
        Command::ReleaseAnswer(_) => Slot {
            kind: "answer",
            required: true,
        },
        _ => return None,
    })
}

/// The reference in the slot; none for a command without a slot.
pub const fn reference(command: &mut Command) -> Option<&mut Option<TextRef>> {
    Some(match command {
        Command::Return(ask) => &mut ask.reason,
        Command::RequestTransfer(ask) => &mut ask.reason,
        Command::RecordProgress(ask) => &mut ask.note,
        Command::ContributionDone(ask) => &mut ask.note,
        Command::ReleaseFirstResponse(ask) => &mut ask.text,
        Command::AgencyRequestCompletion(ask) => &mut ask.question,
        Command::ReleaseAnswer(ask) => &mut ask.text,
        _ => return None,
    })
}
