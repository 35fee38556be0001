use sqlx::PgPool;
use tuntas_intake::{
    citizen_command as command,
    receipt::Peer,
    send_message::{send_message, send_officer_message},
    track_report::track_report,
};
use tuntas_kit::ids;
use tuntas_proto::{
    case::v1::{State, case_command::Command, case_event::Details},
    event::v1::{CommandRefused, Event, event::Payload},
    intake::v1::{
        CitizenCommandStatus, CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, FileReportResponse,
        RateHandlingRequest, SendMessageRequest, SendOfficerMessageRequest, TrackReportRequest, WithdrawReportRequest,
    },
    wire_time::timestamp,
};

use crate::support::{World, case_event, case_of, key, receipt};

const TEXT: &str = "Belum diperbaiki sampai hari ini.";

#[sqlx::test(migrations = false)]
async fn each_act_is_stored_and_told_once_however_often_it_is_sent(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let (intake, peer) = (&world.intake, Peer::default());
    let mine = || Some(receipt(&filed));
    let upload = world.upload(b"%PDF-1.4\nbukti\n%%EOF").await.unwrap();
    let complete = CompleteReportRequest {
        idempotency_key: key(),
        receipt: mine(),
        text: TEXT.to_owned(),
        attachment_ids: vec![upload.attachment_id.clone()],
    };
    let dispute = DisputeAnswerRequest {
        idempotency_key: key(),
        receipt: mine(),
        text: TEXT.to_owned(),
        attachment_ids: Vec::new(),
    };
    let contest = ContestDecisionRequest {
        idempotency_key: key(),
        receipt: mine(),
        text: TEXT.to_owned(),
    };
    let rate = RateHandlingRequest {
        idempotency_key: key(),
        receipt: mine(),
        stars: 4,
    };
    let withdraw = WithdrawReportRequest {
        idempotency_key: key(),
        receipt: mine(),
    };
    let mut first = Vec::new();
    for round in 0..2 {
        let answers = vec![
            command::complete_report(intake, complete.clone(), peer).await.unwrap(),
            command::dispute_answer(intake, dispute.clone(), peer).await.unwrap(),
            command::contest_decision(intake, contest.clone(), peer).await.unwrap(),
            command::rate_handling(intake, rate.clone(), peer).await.unwrap(),
            command::withdraw_report(intake, withdraw.clone(), peer).await.unwrap(),
        ];
        if round == 1 {
            assert_eq!(answers, first);
        }
        first = answers;
        world.advance(time::Duration::hours(1));
    }
    let told = world.told().await;
    assert_eq!(
        told.iter().map(|event| event.aggregate_seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
    for (event, answer) in told[1..].iter().zip(&first) {
        assert_eq!(event.event_id, answer.command_id);
        let Some(Payload::CitizenCommandReceived(received)) = &event.payload else {
            panic!()
        };
        assert_eq!(received.report_id, filed.report_id);
        assert_eq!(received.received_at, answer.received_at);
        let text = match received.command.as_ref().unwrap().command.as_ref().unwrap() {
            Command::Complete(complete) => complete.text.as_ref(),
            Command::Dispute(dispute) => dispute.text.as_ref(),
            Command::Contest(contest) => contest.text.as_ref(),
            Command::Rate(rate) => {
                assert_eq!(rate.stars, 4);
                continue;
            }
            Command::Withdraw(_) => continue,
            other => panic!("{other:?}"),
        };
        assert_eq!(text.unwrap().commitment.len(), 32);
    }
    let tracked = world.track(&filed).await;
    assert_eq!(tracked.texts.len(), 3);
    assert_eq!(tracked.texts[0].attachments[0].attachment_id, upload.attachment_id);
    assert!(tracked.commands.iter().all(|command| command.status == "pending"));
}

#[sqlx::test(migrations = false)]
async fn a_key_of_an_act_with_another_text_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let dispute = DisputeAnswerRequest {
        idempotency_key: key(),
        receipt: Some(receipt(&filed)),
        text: TEXT.to_owned(),
        attachment_ids: Vec::new(),
    };
    let other = DisputeAnswerRequest {
        text: "Sudah benar".to_owned(),
        ..dispute.clone()
    };
    command::dispute_answer(&world.intake, dispute, Peer::default())
        .await
        .unwrap();
    let problem = command::dispute_answer(&world.intake, other, Peer::default())
        .await
        .unwrap_err();
    assert_eq!(problem.code(), "idempotency_key_reused");
    assert_eq!(world.count("citizen_command").await, 1);
}

async fn status(world: &World, filed: &FileReportResponse, command_id: &str) -> CitizenCommandStatus {
    let commands = world.track(filed).await.commands;
    commands
        .into_iter()
        .find(|command| command.command_id == command_id)
        .unwrap()
}

pub fn refusal(command_id: &str, code: &str, world: &World) -> Event {
    Event {
        event_id: ids::new_id().to_string(),
        aggregate_id: format!("refusal:{command_id}"),
        aggregate_seq: 1,
        occurred_at: Some(timestamp(world.intake.now())),
        causation_id: command_id.to_owned(),
        payload: Some(Payload::CommandRefused(CommandRefused {
            command_id: command_id.to_owned(),
            code: code.to_owned(),
            message: "ditolak".to_owned(),
            ..CommandRefused::default()
        })),
        ..Event::default()
    }
}

#[sqlx::test(migrations = false)]
async fn routing_decides_and_the_first_decision_stands(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let (accepted, refused) = (world.withdraw(&filed).await, world.withdraw(&filed).await);
    let case = case_of(&filed, 2, State::InProgress);
    world
        .receive(&case_event(
            &case,
            "withdrawn",
            Details::default(),
            &accepted,
            world.intake.now(),
        ))
        .await;
    world.receive(&refusal(&refused, "already_withdrawn", &world)).await;
    assert_eq!(status(&world, &filed, &accepted).await.status, "accepted");
    let answer = status(&world, &filed, &refused).await;
    assert_eq!(
        (answer.status.as_str(), answer.code.as_str()),
        ("refused", "already_withdrawn")
    );
    world.receive(&refusal(&accepted, "illegal_move", &world)).await;
    assert_eq!(status(&world, &filed, &accepted).await.status, "accepted");
}

#[sqlx::test(migrations = false)]
async fn a_refused_command_of_a_desk_is_nothing_to_intake(pool: PgPool) {
    let world = World::new(pool).await;
    world.file().await;
    world
        .receive(&refusal(&ids::new_id().to_string(), "illegal_move", &world))
        .await;
    assert_eq!(world.count("citizen_command").await, 0);
}

#[sqlx::test(migrations = false)]
async fn following_waits_for_the_decision_but_not_for_ever(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let command_id = world.withdraw(&filed).await;
    let request = TrackReportRequest {
        receipt: Some(receipt(&filed)),
        after_command_id: command_id.clone(),
    };
    let started = std::time::Instant::now();
    let pending = track_report(&world.intake, request.clone(), Peer::default())
        .await
        .unwrap();
    assert!(started.elapsed() >= std::time::Duration::from_millis(900));
    assert_eq!(pending.commands[0].status, "pending");
    let waiting = {
        let (intake, request) = (world.intake.clone(), request.clone());
        tokio::spawn(async move { track_report(&intake, request, Peer::default()).await.unwrap() })
    };
    let case = case_of(&filed, 2, State::Closed);
    let case = tuntas_proto::case::v1::Case { outcome: 9, ..case };
    world
        .receive(&case_event(
            &case,
            "withdrawn",
            Details::default(),
            &command_id,
            world.intake.now(),
        ))
        .await;
    assert_eq!(waiting.await.unwrap().commands[0].status, "accepted");
}

#[sqlx::test(migrations = false)]
async fn messages_go_both_ways_once_each(pool: PgPool) {
    let world = World::new(pool).await;
    let filed = world.file().await;
    let verifier = world.officer("diskominfotik.verifikator").await;
    let from_reporter = SendMessageRequest {
        idempotency_key: key(),
        receipt: Some(receipt(&filed)),
        text: "Apakah sudah diperiksa?".to_owned(),
    };
    let from_officer = SendOfficerMessageRequest {
        idempotency_key: key(),
        report_id: filed.report_id.clone(),
        text: "Sedang kami periksa.".to_owned(),
    };
    for _ in 0..2 {
        send_message(&world.intake, from_reporter.clone(), Peer::default())
            .await
            .unwrap();
        send_officer_message(&world.intake, &verifier, from_officer.clone())
            .await
            .unwrap();
    }
    let texts = world.track(&filed).await.texts;
    let shown: Vec<_> = texts
        .iter()
        .map(|text| (text.kind.as_str(), text.from_reporter, text.body.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("message", true, "Apakah sudah diperiksa?"),
            ("message", false, "Sedang kami periksa.")
        ]
    );
    let told = world.told().await;
    let messages: Vec<bool> = told
        .iter()
        .filter_map(|event| match &event.payload {
            Some(Payload::MessageSent(message)) => Some(message.from_reporter),
            _ => None,
        })
        .collect();
    assert_eq!(messages, [true, false]);
}
