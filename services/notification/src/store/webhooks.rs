//! Webhooks of agencies. The secret leaves this module only to sign, or once to the agency.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::{OpdCode, PositionId};
use uuid::Uuid;

/// A webhook without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub webhook_id: Uuid,
    /// The agency.
    pub opd: OpdCode,
    /// Where it is called.
    pub url: String,
    /// Types of events wanted; empty for all.
    pub event_types: Vec<String>,
}

impl Webhook {
    /// Whether it is called for events of this type.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        self.event_types.is_empty() || self.event_types.iter().any(|wanted| wanted == event_type)
    }
}

/// Where and how a webhook is called.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its address.
    pub url: String,
    /// Its key.
    pub secret: SecretString,
    /// It was deleted meanwhile.
    pub deleted: bool,
}

/// Stores a webhook with its secret. One that is there is changed only by its own agency and keeps the secret it
/// has. Returns whether it was stored.
///
/// # Errors
/// The database's.
pub async fn put(
    conn: &mut PgConnection,
    webhook: &Webhook,
    secret: &SecretString,
    by: &PositionId,
    at: OffsetDateTime,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO webhook (webhook_id, opd_code, url, event_types, secret, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (webhook_id) DO UPDATE SET url = excluded.url, event_types = excluded.event_types
         WHERE webhook.opd_code = excluded.opd_code AND webhook.deleted_at IS NULL",
        webhook.webhook_id,
        webhook.opd.as_str(),
        webhook.url,
        &webhook.event_types,
        secret.expose_secret(),
        by.as_str(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The live webhook with an id.
///
/// # Errors
/// The database's.
pub async fn get(conn: &mut PgConnection, webhook_id: Uuid) -> sqlx::Result<Option<Webhook>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT webhook_id, opd_code, url, event_types FROM webhook WHERE webhook_id = $1 AND deleted_at IS NULL",
        webhook_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// The live webhooks of any of these agencies.
///
/// # Errors
/// The database's.
pub async fn of_agencies(
    conn: &mut PgConnection,
    opds: impl IntoIterator<Item = &OpdCode>,
) -> sqlx::Result<Vec<Webhook>> {
    let codes: Vec<String> = opds.into_iter().map(ToString::to_string).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT webhook_id, opd_code, url, event_types FROM webhook
         WHERE opd_code = ANY ($1) AND deleted_at IS NULL ORDER BY webhook_id",
        &codes,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Number of live webhooks of an agency.
///
/// # Errors
/// The database's.
pub async fn count(conn: &mut PgConnection, opd: &OpdCode) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM webhook WHERE opd_code = $1 AND deleted_at IS NULL"#,
        opd.as_str(),
    )
    .fetch_one(conn)
    .await
}

/// Where and with what key to call a webhook.
///
/// # Errors
/// The database's.
pub async fn target(conn: &mut PgConnection, webhook_id: Uuid) -> sqlx::Result<Option<Target>> {
    let row = sqlx::query!(
        r#"SELECT url, secret, deleted_at IS NOT NULL AS "deleted!" FROM webhook WHERE webhook_id = $1"#,
        webhook_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Target {
        url: row.url,
        secret: row.secret.into(),
        deleted: row.deleted,
    }))
}

/// Deletes a webhook. Returns whether it was live.
///
/// # Errors
/// The database's.
pub async fn delete(conn: &mut PgConnection, webhook_id: Uuid, at: OffsetDateTime) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE webhook SET deleted_at = $2 WHERE webhook_id = $1 AND deleted_at IS NULL",
        webhook_id,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

struct Row {
    webhook_id: Uuid,
    opd_code: String,
    url: String,
    event_types: Vec<String>,
}

impl TryFrom<Row> for Webhook {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        Ok(Self {
            webhook_id: row.webhook_id,
            opd: row.opd_code.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
            url: row.url,
            event_types: row.event_types,
        })
    }
}
