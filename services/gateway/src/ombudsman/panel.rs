//! The Ombudsman's part of the page of a case: the acts with what was asked, answered and judged, and what may be done.

use std::collections::HashMap;

use tuntas_domain::Role;
use tuntas_proto::{
    case::v1::{Case, State},
    intake::v1::Text,
    oversight::v1::OmbudsmanAct,
};

use super::{acts, words};
use crate::{accounts::User, lang::Lang, officer::view::View, web::Web};

/// An act with its words.
#[derive(Debug, Clone, Default)]
pub struct ActShown {
    /// The act.
    pub act: OmbudsmanAct,
    /// What it is called.
    pub name: &'static str,
    /// Where it stands.
    pub status: &'static str,
    /// How it ended.
    pub judgement: &'static str,
    /// What was asked.
    pub asked: String,
    /// What was answered.
    pub answered: String,
    /// Why it was judged so.
    pub judged: String,
    /// The reader may answer it now.
    pub can_answer: bool,
    /// The reader may close it now.
    pub can_close: bool,
}

/// The part of the page.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// The acts, oldest first.
    pub acts: Vec<ActShown>,
    /// Oversight could not be asked.
    pub is_unavailable: bool,
    /// What the Ombudsman may do: names of acts, with their titles.
    pub offers: Vec<(&'static str, &'static str)>,
    /// The reader may open the log.
    pub reads_log: bool,
}

impl Panel {
    /// The panel of a case for its reader; empty for who has nothing to do with it.
    pub async fn of(web: &Web, lang: Lang, user: &User, view: &View) -> Self {
        let reads_log = user.may_read_log();
        if !reads_log && !user.answers_ombudsman() {
            return Self::default();
        }
        let offers = if user.is_ombudsman() {
            offers(lang, &view.case)
        } else {
            Vec::new()
        };
        let listed = acts::acts_of(web, user, &view.case.case_id, false).await;
        let is_unavailable = listed.is_err();
        let texts = texts_of(view);
        let mut shown: Vec<ActShown> = listed
            .unwrap_or_default()
            .into_iter()
            .map(|act| show(lang, user, act, &texts))
            .collect();
        shown.sort_by_key(|one| one.act.acted_at.as_ref().map(|at| (at.seconds, at.nanos)));
        Self {
            acts: shown,
            is_unavailable,
            offers,
            reads_log,
        }
    }

    /// Ids of the texts that the panel shows: they need not be shown again.
    pub fn text_ids(&self) -> impl Iterator<Item = &str> {
        self.acts.iter().flat_map(|one| {
            let references = [&one.act.text, &one.act.answer, &one.act.judgement_text];
            references.into_iter().flatten().map(|text| text.text_id.as_str())
        })
    }
}

fn texts_of(view: &View) -> HashMap<&str, &Text> {
    let texts = view.reports.iter().flat_map(|report| &report.texts);
    texts
        .filter_map(|text| Some((text.r#ref.as_ref()?.text_id.as_str(), text)))
        .collect()
}

fn show(lang: Lang, user: &User, act: OmbudsmanAct, texts: &HashMap<&str, &Text>) -> ActShown {
    let words_of = |reference: &Option<tuntas_proto::common::v1::TextRef>| {
        let text = reference.as_ref().and_then(|text| texts.get(text.text_id.as_str()));
        text.map(|text| text.body.clone()).unwrap_or_default()
    };
    let asks = act.kind != "comment" && act.judgement.is_empty() && act.status != "done";
    let is_addressed = if act.addressed_opd.is_empty() {
        user.roles.contains(&Role::Director)
    } else {
        act.addressed_opd == user.opd && user.answers_ombudsman()
    };
    ActShown {
        name: words::act(lang, &act.kind),
        status: words::status(lang, &act.status),
        judgement: words::judgement(lang, &act.judgement),
        asked: words_of(&act.text),
        answered: words_of(&act.answer),
        judged: words_of(&act.judgement_text),
        can_answer: asks && is_addressed,
        can_close: act.kind != "comment" && act.judgement.is_empty() && user.is_ombudsman(),
        act,
    }
}

fn offers(lang: Lang, case: &Case) -> Vec<(&'static str, &'static str)> {
    let mut offers = vec!["penjelasan", "rekomendasi", "komentar"];
    if case.state() == State::Closed {
        offers.push("buka-kembali");
    } else if case.taken_over {
        offers.push("serahkan-kembali");
    } else {
        offers.push("ambil-alih");
    }
    let title = |act| (act, crate::officer::offers::name(lang, act));
    offers.into_iter().map(title).collect()
}
