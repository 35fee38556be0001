//! The broker is killed and comes back in the middle of a stream: nothing is lost, nothing is done twice.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use secrecy::SecretString;
use sqlx::PgPool;
use tuntas_kit::{
    broker::{Broker, ROUTING_INTAKE},
    consumer::Consumer,
    outbox,
};

use crate::support::{Background, Recorder, append, effects, event, eventually, from_intake, opd, with_effects};

const EVENTS: u64 = 4_000;

/// A RabbitMQ of its own, removed with its data when dropped.
struct OwnRabbit {
    state: PathBuf,
}

impl OwnRabbit {
    async fn start() -> (Self, Broker) {
        // Not under the target folder: the broker may run under an account that cannot reach it.
        let state = PathBuf::from("/var/tmp").join(format!("tuntas-kit-{}", tuntas_kit::ids::new_id()));
        let own = Self { state };
        own.servers("start-rabbitmq").await;
        let env = own.servers("env").await;
        let url = env
            .lines()
            .find_map(|line| line.strip_prefix("export TUNTAS_AMQP_URL='")?.strip_suffix('\''))
            .unwrap();
        let broker = Broker::from_url(SecretString::from(url.to_owned()), "kit-outage");
        (own, broker)
    }

    async fn servers(&self, command: &str) -> String {
        let output = tokio::process::Command::new(script())
            .args([command, "--state"])
            .arg(&self.state)
            .stderr(Stdio::inherit())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "deploy/servers {command}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for OwnRabbit {
    fn drop(&mut self) {
        let _ = std::process::Command::new(script())
            .args(["remove", "--state"])
            .arg(&self.state)
            .status();
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/servers")
}

#[sqlx::test]
async fn a_broker_that_is_killed_mid_stream_loses_and_doubles_nothing(pool: PgPool) {
    with_effects(&pool).await;
    let (rabbit, broker) = OwnRabbit::start().await;
    broker.declare(&[opd("dishub")]).await.unwrap();
    let relay = Background::relay(&pool, &broker);
    let consumer = Background::consumer(&pool, &broker, Consumer::new(ROUTING_INTAKE, Recorder));
    let writer = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut written = Vec::new();
            for seq in 1..=EVENTS {
                let sealed = event("a", seq);
                written.push(sealed.event_id());
                append(&pool, vec![from_intake(&sealed)]).await;
            }
            written
        }
    });
    for part in [EVENTS / 8, EVENTS / 3] {
        eventually("a part has arrived", async || {
            (effects(&pool).await.len() as u64 >= part).then_some(())
        })
        .await;
        rabbit.servers("kill-rabbitmq").await;
        rabbit.servers("start-rabbitmq").await;
    }
    let written = writer.await.unwrap();
    eventually("the outbox is empty", async || {
        (outbox::depth(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    let seen = eventually("all effects", async || {
        let seen = effects(&pool).await;
        (seen.len() >= written.len()).then_some(seen)
    })
    .await;
    assert_eq!(seen.len(), written.len(), "each once");
    assert_eq!(
        seen.iter().collect::<BTreeSet<_>>(),
        written.iter().collect::<BTreeSet<_>>()
    );
    assert_eq!(seen, written, "and in order");
    tokio::time::timeout(Duration::from_secs(5), relay.stop())
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), consumer.stop())
        .await
        .unwrap();
}
