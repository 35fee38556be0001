//! What goes to the screen: tables for people, JSON by the protocol's descriptors for scripts.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::OnceLock,
};

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use time::OffsetDateTime;
use tuntas_proto::{Timestamp, case::v1::Case, wire_time};

use crate::{
    error::{CtlError, Result},
    labels, wib,
};

/// Standard output, for people or for scripts.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    json: bool,
}

impl Screen {
    /// A screen that shows JSON or text.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON is wanted.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person looks on.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Shows an answer of the platform: as JSON whole, as text what `human` makes of it.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn show<M: Message + Name>(self, message: &M, human: impl FnOnce(&M) -> String) -> Result<()> {
        if self.json {
            self.value(&to_json(message)?)
        } else {
            self.text(&human(message))
        }
    }

    /// Shows something of our own.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn show_value(self, value: &Value, human: impl FnOnce() -> String) -> Result<()> {
        if self.json {
            self.value(value)
        } else {
            self.text(&human())
        }
    }

    fn value(self, value: &Value) -> Result<()> {
        // One line for a stream's sake: `| jq` makes it readable.
        self.text(&value.to_string())
    }

    /// Shows text, as it is.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn text(self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        match out
            .write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
        {
            // Whoever read has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(CtlError::failure("standard output", error)),
            Ok(()) => Ok(()),
        }
    }

    /// Says on standard error what is going on; not part of the result.
    pub fn note(self, text: &str) {
        // Nothing is left to do when even this cannot be written.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

fn pool() -> Result<&'static DescriptorPool> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(tuntas_proto::DESCRIPTORS).ok())
        .as_ref()
        .ok_or_else(|| CtlError::failure("protocol descriptors", "not valid"))
}

/// A message in the canonical JSON of protocol buffers, with the names of the .proto files and with all fields.
///
/// # Errors
/// The message is not in the descriptors.
pub fn to_json<M: Message + Name>(message: &M) -> Result<Value> {
    let name = M::full_name();
    let descriptor = pool()?
        .get_message_by_name(&name)
        .ok_or_else(|| CtlError::failure("unknown message", &name))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|e| CtlError::failure(&name, e))?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|e| CtlError::failure(&name, e))
}

/// A table with left-aligned columns and two blanks between them.
#[must_use]
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headers.iter().map(|header| header.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let head = line(headers.to_vec());
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(head).chain(body).collect::<Vec<_>>().join("\n")
}

/// `name: value` lines, values below each other.
#[must_use]
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let shown = pairs.iter().filter(|(_, value)| !value.is_empty());
    shown
        .map(|(name, value)| format!("{name:<width$}  {value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// An instant from the wire in WIB, or `-`.
#[must_use]
pub fn at(time: Option<&Timestamp>) -> String {
    time.and_then(wire_time::instant)
        .map_or_else(|| "-".to_owned(), wib::instant)
}

/// A due time from the wire in WIB with what is left, or `-`.
#[must_use]
pub fn due(time: Option<&Timestamp>, now: OffsetDateTime) -> String {
    time.and_then(wire_time::instant)
        .map_or_else(|| "-".to_owned(), |due| wib::deadline(due, now))
}

/// A list of cases, as an inbox shows it.
#[must_use]
pub fn case_table<'a>(cases: impl Iterator<Item = &'a Case>, now: OffsetDateTime) -> String {
    let rows: Vec<Vec<String>> = cases
        .map(|case| {
            vec![
                case.case_id.clone(),
                labels::state_and_outcome(case.state, case.outcome),
                labels::kind(case.kind).to_owned() + if case.supervisory { " (pengawasan)" } else { "" },
                case.category_code.clone(),
                if case.lead_opd.is_empty() {
                    "-".to_owned()
                } else {
                    case.lead_opd.clone()
                },
                due(case.next_due_at.as_ref(), now),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "nothing waits here".to_owned();
    }
    table(&["CASE", "STATE", "KIND", "CATEGORY", "LEAD", "DUE"], &rows)
}

/// One case in full, without its words.
#[must_use]
pub fn case_sheet(case: &Case, now: OffsetDateTime) -> String {
    let head = fields(&[
        ("case", format!("{} (seq {})", case.case_id, case.seq)),
        ("state", labels::state_and_outcome(case.state, case.outcome)),
        (
            "kind",
            labels::kind(case.kind).to_owned() + if case.supervisory { ", berkadar pengawasan" } else { "" },
        ),
        ("privacy", labels::privacy(case.privacy).to_owned()),
        ("category", case.category_code.clone()),
        ("region", case.region_code.clone()),
        ("held by", labels::party(case.holder.as_ref())),
        ("lead", case.lead_opd.clone()),
        (
            "with",
            case.contributions
                .iter()
                .map(|c| c.opd_code.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("assigned to", case.assigned_position_id.clone()),
        ("complained unit", case.complained_opd.clone()),
        ("referred to", case.referred_to.clone()),
        ("merged into", case.merged_into.clone()),
        ("filed", at(case.filed_at.as_ref())),
        (
            "closed",
            case.closed_at.as_ref().map(|time| at(Some(time))).unwrap_or_default(),
        ),
        (
            "next due",
            case.next_due_at
                .as_ref()
                .map(|time| due(Some(time), now))
                .unwrap_or_default(),
        ),
        ("reports", case.members.len().to_string()),
        ("returns, disputes", format!("{}, {}", case.returns, case.disputes)),
    ]);
    let clocks: Vec<Vec<String>> = case
        .clocks
        .iter()
        .map(|clock| {
            let state = match (&clock.stopped_at, &clock.breached_at) {
                (_, Some(_)) => format!(
                    "TERLAMPAUI {}",
                    clock
                        .rungs
                        .iter()
                        .map(|rung| rung.role.as_str())
                        .collect::<Vec<_>>()
                        .join(" > ")
                ),
                (Some(_), None) => clock.result.clone(),
                (None, None) if clock.paused => "paused".to_owned(),
                (None, None) => "running".to_owned(),
            };
            let due_text = if clock.stopped_at.is_some() {
                at(clock.due_at.as_ref())
            } else {
                due(clock.due_at.as_ref(), now)
            };
            vec![
                clock.kind.clone(),
                labels::party(clock.party.as_ref()),
                due_text,
                state,
                clock.charged_position_id.clone(),
            ]
        })
        .collect();
    let ledger: Vec<Vec<String>> = case
        .ledger
        .iter()
        .map(|interval| {
            let (from, to) = (
                interval.from.as_ref().and_then(wire_time::instant),
                interval.to.as_ref().and_then(wire_time::instant),
            );
            let length = from
                .map(|from| wib::duration((to.unwrap_or(now) - from).whole_seconds()))
                .unwrap_or_default();
            vec![
                labels::party(interval.party.as_ref()),
                at(interval.from.as_ref()),
                length,
            ]
        })
        .collect();
    format!(
        "{head}\n\n{}\n\n{}",
        table(&["CLOCK", "PARTY", "DUE", "RESULT", "CHARGED TO"], &clocks),
        table(&["HELD BY", "FROM", "FOR"], &ledger)
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn any_message_becomes_json_with_the_names_of_the_protocol() {
        let case = Case {
            case_id: "c".to_owned(),
            state: 5,
            seq: 7,
            ..Case::default()
        };
        let json = to_json(&case).unwrap();
        assert_eq!(json["case_id"], "c");
        assert_eq!(json["state"], "STATE_IN_PROGRESS");
        assert_eq!(json["seq"], 7);
    }

    #[test]
    fn a_table_lines_its_columns_up() {
        let text = table(
            &["A", "B"],
            &[vec!["long".into(), "x".into()], vec!["é".into(), "y".into()]],
        );
        assert_eq!(text, "A     B\nlong  x\né     y");
    }
}
