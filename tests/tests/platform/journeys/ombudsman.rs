//! The Ombudsman (rules M11, K9).

use anyhow::{Context as _, ensure};
use prost::Message as _;
use tuntas_ctl::{
    platform::{Who, fresh_key},
    rpc,
};
use tuntas_domain::period::Period;
use tuntas_proto::{
    case::v1::{
        Outcome, State,
        case_command::{Command, Reopen},
    },
    evaluation::v1::ListScoresRequest,
    event::v1::{Event, event::Payload},
    oversight::v1::{ActRequest, AnswerActRequest, CloseActRequest, ListActsRequest, ListCaseEntriesRequest},
    wire_time::instant,
};
use tuntas_tests::play::{Play, head, liaison, refused, soon, who};

const OPD: &str = "dishub";
const CATEGORY: &str = "transportasi-darat";

pub(crate) async fn reopened(play: Play) -> anyhow::Result<()> {
    let filed = play.answered(CATEGORY, OPD).await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Resolved).await?;
    let reason = play
        .seal(
            who::OMBUDSMAN,
            &filed.report_id,
            "reason",
            "Tindak lanjut tidak sesuai standar pelayanan.",
        )
        .await?;
    let command = Command::Reopen(Reopen { reason });
    ensure!(
        refused(play.central(who::MANAGER, &filed.case_id, command.clone()).await)? == "not_permitted",
        "only the Ombudsman reopens"
    );
    let case = play.central(who::OMBUDSMAN, &filed.case_id, command).await?;
    ensure!(case.state() == State::InProgress, "reopened to {:?}", case.state());
    ensure!(
        case.clocks
            .iter()
            .any(|clock| clock.kind == "reopen" && clock.stopped_at.is_none()),
        "a clock of its own runs"
    );
    play.answer(&head(OPD), &filed, OPD, Outcome::Resolved, "Diperbaiki sesuai standar.")
        .await?;
    play.0.working_days(10).await?;
    play.expect_closed(&filed, Outcome::Resolved).await?;
    // Everything is in the feed, once and in order.
    let request = ListCaseEntriesRequest {
        case_id: filed.case_id.clone(),
    };
    let seq = play.case(&filed.case_id).await?.seq;
    soon("the case's entries in the feed", async || {
        let entries = rpc!(
            play.0.platform,
            Who::Position(who::OMBUDSMAN),
            feed().list_case_entries(request.clone())
        )?
        .entries;
        let events: Vec<Event> = entries
            .iter()
            .map(|entry| Event::decode(entry.event.as_slice()))
            .collect::<Result<_, _>>()?;
        let aggregate = format!("case:{}", filed.case_id);
        let seqs: Vec<u64> = events
            .iter()
            .filter(|event| event.aggregate_id == aggregate)
            .map(|event| event.aggregate_seq)
            .collect();
        Ok((seqs == (1..=seq).collect::<Vec<_>>()).then_some(()))
    })
    .await
}

pub(crate) async fn explanation_asked(play: Play) -> anyhow::Result<()> {
    let platform = &play.0.platform;
    let filed = play.in_progress(CATEGORY, OPD).await?;
    let text = play
        .seal(
            who::OMBUDSMAN,
            &filed.report_id,
            "explanation",
            "Mengapa belum ditanggapi?",
        )
        .await?;
    let request = ActRequest {
        idempotency_key: fresh_key(),
        case_id: filed.case_id.clone(),
        kind: "explanation_request".to_owned(),
        addressed_opd: OPD.to_owned(),
        text,
    };
    let act = rpc!(platform, Who::Position(who::OMBUDSMAN), oversight().act(request))?;
    ensure!(act.due_at.is_some(), "an explanation has a deadline");
    play.0.working_days(2).await?;
    let text = play
        .seal(&head(OPD), &filed.report_id, "explanation", "Menunggu suku cadang.")
        .await?;
    let request = AnswerActRequest {
        idempotency_key: fresh_key(),
        act_id: act.act_id.clone(),
        text,
        implemented: false,
    };
    rpc!(platform, Who::Position(&head(OPD)), oversight().answer_act(request))?;
    let request = ListActsRequest {
        case_id: filed.case_id.clone(),
        open_only: false,
    };
    let acts = rpc!(
        platform,
        Who::Position(who::OMBUDSMAN),
        oversight().list_acts(request.clone())
    )?
    .acts;
    let found = acts
        .iter()
        .find(|found| found.act_id == act.act_id)
        .context("the act is gone")?;
    ensure!(found.status == "answered", "the act is {}", found.status);
    play.answer(&liaison(OPD), &filed, OPD, Outcome::Resolved, "Suku cadang dipasang.")
        .await?;
    let reason = play
        .seal(who::OMBUDSMAN, &filed.report_id, "reason", "Penjelasan diterima.")
        .await?;
    let close = CloseActRequest {
        idempotency_key: fresh_key(),
        act_id: act.act_id.clone(),
        judgement: "satisfied".to_owned(),
        text: reason,
    };
    let by_the_head = rpc!(
        platform,
        Who::Position(&head(OPD)),
        oversight().close_act(close.clone())
    );
    ensure!(
        refused(by_the_head)? == "forbidden",
        "an agency does not judge its own explanation"
    );
    rpc!(platform, Who::Position(who::OMBUDSMAN), oversight().close_act(close))?;
    let acts = rpc!(platform, Who::Position(who::OMBUDSMAN), oversight().list_acts(request))?.acts;
    let closed = acts.iter().find(|found| found.act_id == act.act_id);
    ensure!(
        closed.is_some_and(|closed| closed.status == "done" && closed.judgement == "satisfied"),
        "the act is {closed:?}"
    );
    Ok(())
}

/// Two reports answered with the same words: the Ombudsman sees it, and it counts against the agency.
pub(crate) async fn copied_answer_seen(play: Play) -> anyhow::Result<()> {
    let platform = &play.0.platform;
    play.answered(CATEGORY, OPD).await?;
    let copied = play.answered(CATEGORY, OPD).await?;
    let entries = ListCaseEntriesRequest {
        case_id: copied.case_id.clone(),
    };
    let found = soon("the near copy in the feed", async || {
        let entries = rpc!(
            platform,
            Who::Position(who::OMBUDSMAN),
            feed().list_case_entries(entries.clone())
        )?
        .entries;
        let events = entries.iter().map(|entry| Event::decode(entry.event.as_slice()));
        for event in events {
            if let Some(Payload::AnswerFoundNearCopy(found)) = event?.payload {
                return Ok(Some(found));
            }
        }
        Ok(None)
    })
    .await?;
    ensure!(
        (found.opd_code.as_str(), found.similarity) == (OPD, 100) && found.case_id == copied.case_id,
        "found {found:?}"
    );
    let answer = play.case(&copied.case_id).await?.answer.unwrap_or_default();
    let released_at = answer.released_at.as_ref().and_then(instant).context("no answer")?;
    let scores = ListScoresRequest {
        period: Period::month_of(released_at).to_string(),
        per: "opd".to_owned(),
        subject_id: OPD.to_owned(),
    };
    soon("the near copy in the figures", async || {
        let scores = rpc!(
            platform,
            Who::Position(who::OMBUDSMAN),
            evaluation().list_scores(scores.clone())
        )?
        .scores;
        Ok(scores.iter().any(|score| score.near_copy_answers > 0).then_some(()))
    })
    .await
}
