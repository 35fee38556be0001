//! The RPCs: who may see and set what.

use sqlx::PgPool;
use tonic::Status;
use tuntas_kit::problem::code_of;
use tuntas_proto::notification::v1::{
    ListDeliveriesRequest, ListPreferencesRequest, ListWebhooksRequest, Preference, PutPreferenceRequest,
    PutWebhookRequest, RetryDeliveryRequest, Webhook, notification_server::Notification as _,
};

use crate::support::{CANARY, EXECUTOR, HEAD, LIAISON, MANAGER, OTHER_LIAISON, World, case, case_event, filed, new_id};

fn code(status: Status) -> String {
    code_of(&status).unwrap()
}

#[sqlx::test(migrations = false)]
async fn deliveries_are_shown_without_addresses_to_who_may_see_the_case(pool: PgPool) {
    let world = World::new(pool).await;
    let (id, report) = (new_id(), new_id());
    world.reachable(&report, CANARY, "id");
    world
        .consume(&case_event("accepted", case(&id, 4, &report)))
        .await
        .unwrap();
    world.send_all().await;
    let list = async |position: &str, case_id: &str, report_id: &str| {
        let request = ListDeliveriesRequest {
            case_id: case_id.to_owned(),
            report_id: report_id.to_owned(),
        };
        let answer = world.api.list_deliveries(world.by(position, request)).await;
        answer.map(|answer| answer.into_inner().deliveries).map_err(code)
    };
    for position in [LIAISON, MANAGER] {
        let shown = list(position, &id, "").await.unwrap();
        assert_eq!(shown.len(), 1);
        assert_eq!(
            (shown[0].status.as_str(), shown[0].recipient_id.as_str()),
            ("sent", report.as_str())
        );
        assert!(shown[0].sent_at.is_some() && !format!("{shown:?}").contains("kenari"));
    }
    assert_eq!(list(OTHER_LIAISON, &id, "").await.unwrap_err(), "unknown_case");
    assert_eq!(list(LIAISON, &new_id(), "").await.unwrap_err(), "unknown_case");
    assert_eq!(list(MANAGER, "", &report).await.unwrap().len(), 1);
    assert_eq!(list(LIAISON, "", &report).await.unwrap_err(), "forbidden");
    assert_eq!(list(MANAGER, "", "").await.unwrap_err(), "invalid_argument");
    assert_eq!(list(MANAGER, "not-a-uuid", "").await.unwrap_err(), "invalid_argument");
}

#[sqlx::test(migrations = false)]
async fn a_position_chooses_what_it_is_told(pool: PgPool) {
    let world = World::new(pool).await;
    let put = async |by: &str, template: &str, channel: &str| {
        let preference = Some(Preference {
            position_id: EXECUTOR.to_owned(),
            template: template.to_owned(),
            channel: channel.to_owned(),
        });
        let answer = world
            .api
            .put_preference(world.by(by, PutPreferenceRequest { preference }))
            .await;
        answer.map(|_| ()).map_err(code)
    };
    put(EXECUTOR, "*", "none").await.unwrap();
    put(EXECUTOR, "*", "none").await.unwrap();
    assert_eq!(put(LIAISON, "*", "none").await.unwrap_err(), "forbidden");
    assert_eq!(
        put(EXECUTOR, "report_filed", "none").await.unwrap_err(),
        "invalid_argument"
    );
    assert_eq!(put(EXECUTOR, "*", "pigeon").await.unwrap_err(), "invalid_argument");
    let assigned = |id: &str| {
        let mut case = case(id, 5, &new_id());
        case.assigned_position_id = EXECUTOR.to_owned();
        case_event("assigned", case)
    };
    let (quiet, loud) = (new_id(), new_id());
    world.consume(&assigned(&quiet)).await.unwrap();
    assert_eq!(world.of_case(&quiet).await[0].2, "skipped");
    // The row of the template goes before the row of all.
    put(EXECUTOR, "officer_assigned", "email").await.unwrap();
    world.consume(&assigned(&loud)).await.unwrap();
    assert_eq!(world.of_case(&loud).await[0].2, "planned");
    let request = ListPreferencesRequest {
        position_id: EXECUTOR.to_owned(),
    };
    let listed = world
        .api
        .list_preferences(world.by(EXECUTOR, request))
        .await
        .unwrap()
        .into_inner()
        .preferences;
    assert_eq!(listed.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_webhooks_secret_is_shown_to_the_call_that_made_it_and_never_again(pool: PgPool) {
    let world = World::new(pool).await;
    let put = async |by: &str, key: &str, webhook: Webhook| {
        let request = PutWebhookRequest {
            idempotency_key: key.to_owned(),
            webhook: Some(webhook),
        };
        let answer = world.api.put_webhook(world.by(by, request)).await;
        answer.map(tonic::Response::into_inner).map_err(code)
    };
    let hook = |opd: &str, url: &str| Webhook {
        opd_code: opd.to_owned(),
        url: url.to_owned(),
        ..Webhook::default()
    };
    let good = "https://sistem.dishub.example.org/tuntas";
    let made = put(LIAISON, "k1", hook("dishub", good)).await.unwrap();
    assert!(made.secret.starts_with("whsec_"));
    // A client that lost the answer repeats its call.
    assert_eq!(put(LIAISON, "k1", hook("dishub", good)).await.unwrap(), made);
    let changed = Webhook {
        webhook_id: made.webhook_id.clone(),
        ..hook("dishub", "https://baru.example.org/")
    };
    assert_eq!(put(LIAISON, "k2", changed.clone()).await.unwrap().secret, "");
    let stolen = Webhook {
        opd_code: "dinkes".to_owned(),
        ..changed
    };
    assert_eq!(put(OTHER_LIAISON, "k3", stolen).await.unwrap_err(), "not_found");
    assert_eq!(
        put(OTHER_LIAISON, "k4", hook("dishub", good)).await.unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        put(EXECUTOR, "k5", hook("dishub", good)).await.unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        put(HEAD, "k6", hook("dishub", "gopher://x")).await.unwrap_err(),
        "invalid_argument"
    );
    put(HEAD, "k7", hook("dishub", good)).await.unwrap();
    assert_eq!(
        put(HEAD, "k8", hook("dishub", good)).await.unwrap_err(),
        "too_many_webhooks"
    );
    let request = ListWebhooksRequest {
        opd_code: "dishub".to_owned(),
    };
    let listed = world
        .api
        .list_webhooks(world.by(HEAD, request))
        .await
        .unwrap()
        .into_inner()
        .webhooks;
    assert_eq!(listed.len(), 2);
    assert!(!format!("{listed:?}").contains("whsec_"));
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM idempotency WHERE position('whsec_'::bytea IN response) > 0")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(kept, 0, "the secret is in its own column alone");
}

#[sqlx::test(migrations = false)]
async fn what_was_given_up_can_be_tried_again(pool: PgPool) {
    let world = World::new(pool).await;
    let report = new_id();
    world.reachable(&report, CANARY, "id");
    world.consume(&filed(&report)).await.unwrap();
    world.relay.refuse_next(&[550]);
    world.send_all().await;
    let delivery = world.of_report(&report).await;
    assert_eq!(delivery.status, "given_up");
    let retry = async |by: &str, id: &str| {
        let request = RetryDeliveryRequest {
            delivery_id: id.to_owned(),
        };
        world
            .api
            .retry_delivery(world.by(by, request))
            .await
            .map(|_| ())
            .map_err(code)
    };
    let id = delivery.delivery_id.to_string();
    assert_eq!(retry(LIAISON, &id).await.unwrap_err(), "forbidden");
    retry(MANAGER, &id).await.unwrap();
    world.send_all().await;
    assert_eq!(world.of_report(&report).await.status, "sent");
    assert_eq!(retry(MANAGER, &id).await.unwrap_err(), "not_given_up");
    assert_eq!(retry(MANAGER, &new_id()).await.unwrap_err(), "not_found");
}
