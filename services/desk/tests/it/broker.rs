//! Once over a real RabbitMQ: a case comes in by the agency's queue, a command goes out under the agency's key, and
//! the answer settles it.

use std::time::Duration;

use prost::Message as _;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tuntas_desk::consume;
use tuntas_kit::{
    broker::{Broker, Message, ROUTING_COMMANDS, opd_queue},
    event::WORK,
    ids,
    metrics::Metrics,
    relay::Relay,
};
use tuntas_proto::{
    case::v1::{Case, CaseCommand, State, case_command, case_command::Command},
    desk::v1::SubmitCommandRequest,
    event::v1::{Event, event::Payload},
};

use crate::support::{LIAISON, World, answer_to, case, case_event, eventually, new_case_id};

/// A virtual host of its own.
struct Vhost {
    name: String,
    management: String,
}

impl Vhost {
    async fn fresh() -> (Self, Broker) {
        let amqp = std::env::var("TUNTAS_TEST_AMQP_URL").unwrap();
        let management = std::env::var("TUNTAS_TEST_AMQP_MGMT_URL").unwrap();
        let name = format!("desk-{}", ids::new_id());
        let user = amqp.split(['/', ':']).nth(3).unwrap().to_owned();
        let client = reqwest::Client::new();
        let all = serde_json::json!({"configure": ".*", "write": ".*", "read": ".*"});
        for (path, body) in [
            (format!("vhosts/{name}"), serde_json::json!({})),
            (format!("permissions/{name}/{user}"), all),
        ] {
            let put = client.put(format!("{management}/api/{path}")).json(&body);
            put.send().await.unwrap().error_for_status().unwrap();
        }
        let (server, _) = amqp.rsplit_once('/').unwrap();
        let broker = Broker::from_url(SecretString::from(format!("{server}/{name}")), "desk-test");
        broker
            .declare(&["dishub".parse().unwrap(), "dinkes".parse().unwrap()])
            .await
            .unwrap();
        (Self { name, management }, broker)
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let url = format!("{}/api/vhosts/{}", self.management, self.name);
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async { reqwest::Client::new().delete(url).send().await.is_ok() })
        });
        let _ = removal.join();
    }
}

async fn publish(broker: &Broker, event: &Event) {
    let link = broker.connect().await.unwrap();
    let publisher = link.publisher().await.unwrap();
    let message = Message {
        exchange: WORK.to_owned(),
        routing_key: opd_queue(&"dishub".parse().unwrap()),
        message_id: event.event_id.clone(),
        kind: event.r#type.clone(),
        headers: std::collections::BTreeMap::default(),
        body: event.encode_to_vec().into(),
    };
    assert!(publisher.publish(&[message]).await.stop.is_none());
    link.close().await;
}

#[sqlx::test(migrations = false)]
async fn a_case_comes_in_and_a_command_goes_out_over_the_broker(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (_vhost, broker) = Vhost::fresh().await;
    let stop = CancellationToken::new();
    let consumer = consume::consumer(&world.desk, &"dishub".parse().unwrap(), 1);
    let consuming = tokio::spawn(consumer.run(pool.clone(), broker.clone(), Metrics::new(), stop.clone()));
    let relaying = tokio::spawn(Relay::new(pool, broker.clone(), Metrics::new()).run(stop.clone()));
    let id = new_case_id();
    publish(&broker, &case_event("disposed", case(&id, 3))).await;
    eventually("the case", async || world.get(LIAISON, &id).await.ok()).await;
    let request = SubmitCommandRequest {
        idempotency_key: "k1".to_owned(),
        opd_code: "dishub".to_owned(),
        command: Some(CaseCommand {
            case_id: id.clone(),
            command: Some(Command::Accept(case_command::Accept {})),
        }),
        ..SubmitCommandRequest::default()
    };
    let issued = world.submit(LIAISON, request).await.unwrap();
    // Routing's side of it.
    let link = broker.connect().await.unwrap();
    let mut commands = link.subscribe(ROUTING_COMMANDS, 1).await.unwrap();
    let delivery = tokio::time::timeout(Duration::from_secs(30), commands.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(delivery.routing_key, "opd.dishub.commands");
    let event = Event::decode(delivery.body.clone()).unwrap();
    assert_eq!(event.event_id, issued.command_id);
    assert!(matches!(event.payload, Some(Payload::CaseCommandIssued(_))));
    let accepted = Case {
        state: State::InProgress.into(),
        ..case(&id, 4)
    };
    publish(&broker, &answer_to(&issued.command_id, "accepted", accepted)).await;
    eventually("the confirmation", async || {
        (world.command(LIAISON, &issued.command_id).await.status == "confirmed").then_some(())
    })
    .await;
    link.close().await;
    stop.cancel();
    consuming.await.unwrap();
    relaying.await.unwrap();
}
