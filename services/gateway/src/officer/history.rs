//! The history of a case with the words that came with each step.

use std::collections::{HashMap, HashSet};

use tuntas_proto::{
    Timestamp,
    desk::v1::ReportWords,
    intake::v1::{Attachment, Text},
    routing::v1::HistoryEntry,
};

use crate::{directory::Directory, lang::Lang, web::format};

/// One step, in words.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Step {
    /// What happened.
    pub what: String,
    /// To whom, which deadline, why; empty when that says nothing.
    pub about: String,
    /// When.
    pub at: Option<Timestamp>,
    /// Who did it; empty for the platform and the reporter.
    pub who: String,
    /// Somebody was late.
    pub late: bool,
    /// What was written.
    pub words: String,
    /// What was attached to it.
    pub files: Vec<Attachment>,
}

/// Steps, latest first, and the texts that belong to none of them, oldest first.
#[must_use]
pub fn tell(
    lang: Lang,
    directory: &Directory,
    history: &[HistoryEntry],
    reports: &[ReportWords],
) -> (Vec<Step>, Vec<Text>) {
    let texts: HashMap<&str, &Text> = reports
        .iter()
        .flat_map(|report| &report.texts)
        .filter_map(|text| Some((text.r#ref.as_ref()?.text_id.as_str(), text)))
        .collect();
    let mut told = HashSet::new();
    let mut steps: Vec<Step> = Vec::with_capacity(history.len());
    for entry in history {
        let id = entry.details.as_ref().and_then(|details| details.text.as_ref());
        let text = id.and_then(|text| texts.get(text.text_id.as_str()));
        // A text is shown with the first step that names it.
        let text = text.filter(|text| told.insert(text_id(text)));
        steps.push(step(lang, directory, entry, text.copied()));
    }
    steps.reverse();
    let mut loose: Vec<Text> = texts
        .values()
        .filter(|text| !told.contains(&text_id(text)))
        .map(|text| (*text).clone())
        .collect();
    loose.sort_by_key(|text| text.at.map(|at| (at.seconds, at.nanos)));
    (steps, loose)
}

fn text_id(text: &Text) -> String {
    text.r#ref
        .as_ref()
        .map(|found| found.text_id.clone())
        .unwrap_or_default()
}

fn step(lang: Lang, directory: &Directory, entry: &HistoryEntry, text: Option<&Text>) -> Step {
    let details = entry.details.clone().unwrap_or_default();
    let mut about = Vec::new();
    for opd in std::iter::once(&details.to_opd).chain(&details.opds) {
        if !opd.is_empty() {
            about.push(directory.agency(opd).to_owned());
        }
    }
    if !details.clock_kind.is_empty() {
        about.push(format::clock(lang, &details.clock_kind));
    }
    let position = match details.target_position_id.as_str() {
        "" => details.position_id.as_str(),
        target => target,
    };
    if !position.is_empty() {
        about.push(directory.position(position).to_owned());
    }
    if !details.suggested_opd.is_empty() {
        let agency = directory.agency(&details.suggested_opd);
        about.push(format!("{} {agency}", lang.t("seharusnya ke", "it should go to")));
    }
    about.push(format::reason(lang, &details.reason_code));
    about.push(format::outcome(lang, details.outcome).to_owned());
    if details.rating > 0 {
        about.push(format!("{}/5", details.rating));
    }
    about.retain(|part| !part.is_empty());
    about.dedup();
    let actor = entry.actor.as_ref().filter(|actor| !actor.position_id.is_empty());
    Step {
        what: format::event(lang, &entry.r#type),
        about: about.join(" · "),
        at: entry.at,
        who: actor.map_or_else(String::new, |actor| directory.position(&actor.position_id).to_owned()),
        late: format::is_late(&entry.r#type),
        words: text.map(|text| text.body.clone()).unwrap_or_default(),
        files: text.map(|text| text.attachments.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use tuntas_proto::{case::v1::case_event::Details, common::v1::TextRef};

    use super::*;

    fn named(id: &str) -> Option<TextRef> {
        Some(TextRef {
            text_id: id.to_owned(),
            ..TextRef::default()
        })
    }

    fn entry(kind: &str, text: &str) -> HistoryEntry {
        HistoryEntry {
            r#type: kind.to_owned(),
            details: Some(Details {
                text: named(text).filter(|_| !text.is_empty()),
                reason_code: if kind == "returned" { "other_region" } else { "" }.to_owned(),
                ..Details::default()
            }),
            ..HistoryEntry::default()
        }
    }

    fn text(id: &str, body: &str) -> Text {
        Text {
            r#ref: named(id),
            body: body.to_owned(),
            ..Text::default()
        }
    }

    #[test]
    fn each_step_has_its_words_and_the_rest_is_not_lost() {
        let report = ReportWords {
            texts: vec![text("a", "alasan"), text("b", "pesan")],
            ..ReportWords::default()
        };
        let history = [entry("filed", ""), entry("returned", "a"), entry("disposed", "a")];
        let (steps, loose) = tell(Lang::Id, &Directory::default(), &history, &[report]);
        let words: Vec<&str> = steps.iter().map(|step| step.words.as_str()).collect();
        assert_eq!(words, ["", "alasan", ""], "latest first, and not twice");
        assert_eq!(steps[1].about, "wilayah lain");
        assert_eq!(loose.len(), 1);
        assert_eq!(loose[0].body, "pesan");
    }
}
