//! Who may do what: one pure table (rules M10, M12, M13).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Command};
pub use crate::command_kind::CommandKind;
use crate::ids::{HolderId, OpdCode, PositionId};
use crate::party::Party;

/// A role of a position; a position has one or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Pembina: the Governor.
    Patron,
    /// Pengarah: the Sekda.
    Director,
    /// Penanggung jawab: head of an agency.
    AccountableHead,
    /// Pejabat pengelola: head of Diskominfotik.
    Manager,
    /// Staff of Diskominfotik who verify and dispose.
    Verifier,
    /// Pejabat penghubung: secretary of an agency.
    Liaison,
    /// Pelaksana: head of a division or section.
    Executor,
    /// Ombudsman RI, Riau office.
    Ombudsman,
    /// Inspektorat.
    Auditor,
    /// Data-centre staff; reads no content.
    Operator,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 10] = [
        Self::Patron,
        Self::Director,
        Self::AccountableHead,
        Self::Manager,
        Self::Verifier,
        Self::Liaison,
        Self::Executor,
        Self::Ombudsman,
        Self::Auditor,
        Self::Operator,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Patron => "patron",
            Self::Director => "director",
            Self::AccountableHead => "accountable_head",
            Self::Manager => "manager",
            Self::Verifier => "verifier",
            Self::Liaison => "liaison",
            Self::Executor => "executor",
            Self::Ombudsman => "ombudsman",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for Role {
    type Err = crate::report::UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.code() == text)
            .ok_or_else(|| crate::report::UnknownCode {
                what: "role",
                text: text.to_owned(),
            })
    }
}

/// A position acting through its holder, as the directory had it at `issued_at` (rule M13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Official {
    /// The position.
    pub position: PositionId,
    /// Its holder, regular or acting.
    pub holder: HolderId,
    /// Roles of the position.
    pub roles: BTreeSet<Role>,
    /// Its agency, if it belongs to one.
    pub opd: Option<OpdCode>,
    /// The holder acts for an absent one (Plt/Plh).
    pub acting: bool,
}

/// Who issues a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "actor", rename_all = "snake_case")]
pub enum Actor {
    /// The holder of a report's receipt; the report is named in the command.
    Reporter,
    /// An official.
    Official(Official),
    /// The platform itself: due times, calendar changes.
    System,
}

impl Actor {
    /// The official, if it is one.
    #[must_use]
    pub const fn official(&self) -> Option<&Official> {
        match self {
            Self::Official(official) => Some(official),
            Self::Reporter | Self::System => None,
        }
    }
}

/// What an official is to a case; all that the table needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Their agency leads the case.
    pub lead: bool,
    /// Their agency has an open contribution.
    pub contributor: bool,
    /// Their agency contributes or has contributed: what it took part in it keeps seeing.
    pub took_part: bool,
    /// Their agency is the unit complained about (rule M10).
    pub complained: bool,
    /// The case is supervisory.
    pub supervisory: bool,
    /// Who verifies and disposes: the manager, or above them for their own units (rule M10).
    pub authority: Party,
    /// The release of the answer needs the head's role (rule M12).
    pub head_required: bool,
}

impl Relation {
    /// The relation of an official to a case.
    #[must_use]
    pub fn of(official: &Official, case: &Case) -> Self {
        let own = official.opd.as_ref();
        Self {
            lead: own.is_some() && case.lead.as_ref() == own,
            contributor: own.is_some_and(|opd| case.open_contribution(opd).is_some()),
            took_part: own.is_some_and(|opd| case.contributions.iter().any(|part| part.opd == *opd)),
            complained: own.is_some() && case.complained_unit.as_ref() == own,
            supervisory: case.supervisory,
            authority: case.authority.clone(),
            head_required: case.head_required(),
        }
    }
}

/// Whether a role may issue a command on a case to which it has a relation.
///
/// Citizens' commands are authorised by receipt in intake, the system's by the process; neither has a role.
#[must_use]
pub fn may(role: Role, command: CommandKind, relation: &Relation) -> bool {
    use CommandKind as C;
    // Rule M10: nobody decides on their own unit, and it does not handle a supervisory case about itself.
    if relation.complained && (is_decision(command) || relation.supervisory) {
        return false;
    }
    match command {
        C::AcceptVerification
        | C::RequestCompletion
        | C::Reject
        | C::Refer
        | C::MergeInto
        | C::Absorb
        | C::Unmerge
        | C::Dispose
        | C::Recall
        | C::AddContributor => verifies(role, &relation.authority),
        C::Reclassify => verifies(role, &relation.authority) || (role == Role::Auditor && relation.supervisory),
        C::Bind | C::Transfer | C::DeclineTransfer => manages(role, &relation.authority),
        C::AcceptCase | C::ReturnCase | C::RequestTransfer | C::Assign => {
            relation.lead && matches!(role, Role::Liaison | Role::AccountableHead)
        }
        C::RecordProgress => {
            (relation.lead || relation.contributor)
                && matches!(role, Role::Liaison | Role::AccountableHead | Role::Executor)
        }
        C::AgencyCompletionRequest | C::DeclareLeadDone | C::ReleaseFirstResponse => {
            relation.lead && matches!(role, Role::Liaison | Role::AccountableHead)
        }
        C::ContributionDone => relation.contributor && matches!(role, Role::Liaison | Role::AccountableHead),
        // Rule M12.
        C::ReleaseAnswer => {
            relation.lead && (role == Role::AccountableHead || (role == Role::Liaison && !relation.head_required))
        }
        C::DecideDispute => match relation.authority {
            Party::Patron => role == Role::Patron,
            _ => role == Role::Director,
        },
        C::DecideContest => decides_contests(role, &relation.authority),
        // A granted contest of a merge takes the reports out of the surviving case (rules M6, M8).
        C::SplitOff => verifies(role, &relation.authority) || decides_contests(role, &relation.authority),
        C::Reopen | C::TakeOver | C::HandBack => role == Role::Ombudsman,
        C::File
        | C::CompleteReport
        | C::Withdraw
        | C::Dispute
        | C::Rate
        | C::Contest
        | C::FallDue
        | C::Escalate
        | C::ApplyCalendar
        | C::CorrectForOutage => false,
    }
}

/// Whether a role sees a case at all (rule M10; the Ombudsman's reads are logged by the reader).
#[must_use]
pub fn may_see(role: Role, relation: &Relation) -> bool {
    if relation.complained && relation.supervisory {
        return false;
    }
    match role {
        Role::Patron | Role::Director | Role::Ombudsman | Role::Manager | Role::Verifier => true,
        Role::Auditor => relation.supervisory || relation.lead || relation.took_part,
        Role::AccountableHead | Role::Liaison | Role::Executor => relation.lead || relation.took_part,
        Role::Operator => false,
    }
}

/// Commands that decide about a case, in the sense of rule M10.
#[must_use]
pub const fn is_decision(command: CommandKind) -> bool {
    use CommandKind as C;
    matches!(
        command,
        C::AcceptVerification
            | C::RequestCompletion
            | C::Reject
            | C::Refer
            | C::MergeInto
            | C::Absorb
            | C::Unmerge
            | C::SplitOff
            | C::Reclassify
            | C::Dispose
            | C::Bind
            | C::Transfer
            | C::DeclineTransfer
            | C::Recall
            | C::AddContributor
            | C::DecideDispute
            | C::DecideContest
    )
}

/// Who may issue a command at all, before any role is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// A citizen, by receipt.
    Reporter,
    /// An official, by role.
    Official,
    /// The platform itself.
    System,
}

/// The issuer of a command.
#[must_use]
pub const fn issuer(command: CommandKind) -> Issuer {
    use CommandKind as C;
    match command {
        C::File | C::CompleteReport | C::Withdraw | C::Dispute | C::Rate | C::Contest => Issuer::Reporter,
        C::FallDue | C::Escalate | C::ApplyCalendar | C::CorrectForOutage => Issuer::System,
        _ => Issuer::Official,
    }
}

/// Whether an actor may issue a command on a case, with the reason when not.
///
/// # Errors
/// [`Refusal::OwnUnit`](crate::Refusal::OwnUnit), [`Refusal::HeadRequired`](crate::Refusal::HeadRequired) or
/// [`Refusal::NotPermitted`](crate::Refusal::NotPermitted).
pub fn authorize(actor: &Actor, command: &Command, case: &Case) -> Result<(), crate::Refusal> {
    use crate::Refusal;
    let kind = command.kind();
    let official = match (issuer(kind), actor) {
        (Issuer::Reporter, Actor::Reporter) | (Issuer::System, Actor::System) => return Ok(()),
        (Issuer::Official, Actor::Official(official)) => official,
        _ => return Err(Refusal::NotPermitted),
    };
    let relation = Relation::of(official, case);
    if official.roles.iter().any(|role| may(*role, kind, &relation)) {
        return Ok(());
    }
    let without = Relation {
        complained: false,
        ..relation.clone()
    };
    if relation.complained && official.roles.iter().any(|role| may(*role, kind, &without)) {
        return Err(Refusal::OwnUnit);
    }
    let relaxed = Relation {
        head_required: false,
        ..relation
    };
    if official.roles.iter().any(|role| may(*role, kind, &relaxed)) {
        return Err(Refusal::HeadRequired);
    }
    Err(Refusal::NotPermitted)
}

fn verifies(role: Role, authority: &Party) -> bool {
    role == Role::Verifier && *authority == Party::Manager || manages(role, authority)
}

/// Rule M8: the patron decides where the director decided first.
fn decides_contests(role: Role, authority: &Party) -> bool {
    match authority {
        Party::Patron => role == Role::Patron,
        _ => matches!(role, Role::Director | Role::Patron),
    }
}

fn manages(role: Role, authority: &Party) -> bool {
    match authority {
        Party::Director => role == Role::Director,
        Party::Patron => role == Role::Patron,
        _ => role == Role::Manager,
    }
}
