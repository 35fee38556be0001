//! The directory: imported twice, refused when it does not hold together, told as of a moment; acting holders, policy.

use sqlx::PgPool;
use time::{Duration, macros::datetime};
use tonic::Status;
use tuntas_domain::Policy;
use tuntas_proto::{
    event::v1::{Agency, DirectoryChanged, HolderTerm, Position, directory_changed::Change, event::Payload},
    routing::v1::{
        AppointActingHolderRequest, ImportDirectoryRequest, ListDirectoryRequest, ListDirectoryResponse,
        ListPoliciesRequest, PutPolicyRequest, directory_server::Directory,
    },
    wire_time::timestamp,
};

use crate::support::{
    DIRECTOR, HEAD, LIAISON, OMBUDSMAN, OPERATOR, VERIFIER, World, accept, code, contacts, empty, entries, key, riau,
};

async fn list(world: &World, by: &str, request: ListDirectoryRequest) -> Result<ListDirectoryResponse, Status> {
    let answer = match by {
        "notification" | "evaluation" => world.api.list_directory(world.service(by, request)).await,
        position => world.api.list_directory(world.by(position, request)).await,
    };
    answer.map(tonic::Response::into_inner)
}

#[sqlx::test(migrations = false)]
async fn importing_the_same_again_changes_nothing(pool: PgPool) {
    let world = empty(pool).await;
    let first = world.import(entries(), contacts()).await.unwrap();
    assert_eq!(first.changed as usize, entries().len() + contacts().len());
    let published = world.published().await;
    assert_eq!(published.len(), entries().len());
    for (place, message) in published.iter().enumerate() {
        assert_eq!(message.event.aggregate_id, "directory");
        assert_eq!(message.event.aggregate_seq, place as u64 + 1);
        assert!(message.routing_key.starts_with("routing.directory."));
    }
    let bodies = format!("{published:?}");
    assert!(!bodies.contains("Contoh Kepala Dinas") && !bodies.contains("@contoh.invalid"));

    let second = world.import(entries(), contacts()).await.unwrap();
    assert_eq!((second.changed, second.unchanged), (0, first.changed));
    assert_eq!(world.published().await.len(), published.len());
}

#[sqlx::test(migrations = false)]
async fn one_changed_entry_is_one_event(pool: PgPool) {
    let world = riau(pool).await;
    let before = world.published().await.len();
    let mut changed = entries();
    for entry in &mut changed {
        if let Some(Change::Agency(Agency { code, short_name, .. })) = &mut entry.change
            && code == "dishub"
        {
            *short_name = "Perhubungan".to_owned();
        }
    }
    let answer = world.import(changed, contacts()).await.unwrap();
    assert_eq!(answer.changed, 1);
    let published = world.published().await;
    assert_eq!(published.len(), before + 1);
    assert_eq!(published.last().unwrap().routing_key, "routing.directory.agency");
}

#[sqlx::test(migrations = false)]
async fn an_import_that_does_not_hold_together_stores_nothing(pool: PgPool) {
    let world = empty(pool).await;
    let position = |opd: &str, superior: &str| DirectoryChanged {
        change: Some(Change::Position(Position {
            id: "x.kepala".to_owned(),
            opd_code: opd.to_owned(),
            superior_id: superior.to_owned(),
            roles: vec!["liaison".to_owned()],
            active: true,
            ..Position::default()
        })),
    };
    let term = |from, id: &str| DirectoryChanged {
        change: Some(Change::HolderTerm(HolderTerm {
            holder_id: format!("h-{id}"),
            position_id: "x.kepala".to_owned(),
            from: Some(timestamp(from)),
            term_id: id.to_owned(),
            ..HolderTerm::default()
        })),
    };
    let unknown_role = DirectoryChanged {
        change: Some(Change::Position(Position {
            id: "y.kepala".to_owned(),
            roles: vec!["king".to_owned()],
            ..Position::default()
        })),
    };
    let (early, late) = (datetime!(2024-01-01 00:00 UTC), datetime!(2025-01-01 00:00 UTC));
    for (name, entries) in [
        ("unknown agency", vec![position("nowhere", "")]),
        ("unknown superior", vec![position("", "nobody")]),
        ("unknown position", vec![term(early, "a")]),
        ("two holders", vec![position("", ""), term(early, "a"), term(late, "b")]),
        ("unknown role", vec![unknown_role]),
        ("nothing", vec![DirectoryChanged { change: None }]),
    ] {
        let status = world.import(entries, Vec::new()).await.unwrap_err();
        assert_eq!(code(&status), "invalid_argument", "{name}");
    }
    assert!(world.published().await.is_empty());
    // The references are checked over all, whatever their order.
    world
        .import(vec![term(early, "a"), position("", "")], Vec::new())
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn who_may_import(pool: PgPool) {
    let world = riau(pool).await;
    let request = || ImportDirectoryRequest {
        idempotency_key: key(),
        ..ImportDirectoryRequest::default()
    };
    world.api.import_directory(world.by(OPERATOR, request())).await.unwrap();
    world
        .api
        .import_directory(world.service("ctl", request()))
        .await
        .unwrap();
    for refused in [
        world.api.import_directory(world.by(VERIFIER, request())).await,
        world.api.import_directory(world.service("desk", request())).await,
    ] {
        assert_eq!(code(&refused.unwrap_err()), "forbidden");
    }
    let nobody = world.api.import_directory(tonic::Request::new(request())).await;
    assert_eq!(code(&nobody.unwrap_err()), "unauthenticated");
}

#[sqlx::test(migrations = false)]
async fn names_go_only_to_those_who_need_them(pool: PgPool) {
    let world = riau(pool).await;
    let all = list(&world, "notification", ListDirectoryRequest::default())
        .await
        .unwrap();
    assert_eq!(all.contacts.len(), contacts().len());
    assert_eq!(all.regions.len(), 12);
    let others = list(&world, "evaluation", ListDirectoryRequest::default())
        .await
        .unwrap();
    assert!(others.contacts.is_empty());
    let ombudsman = list(&world, OMBUDSMAN, ListDirectoryRequest::default()).await.unwrap();
    assert!(ombudsman.contacts.is_empty());
    let own = ListDirectoryRequest {
        opd_code: "dishub".to_owned(),
        at: None,
    };
    let own = list(&world, LIAISON, own).await.unwrap();
    assert_eq!(own.agencies.len(), 1);
    assert!(own.positions.iter().all(|position| position.opd_code == "dishub"));
    assert_eq!(own.holders.len(), own.contacts.len());
}

#[sqlx::test(migrations = false)]
async fn the_directory_of_a_past_moment(pool: PgPool) {
    let world = riau(pool).await;
    let before = world.now();
    world.pass(Duration::days(2)).await;
    let renamed = Agency {
        code: "dishub".to_owned(),
        kind: "dinas".to_owned(),
        short_name: "Perhubungan".to_owned(),
        active: true,
        ..Agency::default()
    };
    let change = DirectoryChanged {
        change: Some(Change::Agency(renamed)),
    };
    world.import(vec![change], Vec::new()).await.unwrap();
    let name_at = async |at| {
        let request = ListDirectoryRequest {
            opd_code: "dishub".to_owned(),
            at: Some(timestamp(at)),
        };
        list(&world, "evaluation", request).await.unwrap().agencies[0]
            .short_name
            .clone()
    };
    assert_ne!(name_at(before).await, "Perhubungan");
    assert_eq!(name_at(world.now()).await, "Perhubungan");
}

fn appointment(
    position: &str,
    holder: &str,
    from: time::OffsetDateTime,
    until: time::OffsetDateTime,
) -> AppointActingHolderRequest {
    AppointActingHolderRequest {
        idempotency_key: key(),
        position_id: position.to_owned(),
        holder_id: holder.to_owned(),
        from: Some(timestamp(from)),
        until: Some(timestamp(until)),
    }
}

#[sqlx::test(migrations = false)]
async fn an_acting_holder_acts_for_a_time(pool: PgPool) {
    let world = riau(pool).await;
    let filed = world.disposed("dishub", &[]).await;
    let acting = "h-dishub-plt-1".parse().unwrap();
    let (from, until) = (world.now() + Duration::hours(1), world.now() + Duration::hours(3));
    let request = appointment(LIAISON, "h-dishub-plt-1", from, until);
    let term = world
        .api
        .appoint_acting_holder(world.by(DIRECTOR, request.clone()))
        .await
        .unwrap();
    let again = world
        .api
        .appoint_acting_holder(world.by(DIRECTOR, request))
        .await
        .unwrap();
    assert_eq!(term.into_inner(), again.into_inner());

    // The command is issued an hour before the term begins, and comes when it has begun.
    let early = world.desks_with(
        "dishub",
        filed.case,
        accept(),
        world.now(),
        world.token_of(LIAISON, &acting, world.now()),
    );
    world.clock.advance_to(from).unwrap();
    let cause = early.event_id.to_string();
    assert!(world.consume("routing.commands", early).await.unwrap());
    let refused = world
        .published()
        .await
        .into_iter()
        .rev()
        .find(|m| m.event.causation_id == cause);
    assert_eq!(crate::support::refusal(&refused.unwrap().event), "forbidden");

    // While the term lasts the acting holder acts, and the regular one does not.
    assert_eq!(world.refused(LIAISON, filed.case, accept()).await, "forbidden");
    let token = world.token_of(LIAISON, &acting, world.now());
    let in_time = world.desks_with("dishub", filed.case, accept(), world.now(), token);
    // It is decided after the term has ended: what counts is when it was issued (rule M13).
    world.clock.advance_to(until).unwrap();
    assert!(world.consume("routing.commands", in_time).await.unwrap());
    let accepted = world.facts(filed.case).await.pop().unwrap();
    assert_eq!(accepted.actor.unwrap().holder_id, "h-dishub-plt-1");
    world
        .must(
            LIAISON,
            filed.case,
            crate::support::answer(tuntas_proto::case::v1::Outcome::Resolved),
        )
        .await;
}

#[sqlx::test(migrations = false)]
async fn who_may_appoint_whom(pool: PgPool) {
    let world = riau(pool).await;
    let (from, until) = (world.now(), world.now() + Duration::days(3));
    let appoint = async |by: &str, position: &str, from, until| {
        let request = appointment(position, "h-plt", from, until);
        world
            .api
            .appoint_acting_holder(world.by(by, request))
            .await
            .map(|_| ())
            .map_err(|status| code(&status))
    };
    assert_eq!(appoint(HEAD, LIAISON, from, until).await, Ok(()));
    assert_eq!(appoint(HEAD, HEAD, from, until).await.unwrap_err(), "forbidden");
    assert_eq!(
        appoint(HEAD, "pupr-pkpp.sekretaris", from, until).await.unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        appoint(LIAISON, crate::support::EXECUTOR, from, until)
            .await
            .unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        appoint(DIRECTOR, "no.such", from, until).await.unwrap_err(),
        "not_found"
    );
    assert_eq!(
        appoint(DIRECTOR, HEAD, until, from).await.unwrap_err(),
        "invalid_argument"
    );
    assert_eq!(
        appoint(DIRECTOR, LIAISON, from, until).await.unwrap_err(),
        "invalid_argument"
    );
}

#[sqlx::test(migrations = false)]
async fn a_case_keeps_the_policy_under_which_it_was_filed(pool: PgPool) {
    let world = riau(pool).await;
    let put = async |by: &str, policy: &Policy| {
        let request = PutPolicyRequest {
            idempotency_key: key(),
            policy_json: serde_json::to_string(policy).unwrap(),
            effective_from: None,
        };
        world
            .api
            .put_policy(world.by(by, request))
            .await
            .map(|_| ())
            .map_err(|status| code(&status))
    };
    let first = Policy::default_2024();
    assert_eq!(put(VERIFIER, &first).await.unwrap_err(), "forbidden");
    assert_eq!(put(DIRECTOR, &first).await, Ok(()));
    assert_eq!(put(DIRECTOR, &first).await, Ok(()), "the same again");
    let mut second = Policy::default_2024();
    second.version = 2;
    second.effective_from = world.now() + Duration::days(1);
    second.limits.acceptance = tuntas_domain::policy::Limit::WorkingDays(1);
    let mut other = second.clone();
    other.version = 1;
    assert_eq!(put(DIRECTOR, &other).await.unwrap_err(), "invalid_argument");
    let mut back_dated = second.clone();
    back_dated.effective_from = world.now() - Duration::days(1);
    assert_eq!(put(DIRECTOR, &back_dated).await.unwrap_err(), "invalid_argument");
    assert_eq!(put(DIRECTOR, &second).await, Ok(()));
    let changes = world
        .published()
        .await
        .into_iter()
        .filter(|m| matches!(m.event.payload, Some(Payload::PolicyChanged(_))));
    assert_eq!(changes.count(), 2);

    let old = world.complaint().await;
    world.pass(Duration::days(1)).await;
    let new = world.complaint().await;
    assert_eq!(world.case(old.case).await.policy_version, 1);
    assert_eq!(world.case(new.case).await.policy_version, 2);
    let listed = world
        .api
        .list_policies(world.by(OPERATOR, ListPoliciesRequest {}))
        .await
        .unwrap();
    let versions: Vec<String> = listed.into_inner().policies.into_iter().map(|p| p.version).collect();
    assert_eq!(versions, ["1", "2"]);
}
