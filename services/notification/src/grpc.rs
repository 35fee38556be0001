//! `tuntas.notification.v1.Notification`: from the wire to the use cases and back.

use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};
use tuntas_domain::{OpdCode, PositionId};
use tuntas_kit::{
    auth::TrustStore,
    clock::Clock,
    directory::DirectoryReader,
    ids,
    problem::{NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::{
    notification::v1::{
        DeleteWebhookRequest, DeleteWebhookResponse, Delivery, ListDeliveriesRequest, ListDeliveriesResponse,
        ListPreferencesRequest, ListPreferencesResponse, ListWebhooksRequest, ListWebhooksResponse,
        Preference as WirePreference, PutPreferenceRequest, PutPreferenceResponse, PutWebhookRequest,
        PutWebhookResponse, RetryDeliveryRequest, RetryDeliveryResponse, Webhook as WireWebhook,
        notification_server::Notification,
    },
    wire_time::timestamp,
};
use uuid::Uuid;

use crate::{
    access::Caller,
    hook::Rules,
    manage_webhooks,
    store::{
        deliveries::{self, Shown},
        preferences::{self, Channel, Preference},
        webhooks::{self, Webhook},
    },
    template,
};

/// Deliveries shown at once.
const LIST_MAX: i64 = 1_000;
const EVENT_TYPES_MAX: usize = 50;
const EVENT_TYPE_CHARS_MAX: usize = 100;

/// The implementation.
#[derive(Clone)]
pub struct Api {
    /// The database.
    pub pool: PgPool,
    /// Business time.
    pub clock: Clock,
    /// Whose assertions count.
    pub trust: Arc<TrustStore>,
    /// Officials.
    pub directory: DirectoryReader,
    /// What a webhook's URL may be.
    pub rules: Rules,
    /// Webhooks that one agency may have.
    pub webhooks_max: u32,
    /// Wakes the sender.
    pub planned: Arc<Notify>,
}

impl Api {
    async fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let now = self.clock.now();
        let assertion = self.trust.assertion(request, now)?;
        let mut conn = self.pool.acquire().await.map_err(Problem::from)?;
        Ok(Caller::resolve(&mut conn, &self.directory, &assertion, now).await?)
    }

    async fn conn(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, Problem> {
        Ok(self.pool.acquire().await?)
    }
}

#[tonic::async_trait]
impl Notification for Api {
    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let caller = self.caller(&request).await?;
        let request = request.into_inner();
        let mut conn = self.conn().await?;
        let shown = match (request.case_id.as_str(), request.report_id.as_str()) {
            ("", "") => return Err(Problem::invalid("case_id", "case_id or report_id is needed").into()),
            (case_id, "") => {
                let case_id = parsed("case_id", case_id)?;
                caller.see_case(&mut conn, case_id).await?;
                deliveries::of_case(&mut conn, case_id, LIST_MAX).await
            }
            ("", report_id) => {
                caller.see_all()?;
                deliveries::of_report(&mut conn, parsed("report_id", report_id)?, LIST_MAX).await
            }
            _ => return Err(Problem::invalid("report_id", "only one of case_id and report_id").into()),
        };
        let deliveries = shown.map_err(Problem::from)?.into_iter().map(to_wire).collect();
        Ok(Response::new(ListDeliveriesResponse { deliveries }))
    }

    async fn put_preference(
        &self,
        request: Request<PutPreferenceRequest>,
    ) -> Result<Response<PutPreferenceResponse>, Status> {
        let caller = self.caller(&request).await?;
        let wanted = request
            .into_inner()
            .preference
            .ok_or_else(|| Problem::invalid("preference", "is missing"))?;
        let position: PositionId = parsed("position_id", &wanted.position_id)?;
        caller.prefer_for(&position)?;
        let known = wanted.template == preferences::ANY
            || (template::NAMES.contains(&wanted.template.as_str()) && wanted.template.starts_with("officer_"));
        if !known {
            return Err(Problem::invalid("template", "is no template of mails to officers").into());
        }
        let channel =
            Channel::from_code(&wanted.channel).ok_or_else(|| Problem::invalid("channel", "must be email or none"))?;
        let preference = Preference {
            template: wanted.template,
            channel,
        };
        tx::run(&self.pool, move |conn| {
            Box::pin(async move { Ok::<_, Problem>(preferences::put(conn, &position, &preference).await?) })
        })
        .await?;
        Ok(Response::new(PutPreferenceResponse {}))
    }

    async fn list_preferences(
        &self,
        request: Request<ListPreferencesRequest>,
    ) -> Result<Response<ListPreferencesResponse>, Status> {
        let caller = self.caller(&request).await?;
        let position: PositionId = parsed("position_id", &request.into_inner().position_id)?;
        caller.prefer_for(&position)?;
        let mut conn = self.conn().await?;
        let wanted = preferences::of(&mut conn, [&position]).await.map_err(Problem::from)?;
        let rows = wanted.into_rows(&position);
        let preferences = rows
            .into_iter()
            .map(|row| WirePreference {
                position_id: position.to_string(),
                template: row.template,
                channel: row.channel.code().to_owned(),
            })
            .collect();
        Ok(Response::new(ListPreferencesResponse { preferences }))
    }

    async fn put_webhook(&self, request: Request<PutWebhookRequest>) -> Result<Response<PutWebhookResponse>, Status> {
        let caller = self.caller(&request).await?;
        let request = request.into_inner();
        let wanted = request
            .webhook
            .clone()
            .ok_or_else(|| Problem::invalid("webhook", "is missing"))?;
        let webhook = self.webhook(&wanted)?;
        caller.manage_webhooks(&webhook.opd)?;
        let by = caller.official()?.position.clone();
        let now = self.clock.now();
        let answer = manage_webhooks::put(&self.pool, request, webhook, by, self.webhooks_max, now).await?;
        Ok(Response::new(answer))
    }

    async fn list_webhooks(
        &self,
        request: Request<ListWebhooksRequest>,
    ) -> Result<Response<ListWebhooksResponse>, Status> {
        let caller = self.caller(&request).await?;
        let opd: OpdCode = parsed("opd_code", &request.into_inner().opd_code)?;
        caller.manage_webhooks(&opd)?;
        let mut conn = self.conn().await?;
        let rows = webhooks::of_agencies(&mut conn, [&opd]).await.map_err(Problem::from)?;
        let webhooks = rows
            .into_iter()
            .map(|row| WireWebhook {
                webhook_id: row.webhook_id.to_string(),
                opd_code: row.opd.to_string(),
                url: row.url,
                event_types: row.event_types,
            })
            .collect();
        Ok(Response::new(ListWebhooksResponse { webhooks }))
    }

    async fn delete_webhook(
        &self,
        request: Request<DeleteWebhookRequest>,
    ) -> Result<Response<DeleteWebhookResponse>, Status> {
        let caller = self.caller(&request).await?;
        let webhook_id: Uuid = parsed("webhook_id", &request.into_inner().webhook_id)?;
        let mut conn = self.conn().await?;
        let webhook = webhooks::get(&mut conn, webhook_id).await.map_err(Problem::from)?;
        drop(conn);
        let webhook = webhook.ok_or_else(|| Problem::new(NOT_FOUND))?;
        // Another agency's webhook does not exist.
        caller
            .manage_webhooks(&webhook.opd)
            .map_err(|_| Problem::new(NOT_FOUND))?;
        let at = self.clock.now();
        tx::run(&self.pool, move |conn| {
            Box::pin(async move { Ok::<_, Problem>(webhooks::delete(conn, webhook_id, at).await?) })
        })
        .await?;
        Ok(Response::new(DeleteWebhookResponse {}))
    }

    async fn retry_delivery(
        &self,
        request: Request<RetryDeliveryRequest>,
    ) -> Result<Response<RetryDeliveryResponse>, Status> {
        self.caller(&request).await?.retry()?;
        let delivery_id: Uuid = parsed("delivery_id", &request.into_inner().delivery_id)?;
        tx::run(&self.pool, move |conn| {
            Box::pin(async move {
                if deliveries::retry(conn, delivery_id).await? {
                    return Ok(());
                }
                if deliveries::exists(conn, delivery_id).await? {
                    return Err(Problem::refusal(
                        "not_given_up",
                        "only a delivery that was given up is tried again",
                    ));
                }
                Err(Problem::new(NOT_FOUND))
            })
        })
        .await?;
        self.planned.notify_one();
        Ok(Response::new(RetryDeliveryResponse {}))
    }
}

impl Api {
    fn webhook(&self, wanted: &WireWebhook) -> Result<Webhook, Problem> {
        self.rules
            .check(&wanted.url)
            .map_err(|error| Problem::invalid("url", error))?;
        let types = &wanted.event_types;
        let odd = |text: &String| {
            text.is_empty() || text.len() > EVENT_TYPE_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if types.len() > EVENT_TYPES_MAX || types.iter().any(odd) {
            return Err(Problem::invalid(
                "event_types",
                "at most 50 types of 1 to 100 characters",
            ));
        }
        Ok(Webhook {
            webhook_id: match wanted.webhook_id.as_str() {
                "" => ids::new_id(),
                given => parsed("webhook_id", given)?,
            },
            opd: parsed("opd_code", &wanted.opd_code)?,
            url: wanted.url.clone(),
            event_types: types.clone(),
        })
    }
}

fn to_wire(shown: Shown) -> Delivery {
    Delivery {
        delivery_id: shown.delivery_id.to_string(),
        event_id: shown.event_id.to_string(),
        case_id: shown.case_id.map(|id| id.to_string()).unwrap_or_default(),
        recipient_kind: shown.recipient_kind,
        recipient_id: shown.recipient_id,
        channel: shown.channel,
        template: shown.template,
        sent_at: shown.settled_at.filter(|_| shown.status == "sent").map(timestamp),
        status: shown.status,
        reason: shown.reason.unwrap_or_default(),
        tries: shown.tries.unsigned_abs(),
        planned_at: Some(timestamp(shown.planned_at)),
    }
}

fn parsed<T>(field: &str, text: &str) -> Result<T, Problem>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error| Problem::invalid(field, error))
}
