//! An agency registers where its own system is called.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tuntas_domain::PositionId;
use tuntas_kit::{
    idempotency, ids,
    problem::{NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::notification::v1::{PutWebhookRequest, PutWebhookResponse};
use uuid::Uuid;

use crate::store::webhooks::{self, Webhook};

const SCOPE: &str = "PutWebhook";
/// Standard Webhooks asks for 24 to 64 bytes.
const SECRET_BYTES: usize = 32;

/// Stores a webhook. Its secret is in the answer to the call that made it (and to a repetition of that call under
/// the same key) and never again.
pub(crate) async fn put(
    pool: &PgPool,
    request: PutWebhookRequest,
    webhook: Webhook,
    by: PositionId,
    max: u32,
    at: OffsetDateTime,
) -> Result<PutWebhookResponse, Problem> {
    tx::run(pool, move |conn| {
        Box::pin(async move {
            let key = request.idempotency_key.clone();
            if let Some(answer) = idempotency::lookup(conn, SCOPE, &key, &request).await? {
                return with_secret(conn, answer).await;
            }
            let known = webhooks::get(conn, webhook.webhook_id).await?.is_some();
            if !known && webhooks::count(conn, &webhook.opd).await? >= i64::from(max) {
                return Err(Problem::refusal(
                    "too_many_webhooks",
                    "the agency has as many webhooks as it may have",
                ));
            }
            if !webhooks::put(conn, &webhook, &new_secret(), &by, at).await? {
                return Err(Problem::new(NOT_FOUND));
            }
            // Kept without the secret: it is in one column alone, and read again for a repetition.
            let mut answer = PutWebhookResponse {
                webhook_id: webhook.webhook_id.to_string(),
                secret: String::new(),
            };
            idempotency::remember(conn, SCOPE, &key, &request, &answer).await?;
            if !known {
                answer = with_secret(conn, answer).await?;
            }
            Ok(answer)
        })
    })
    .await
}

async fn with_secret(conn: &mut PgConnection, answer: PutWebhookResponse) -> Result<PutWebhookResponse, Problem> {
    let webhook_id: Uuid = answer.webhook_id.parse().map_err(Problem::internal)?;
    let target = webhooks::target(conn, webhook_id).await?;
    let secret = target
        .map(|target| target.secret.expose_secret().to_owned())
        .unwrap_or_default();
    Ok(PutWebhookResponse { secret, ..answer })
}

fn new_secret() -> SecretString {
    format!("whsec_{}", STANDARD.encode(ids::random_bytes::<SECRET_BYTES>())).into()
}
