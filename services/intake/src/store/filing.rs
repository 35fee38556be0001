//! Writing reports that were just filed, many in one statement.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A report ready to be written. Holds ciphertext and keyed hashes only.
#[derive(Debug, Clone)]
pub struct NewReport {
    /// Id.
    pub id: Uuid,
    /// Ticket number.
    pub ticket: String,
    /// Keyed hash of the idempotency key.
    pub filing_key: Vec<u8>,
    /// Keyed hash of the request.
    pub filing_hash: Vec<u8>,
    /// Keyed hash of the receipt code.
    pub receipt_mac: Vec<u8>,
    /// Code of the kind.
    pub kind: &'static str,
    /// Code of the privacy.
    pub privacy: &'static str,
    /// Category.
    pub category_code: String,
    /// Region.
    pub region_code: String,
    /// Agency that the reporter named.
    pub named_opd: Option<String>,
    /// Date of what happened (WIB).
    pub event_date: Option<Date>,
    /// When it was filed.
    pub filed_at: OffsetDateTime,
    /// When verification is due.
    pub verification_due_at: OffsetDateTime,
    /// Channel.
    pub channel: String,
    /// Language of mails.
    pub language: String,
    /// Report that the reporter says this one is like.
    pub same_as: Option<Uuid>,
    /// Sealed words.
    pub sealed_words: Vec<u8>,
    /// Sealed identity.
    pub sealed_identity: Option<Vec<u8>>,
    /// Commitment of the words.
    pub words_commitment: Vec<u8>,
    /// The report's key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// Under which master key.
    pub key_id: String,
    /// Keyed hashes of its stems.
    pub grams: Vec<i32>,
}

/// What a retry needs of a report that was filed.
#[derive(Debug, Clone)]
pub struct Filed {
    /// Id.
    pub id: Uuid,
    /// Ticket number.
    pub ticket: String,
    /// Keyed hash of its idempotency key.
    pub filing_key: Vec<u8>,
    /// Keyed hash of its request.
    pub filing_hash: Vec<u8>,
    /// When it was filed.
    pub filed_at: OffsetDateTime,
    /// When verification is due.
    pub verification_due_at: OffsetDateTime,
}

/// Writes reports with their keys and grams, and answers the ids of those that were written. Left out are those
/// whose filing key (a retry) or ticket (once in a very long while) is there already.
///
/// # Errors
/// The database's.
pub async fn insert(conn: &mut PgConnection, reports: &[&NewReport]) -> sqlx::Result<Vec<Uuid>> {
    let written = insert_reports(conn, reports).await?;
    let kept: Vec<&&NewReport> = reports.iter().filter(|report| written.contains(&report.id)).collect();
    let ids: Vec<Uuid> = kept.iter().map(|report| report.id).collect();
    let keys: Vec<Vec<u8>> = kept.iter().map(|report| report.wrapped_key.clone()).collect();
    let key_ids: Vec<String> = kept.iter().map(|report| report.key_id.clone()).collect();
    sqlx::query!(
        "INSERT INTO report_key (report_id, wrapped_key, key_id)
         SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[])",
        &ids,
        &keys,
        &key_ids,
    )
    .execute(&mut *conn)
    .await?;
    insert_grams(conn, &kept).await?;
    Ok(written)
}

async fn insert_reports(conn: &mut PgConnection, reports: &[&NewReport]) -> sqlx::Result<Vec<Uuid>> {
    let column = |value: fn(&NewReport) -> String| reports.iter().map(|report| value(report)).collect::<Vec<_>>();
    let bytes = |value: fn(&NewReport) -> Vec<u8>| reports.iter().map(|report| value(report)).collect::<Vec<_>>();
    let ids: Vec<Uuid> = reports.iter().map(|report| report.id).collect();
    let named: Vec<Option<String>> = reports.iter().map(|report| report.named_opd.clone()).collect();
    let dates: Vec<Option<Date>> = reports.iter().map(|report| report.event_date).collect();
    let filed: Vec<OffsetDateTime> = reports.iter().map(|report| report.filed_at).collect();
    let due: Vec<OffsetDateTime> = reports.iter().map(|report| report.verification_due_at).collect();
    let same: Vec<Option<Uuid>> = reports.iter().map(|report| report.same_as).collect();
    let identities: Vec<Option<Vec<u8>>> = reports.iter().map(|report| report.sealed_identity.clone()).collect();
    sqlx::query_scalar!(
        "INSERT INTO report (id, ticket, filing_key, filing_hash, receipt_mac, kind, privacy, category_code,
             region_code, named_opd, event_date, filed_at, verification_due_at, channel, language, same_as,
             sealed_words, sealed_identity, words_commitment, seq)
         SELECT *, 1 FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], $7::text[],
             $8::text[], $9::text[], $10::text[], $11::date[], $12::timestamptz[], $13::timestamptz[], $14::text[],
             $15::text[], $16::uuid[], $17::bytea[], $18::bytea[], $19::bytea[])
         ON CONFLICT DO NOTHING
         RETURNING id",
        &ids,
        &column(|report| report.ticket.clone()),
        &bytes(|report| report.filing_key.clone()),
        &bytes(|report| report.filing_hash.clone()),
        &bytes(|report| report.receipt_mac.clone()),
        &column(|report| report.kind.to_owned()),
        &column(|report| report.privacy.to_owned()),
        &column(|report| report.category_code.clone()),
        &column(|report| report.region_code.clone()),
        &named as &[Option<String>],
        &dates as &[Option<Date>],
        &filed,
        &due,
        &column(|report| report.channel.clone()),
        &column(|report| report.language.clone()),
        &same as &[Option<Uuid>],
        &bytes(|report| report.sealed_words.clone()),
        &identities as &[Option<Vec<u8>>],
        &bytes(|report| report.words_commitment.clone()),
    )
    .fetch_all(conn)
    .await
}

/// Arrays of arrays cannot be unnested into rows, so each gram comes with its report.
async fn insert_grams(conn: &mut PgConnection, reports: &[&&NewReport]) -> sqlx::Result<()> {
    let mut ids = Vec::new();
    let mut times = Vec::new();
    let mut grams = Vec::new();
    for report in reports {
        for gram in &report.grams {
            ids.push(report.id);
            times.push(report.filed_at);
            grams.push(*gram);
        }
    }
    sqlx::query!(
        "INSERT INTO report_gram (report_id, filed_at, grams)
         SELECT id, filed_at, array_agg(gram)
         FROM unnest($1::uuid[], $2::timestamptz[], $3::integer[]) AS given (id, filed_at, gram)
         GROUP BY id, filed_at",
        &ids,
        &times,
        &grams,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The reports filed under these keys.
///
/// # Errors
/// The database's.
pub async fn by_filing_keys(conn: &mut PgConnection, filing_keys: &[Vec<u8>]) -> sqlx::Result<Vec<Filed>> {
    sqlx::query_as!(
        Filed,
        "SELECT id, ticket, filing_key, filing_hash, filed_at, verification_due_at
         FROM report WHERE filing_key = ANY($1)",
        filing_keys,
    )
    .fetch_all(conn)
    .await
}
