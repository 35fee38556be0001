//! Webhooks of agencies: signed, repeated under the same id, and only for the agency's own cases.

use reqwest::header::HeaderMap;
use sqlx::PgPool;
use standardwebhooks::Webhook;
use tuntas_notification::store::webhooks;
use tuntas_proto::{
    case::v1::{Case, case_event::Details},
    notification::v1::{
        DeleteWebhookRequest, PutWebhookRequest, Webhook as WireWebhook, notification_server::Notification as _,
    },
};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

use crate::support::{HEAD, OTHER_LIAISON, World, case, case_event, case_event_with, contribution, new_id};

async fn register(world: &World, position: &str, url: &str, event_types: &[&str]) -> (String, String) {
    let request = PutWebhookRequest {
        idempotency_key: new_id(),
        webhook: Some(WireWebhook {
            opd_code: position.split('.').next().unwrap().to_owned(),
            url: url.to_owned(),
            event_types: event_types.iter().map(|one| (*one).to_owned()).collect(),
            ..WireWebhook::default()
        }),
    };
    let answer = world
        .api
        .put_webhook(world.by(position, request))
        .await
        .unwrap()
        .into_inner();
    (answer.webhook_id, answer.secret)
}

async fn receiver(answers: &[u16]) -> MockServer {
    let server = MockServer::start().await;
    for code in answers {
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(*code).insert_header("location", "http://127.0.0.1:1/"))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    server
}

fn headers(request: &Request) -> HeaderMap {
    request.headers.clone()
}

/// The deliveries to webhooks of a case, without the mails.
async fn to_webhooks(world: &World, case_id: &str) -> Vec<(String, String)> {
    let all = world.of_case(case_id).await;
    let to_webhook = |one: &&(String, String, String)| one.1.starts_with("tuntas.");
    all.iter()
        .filter(to_webhook)
        .map(|(recipient, _, status)| (recipient.clone(), status.clone()))
        .collect()
}

#[sqlx::test(migrations = false)]
async fn a_webhook_is_signed_and_repeated_under_the_same_id(pool: PgPool) {
    let world = World::new(pool).await;
    let server = receiver(&[500, 302, 200]).await;
    let (_, secret) = register(&world, HEAD, &server.uri(), &[]).await;
    let (id, report) = (new_id(), new_id());
    world
        .consume(&case_event("accepted", case(&id, 4, &report)))
        .await
        .unwrap();
    world.send_all().await;
    let calls = server.received_requests().await.unwrap();
    assert_eq!(calls.len(), 3, "a redirect is not followed, a failure is tried again");
    let key = Webhook::new(&secret).unwrap();
    let ids: Vec<String> = calls
        .iter()
        .map(|call| {
            key.verify(&call.body, &headers(call)).unwrap();
            call.headers["webhook-id"].to_str().unwrap().to_owned()
        })
        .collect();
    assert!(ids.iter().all(|one| *one == ids[0]), "{ids:?}");
    assert!(calls.iter().all(|call| call.body == calls[0].body));
    let body: serde_json::Value = serde_json::from_slice(&calls[0].body).unwrap();
    assert_eq!(body["type"], "tuntas.case.accepted");
    assert_eq!(body["data"]["case_id"], id.as_str());
    assert_eq!(body["data"]["state"], "awaiting_acceptance");
    assert!(
        !body.to_string().contains(&report),
        "reports are none of an agency's system's business"
    );
    // Another key does not fit.
    let other = Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(other.verify(&calls[0].body, &headers(&calls[0])).is_err());
    assert_eq!(to_webhooks(&world, &id).await[0].1, "sent");
}

#[sqlx::test(migrations = false)]
async fn an_agencys_webhook_hears_of_its_own_cases_alone(pool: PgPool) {
    let world = World::new(pool).await;
    let url = "http://127.0.0.1:9/hook";
    let (dishub, _) = register(&world, HEAD, url, &[]).await;
    let (dinkes, _) = register(&world, OTHER_LIAISON, url, &[]).await;
    let told = async |event: tuntas_proto::event::v1::Event, id: &str| {
        world.consume(&event).await.unwrap();
        let mut told: Vec<String> = to_webhooks(&world, id)
            .await
            .into_iter()
            .map(|(hook, _)| hook)
            .collect();
        told.sort();
        told
    };
    let both = {
        let mut both = vec![dishub.clone(), dinkes.clone()];
        both.sort();
        both
    };
    let own = case(&new_id(), 3, &new_id());
    let id = own.case_id.clone();
    assert_eq!(
        told(case_event("disposed", own), &id).await,
        std::slice::from_ref(&dishub)
    );
    let shared = Case {
        contributions: vec![contribution("dinkes")],
        ..case(&new_id(), 3, &new_id())
    };
    let id = shared.case_id.clone();
    assert_eq!(told(case_event("disposed", shared), &id).await, both);
    // The agency that a case has just left hears of that, and no more.
    let lost = Case {
        lead_opd: "dinkes".to_owned(),
        ..case(&new_id(), 5, &new_id())
    };
    let id = lost.case_id.clone();
    let from = Details {
        from_opd: "dishub".to_owned(),
        ..Details::default()
    };
    assert_eq!(
        told(case_event_with("transferred", lost.clone(), from), &id).await,
        both
    );
    let next = Case {
        case_id: new_id(),
        seq: 6,
        ..lost
    };
    let id = next.case_id.clone();
    assert_eq!(
        told(case_event("accepted", next), &id).await,
        std::slice::from_ref(&dinkes)
    );
    // The unit complained about hears nothing of a supervisory case.
    let about = Case {
        supervisory: true,
        complained_opd: "dinkes".to_owned(),
        contributions: vec![contribution("dinkes")],
        ..case(&new_id(), 3, &new_id())
    };
    let id = about.case_id.clone();
    assert_eq!(
        told(case_event("disposed", about), &id).await,
        std::slice::from_ref(&dishub)
    );
}

#[sqlx::test(migrations = false)]
async fn a_webhook_gets_the_types_it_asked_for_and_none_after_it_was_deleted(pool: PgPool) {
    let world = World::new(pool).await;
    let server = receiver(&[200]).await;
    let (hook, _) = register(&world, HEAD, &server.uri(), &["tuntas.case.disposed"]).await;
    let (accepted, disposed) = (case(&new_id(), 4, &new_id()), case(&new_id(), 3, &new_id()));
    let (accepted_id, disposed_id) = (accepted.case_id.clone(), disposed.case_id.clone());
    world.consume(&case_event("accepted", accepted)).await.unwrap();
    world.consume(&case_event("disposed", disposed)).await.unwrap();
    assert!(to_webhooks(&world, &accepted_id).await.is_empty());
    let request = DeleteWebhookRequest { webhook_id: hook };
    world.api.delete_webhook(world.by(HEAD, request)).await.unwrap();
    world.send_all().await;
    assert_eq!(to_webhooks(&world, &disposed_id).await[0].1, "skipped");
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_receiver_that_is_gone_is_not_called_again(pool: PgPool) {
    let world = World::new(pool).await;
    let server = receiver(&[410]).await;
    register(&world, HEAD, &server.uri(), &[]).await;
    let id = new_id();
    world
        .consume(&case_event("accepted", case(&id, 4, &new_id())))
        .await
        .unwrap();
    world.send_all().await;
    assert_eq!(to_webhooks(&world, &id).await[0].1, "given_up");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_url_that_became_forbidden_is_not_called(pool: PgPool) {
    let server = receiver(&[200]).await;
    let open = World::new(pool.clone()).await;
    let (hook, _) = register(&open, HEAD, &server.uri(), &[]).await;
    let strict = World::with(pool, |config| config.webhook.allow_private = false).await;
    let id = new_id();
    strict
        .consume(&case_event("accepted", case(&id, 4, &new_id())))
        .await
        .unwrap();
    strict.send_all().await;
    assert_eq!(to_webhooks(&strict, &id).await, [(hook.clone(), "given_up".to_owned())]);
    assert!(server.received_requests().await.unwrap().is_empty());
    let mut conn = strict.pool.acquire().await.unwrap();
    let target = webhooks::target(&mut conn, hook.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(!format!("{target:?}").contains("whsec_"), "a secret can be printed");
}
