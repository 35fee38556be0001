//! Commands: checked, sealed, stored and sent in one go, pending until routing answers.

use sqlx::PgPool;
use tuntas_domain::Refusal;
use tuntas_kit::ids;
use tuntas_proto::{
    case::v1::{Case, CaseCommand, Outcome, State, case_command, case_command::Command},
    desk::v1::{GetCommandRequest, SaveDraftRequest, SubmitCommandRequest, desk_server::Desk as _},
    event::v1::{CommandRefused, Event, event::Payload},
};

use crate::support::{
    EXECUTOR, HEAD, LIAISON, OTHER_LIAISON, World, answer_to, case, case_event, new_case_id, report_of,
};

fn ask(key: &str, case_id: &str, command: Command) -> SubmitCommandRequest {
    SubmitCommandRequest {
        idempotency_key: key.to_owned(),
        opd_code: "dishub".to_owned(),
        command: Some(CaseCommand {
            case_id: case_id.to_owned(),
            command: Some(command),
        }),
        ..SubmitCommandRequest::default()
    }
}

fn accept(key: &str, case_id: &str) -> SubmitCommandRequest {
    ask(key, case_id, Command::Accept(case_command::Accept {}))
}

fn assign(key: &str, case_id: &str, position: &str) -> SubmitCommandRequest {
    ask(
        key,
        case_id,
        Command::Assign(case_command::Assign {
            position_id: position.to_owned(),
        }),
    )
}

fn answer(key: &str, case_id: &str, text: &str) -> SubmitCommandRequest {
    let mut command = case_command::ReleaseAnswer::default();
    command.set_claimed(Outcome::Resolved);
    SubmitCommandRequest {
        text: text.to_owned(),
        ..ask(key, case_id, Command::ReleaseAnswer(command))
    }
}

async fn with_case(pool: PgPool) -> (World, String) {
    let world = World::new(pool).await;
    let id = new_case_id();
    world
        .consume("dishub", &case_event("disposed", case(&id, 3)))
        .await
        .unwrap();
    (world, id)
}

#[sqlx::test(migrations = false)]
async fn a_command_is_pending_next_to_its_case_until_routing_confirms_it(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    let issued = world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    assert_eq!((issued.status.as_str(), issued.kind.as_str()), ("pending", "accept"));
    let listed = world.list(LIAISON).await;
    assert_eq!(listed[0].pending.len(), 1);
    assert_eq!(listed[0].case.as_ref().unwrap().state(), State::AwaitingAcceptance);
    // One message to routing, under the agency's own key, with the officer's own assertion.
    let outbox = world.outbox().await;
    assert_eq!(outbox.len(), 1);
    let (key, event) = &outbox[0];
    assert_eq!(
        (key.as_str(), event.source.as_str()),
        ("opd.dishub.commands", "desk:dishub")
    );
    assert_eq!(
        (event.event_id.as_str(), event.aggregate_seq),
        (issued.command_id.as_str(), 1)
    );
    assert_eq!(event.actor.as_ref().unwrap().position_id, LIAISON);
    let Some(Payload::CaseCommandIssued(payload)) = &event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(payload.opd_code, "dishub");
    let verified = world
        .desk
        .trust
        .verify(&payload.assertion, world.desk.clock.now())
        .unwrap();
    assert_eq!(verified.subject, LIAISON);
    // Routing's answer.
    let accepted = Case {
        state: State::InProgress.into(),
        ..case(&id, 4)
    };
    let confirmed = answer_to(&issued.command_id, "accepted", accepted);
    world.consume("dishub", &confirmed).await.unwrap();
    world.handle_again("dishub", &confirmed).await;
    let settled = world.command(LIAISON, &issued.command_id).await;
    assert_eq!((settled.status.as_str(), settled.seq), ("confirmed", 4));
    assert!(world.list(LIAISON).await[0].pending.is_empty());
    // A refusal that comes after all the same changes nothing.
    world
        .consume("dishub", &refusal(&issued.command_id, "illegal_move"))
        .await
        .unwrap();
    assert_eq!(world.command(LIAISON, &issued.command_id).await.status, "confirmed");
}

fn refusal(command_id: &str, code: &str) -> Event {
    Event {
        event_id: ids::new_id().to_string(),
        r#type: "tuntas.command.refused".to_owned(),
        causation_id: command_id.to_owned(),
        payload: Some(Payload::CommandRefused(CommandRefused {
            command_id: command_id.to_owned(),
            code: code.to_owned(),
            message: "the case was recalled".to_owned(),
            opd_code: "dishub".to_owned(),
            ..CommandRefused::default()
        })),
        ..Event::default()
    }
}

#[sqlx::test(migrations = false)]
async fn a_refusal_settles_the_command_with_its_code(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    let issued = world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    let refused = refusal(&issued.command_id, "illegal_move");
    world.consume("dishub", &refused).await.unwrap();
    world.handle_again("dishub", &refused).await;
    let request = GetCommandRequest {
        command_id: issued.command_id.clone(),
        wait: true,
    };
    let settled = world
        .desk
        .get_command(world.by(HEAD, request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (settled.status.as_str(), settled.code.as_str()),
        ("refused", "illegal_move")
    );
    assert_eq!(settled.message, "the case was recalled");
    // Another agency's officer knows nothing of it.
    let request = GetCommandRequest {
        command_id: issued.command_id,
        wait: false,
    };
    assert!(world.desk.get_command(world.by(OTHER_LIAISON, request)).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn a_breach_that_was_overdue_confirms_nobodys_command(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    let issued = world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    let mut breach = answer_to(&issued.command_id, "breached", case(&id, 4));
    breach.actor.as_mut().unwrap().via = "system".to_owned();
    world.consume("dishub", &breach).await.unwrap();
    assert_eq!(world.command(LIAISON, &issued.command_id).await.status, "pending");
}

#[sqlx::test(migrations = false)]
async fn with_routing_away_a_case_is_accepted_assigned_and_answered(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    // Not yet: nobody has accepted it.
    assert_eq!(
        world.submit(LIAISON, assign("k0", &id, EXECUTOR)).await.unwrap_err(),
        "illegal_move"
    );
    world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    assert_eq!(
        world.submit(LIAISON, accept("k2", &id)).await.unwrap_err(),
        "illegal_move"
    );
    world.submit(LIAISON, assign("k3", &id, EXECUTOR)).await.unwrap();
    world
        .submit(LIAISON, answer("k4", &id, "Lampu sudah diganti."))
        .await
        .unwrap();
    assert_eq!(
        world
            .submit(LIAISON, answer("k5", &id, "Sekali lagi."))
            .await
            .unwrap_err(),
        "illegal_move"
    );
    let outbox = world.outbox().await;
    let seqs: Vec<u64> = outbox.iter().map(|(_, event)| event.aggregate_seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    let aggregates: std::collections::BTreeSet<_> = outbox.iter().map(|(_, event)| &event.aggregate_id).collect();
    assert_eq!(aggregates.len(), 1);
    let kinds: Vec<String> = world.list(LIAISON).await[0]
        .pending
        .iter()
        .map(|one| one.kind.clone())
        .collect();
    assert_eq!(kinds, ["accept", "assign", "release_answer"]);
}

#[sqlx::test(migrations = false)]
async fn words_are_sealed_in_intake_and_only_their_reference_goes_out(pool: PgPool) {
    let (world, id) = with_case(pool.clone()).await;
    world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    let words = "Lampu di simpang contoh sudah kami ganti.";
    let first = world.submit(LIAISON, answer("k2", &id, words)).await.unwrap();
    // The same request again: the same command, nothing sealed or sent twice.
    let second = world.submit(LIAISON, answer("k2", &id, words)).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(
        world.submit(LIAISON, answer("k2", &id, "lain")).await.unwrap_err(),
        "idempotency_key_reused"
    );
    let sealed = world
        .foreign
        .get(|known| known.sealed.values().cloned().collect::<Vec<_>>());
    assert_eq!(sealed.len(), 1);
    let (request, text) = &sealed[0];
    assert_eq!((request.kind.as_str(), request.body.as_str()), ("answer", words));
    assert_eq!(request.report_id, report_of(&id));
    let outbox = world.outbox().await;
    assert_eq!(outbox.len(), 2);
    let Some(Payload::CaseCommandIssued(payload)) = &outbox[1].1.payload else {
        panic!("no command")
    };
    let Some(Command::ReleaseAnswer(released)) = &payload.command.as_ref().unwrap().command else {
        panic!("no answer")
    };
    assert_eq!(released.text.as_ref(), Some(text));
    // The words themselves are nowhere in this database.
    let kept: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM outbox WHERE position($1::bytea IN body) > 0)
              + (SELECT count(*) FROM command WHERE position($1::bytea IN body) > 0)
              + (SELECT count(*) FROM idempotency WHERE position($1::bytea IN response) > 0)",
    )
    .bind(words.as_bytes())
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(kept, 0);
}

#[sqlx::test(migrations = false)]
async fn with_intake_away_only_commands_with_words_have_to_wait(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    world.foreign.set(|known| known.down = true);
    world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    assert_eq!(
        world.submit(LIAISON, answer("k2", &id, "Sudah.")).await.unwrap_err(),
        "unavailable"
    );
    assert_eq!(world.outbox().await.len(), 1);
    world.foreign.set(|known| known.down = false);
    world.submit(LIAISON, answer("k2", &id, "Sudah.")).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn an_answer_can_be_taken_from_the_draft_which_goes_with_its_confirmation(pool: PgPool) {
    let (world, id) = with_case(pool.clone()).await;
    world.submit(LIAISON, accept("k1", &id)).await.unwrap();
    let draft = SaveDraftRequest {
        opd_code: "dishub".to_owned(),
        case_id: id.clone(),
        body: "Konsep tanggapan.".to_owned(),
        claimed: Outcome::Clarified.into(),
    };
    world.desk.save_draft(world.by(EXECUTOR, draft)).await.unwrap();
    let command = Command::ReleaseAnswer(case_command::ReleaseAnswer::default());
    let request = SubmitCommandRequest {
        use_draft: true,
        ..ask("k2", &id, command)
    };
    let issued = world.submit(LIAISON, request).await.unwrap();
    let bodies = world.foreign.get(|known| {
        known
            .sealed
            .values()
            .map(|(request, _)| request.body.clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(bodies, ["Konsep tanggapan."]);
    let Some(Payload::CaseCommandIssued(payload)) = &world.outbox().await[1].1.payload else {
        panic!("no command")
    };
    let Some(Command::ReleaseAnswer(released)) = &payload.command.as_ref().unwrap().command else {
        panic!("no answer")
    };
    assert_eq!(released.claimed(), Outcome::Clarified);
    let drafts = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM draft")
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    assert_eq!(drafts().await, 1);
    let answered = Case {
        state: State::Answered.into(),
        ..case(&id, 4)
    };
    world
        .consume("dishub", &answer_to(&issued.command_id, "answered", answered))
        .await
        .unwrap();
    assert_eq!(drafts().await, 0);
}

#[sqlx::test(migrations = false)]
async fn what_roles_form_and_agency_do_not_allow_is_refused_at_once(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    let refused = async |position: &str, request| world.submit(position, request).await.unwrap_err();
    assert_eq!(refused(EXECUTOR, accept("a", &id)).await, Refusal::NotPermitted.code());
    assert_eq!(refused(OTHER_LIAISON, accept("b", &id)).await, "not_found");
    let own = SubmitCommandRequest {
        opd_code: "dinkes".to_owned(),
        ..accept("c", &id)
    };
    assert_eq!(refused(OTHER_LIAISON, own).await, "unknown_case");
    let take_over = ask("d", &id, Command::TakeOver(case_command::TakeOver {}));
    assert_eq!(refused(HEAD, take_over).await, "invalid_argument");
    assert_eq!(refused(LIAISON, accept("", &id)).await, "idempotency_key_missing");
    let returned = case_command::Return {
        reason_code: "not_our_task".to_owned(),
        ..Default::default()
    };
    let without_reason = ask("e", &id, Command::Return(returned.clone()));
    assert_eq!(refused(LIAISON, without_reason).await, "invalid_argument");
    let bad_code = case_command::Return {
        reason_code: "no such code".to_owned(),
        ..Default::default()
    };
    let bad_code = SubmitCommandRequest {
        text: "Bukan.".to_owned(),
        ..ask("f", &id, Command::Return(bad_code))
    };
    assert_eq!(refused(LIAISON, bad_code).await, "invalid_argument");
    let huge = SubmitCommandRequest {
        text: "x".repeat(10_001),
        ..ask("g", &id, Command::Return(returned))
    };
    assert_eq!(refused(LIAISON, huge).await, "invalid_argument");
    world.submit(LIAISON, accept("h", &id)).await.unwrap();
    let foreigner = assign("i", &id, OTHER_LIAISON);
    assert_eq!(refused(LIAISON, foreigner).await, Refusal::UnknownPosition.code());
    // Nothing of all this was sealed or sent.
    assert_eq!(world.foreign.get(|known| known.sealed.len()), 0);
    assert_eq!(world.outbox().await.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_supervisory_answer_needs_the_head(pool: PgPool) {
    let (world, id) = with_case(pool).await;
    let supervisory = Case {
        supervisory: true,
        head_required: true,
        state: State::InProgress.into(),
        ..case(&id, 4)
    };
    world
        .consume("dishub", &case_event("accepted", supervisory))
        .await
        .unwrap();
    let refused = world.submit(LIAISON, answer("k1", &id, "Sudah.")).await.unwrap_err();
    assert_eq!(refused, Refusal::HeadRequired.code());
    world.submit(HEAD, answer("k2", &id, "Sudah.")).await.unwrap();
}
