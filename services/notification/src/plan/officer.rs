//! Mails to officers: to positions, so that whoever holds one when the mail is sent gets it.

use time::OffsetDateTime;
use tuntas_domain::{CaseId, OpdCode, PositionId, Role};
use tuntas_kit::directory::Snapshot;

use super::{Mail, Recipient};
use crate::facts::Facts;

/// The facts that every mail about a case has.
pub(super) fn about(case_id: CaseId, opd: Option<&OpdCode>, directory: &Snapshot) -> Facts {
    agency(Facts::new().text("case", case_id.to_string()), opd, directory)
}

/// Adds the agency's official name.
pub(super) fn agency(facts: Facts, opd: Option<&OpdCode>, directory: &Snapshot) -> Facts {
    let Some(opd) = opd else {
        return facts.code("agency", "nobody", "agency");
    };
    let name = directory.agencies.get(opd).map(|agency| agency.official_name.clone());
    facts.text(
        "agency",
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| opd.to_string()),
    )
}

/// Title of a position.
pub(crate) fn title(position: &PositionId, directory: &Snapshot) -> String {
    let title = directory.positions.get(position).map(|position| position.title.clone());
    title
        .filter(|title| !title.is_empty())
        .unwrap_or_else(|| position.to_string())
}

/// The position that bears a role in an agency.
pub(super) fn bearer(
    role: Role,
    opd: &OpdCode,
    at: Option<OffsetDateTime>,
    directory: &Snapshot,
) -> Option<PositionId> {
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    directory
        .directory
        .position_with(role, Some(opd), at)
        .map(|position| position.id.clone())
}

/// Head and liaison of an agency.
pub(super) fn head_and_liaison(opd: &OpdCode, at: Option<OffsetDateTime>, directory: &Snapshot) -> Vec<PositionId> {
    [Role::AccountableHead, Role::Liaison]
        .into_iter()
        .filter_map(|role| bearer(role, opd, at, directory))
        .collect()
}

/// The superior of a position.
pub(super) fn superior(position: &PositionId, directory: &Snapshot) -> Option<PositionId> {
    directory
        .positions
        .get(position)
        .and_then(|position| position.superior_id.parse().ok())
}

/// One mail to each of these positions.
pub(super) fn mails(
    template: &'static str,
    positions: impl IntoIterator<Item = PositionId>,
    facts: &Facts,
    case_id: CaseId,
    directory: &Snapshot,
) -> Vec<Mail> {
    positions
        .into_iter()
        .map(|position| Mail {
            facts: facts.clone().text("position", title(&position, directory)),
            recipient: Recipient::Position(position),
            template,
            case_id: Some(case_id),
        })
        .collect()
}
