//! The broker's management API: what an operator can do to it, done by a test.

use std::path::Path;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    servers::{AMQP, MANAGEMENT},
    sql::server,
};

/// Management API of a platform's own broker.
#[derive(Debug, Clone)]
pub struct Management {
    url: String,
    /// Virtual host of the platform.
    vhost: String,
}

/// A queue and what it is bound to.
#[derive(Debug, Clone)]
pub struct Binding {
    queue: String,
    exchange: String,
    /// By which the API knows it.
    properties_key: String,
}

impl Binding {
    /// What is bound.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }
}

impl Management {
    /// That of a platform with servers of its own, in this state folder.
    ///
    /// # Errors
    /// `deploy/servers` does not know it.
    pub fn of(state: &Path) -> anyhow::Result<Self> {
        Self::at(&server(state, AMQP)?, &server(state, MANAGEMENT)?)
    }

    /// That of the broker at these addresses: its own, and that of its management API.
    ///
    /// # Errors
    /// The first is none.
    pub fn at(amqp: &str, management: &str) -> anyhow::Result<Self> {
        let (_, vhost) = amqp.rsplit_once('/').context("an address of a broker")?;
        Ok(Self {
            url: management.to_owned(),
            vhost: vhost.to_owned(),
        })
    }

    /// Asks something; `path` is what follows `/api/`.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let request = reqwest::Client::new().request(method, format!("{}/api/{path}", self.url));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let text = request.send().await?.error_for_status()?.text().await?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Reads something; `path` is what follows `/api/`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// What binds queues to an exchange.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn bindings(&self, exchange: &str) -> anyhow::Result<Vec<Binding>> {
        let path = format!("exchanges/{}/{exchange}/bindings/source", self.vhost);
        let found = self.send(Method::GET, &path, None).await?;
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(found
            .as_array()
            .into_iter()
            .flatten()
            .map(|binding| Binding {
                queue: text(binding, "destination"),
                exchange: exchange.to_owned(),
                properties_key: text(binding, "properties_key"),
            })
            .collect())
    }

    /// Takes a binding away.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn unbind(&self, binding: &Binding) -> anyhow::Result<()> {
        let key = &binding.properties_key;
        let path = format!("{}/{}", self.between(binding), key.replace('#', "%23"));
        self.send(Method::DELETE, &path, None).await?;
        Ok(())
    }

    fn between(&self, binding: &Binding) -> String {
        format!("bindings/{}/e/{}/q/{}", self.vhost, binding.exchange, binding.queue)
    }

    /// Lets the queues of a pattern refuse what is more than so many messages; `None` ends it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn limit(&self, pattern: &str, length_max: Option<u32>) -> anyhow::Result<()> {
        let path = format!("policies/{}/limit", self.vhost);
        match length_max {
            Some(length) => {
                let definition = json!({"max-length": length, "overflow": "reject-publish"});
                let body = json!({"pattern": pattern, "definition": definition, "apply-to": "queues", "priority": 100});
                self.send(Method::PUT, &path, Some(body)).await?;
            }
            None => {
                self.send(Method::DELETE, &path, None).await?;
            }
        }
        Ok(())
    }

    /// Publishes bytes as they are, given in base64. Whether a queue took them.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn publish(&self, exchange: &str, routing_key: &str, base64: &str) -> anyhow::Result<bool> {
        let path = format!("exchanges/{}/{exchange}/publish", self.vhost);
        let body = json!({
            "properties": {"delivery_mode": 2},
            "routing_key": routing_key,
            "payload": base64,
            "payload_encoding": "base64",
        });
        let answer = self.send(Method::POST, &path, Some(body)).await?;
        Ok(answer.get("routed").and_then(Value::as_bool).unwrap_or_default())
    }

    /// Messages in a queue, counted by taking none away: its statistics lag by seconds.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn peek(&self, queue: &str, most: usize) -> anyhow::Result<Vec<Value>> {
        let path = format!("queues/{}/{queue}/get", self.vhost);
        let body = json!({"count": most, "ackmode": "ack_requeue_true", "encoding": "base64"});
        let found = self.send(Method::POST, &path, Some(body)).await?;
        Ok(found.as_array().cloned().unwrap_or_default())
    }

    /// Empties a queue.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn purge(&self, queue: &str) -> anyhow::Result<()> {
        let path = format!("queues/{}/{queue}/contents", self.vhost);
        self.send(Method::DELETE, &path, None).await?;
        Ok(())
    }

    /// The same API for another virtual host.
    #[must_use]
    pub fn elsewhere(&self, vhost: &str) -> Self {
        Self {
            url: self.url.clone(),
            vhost: vhost.to_owned(),
        }
    }
}
