//! Names and addresses of holders. They are in no event.

use sqlx::PgConnection;

/// How a holder is called and reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The holder.
    pub holder_id: String,
    /// Name.
    pub name: String,
    /// E-mail address; empty for none.
    pub email: String,
}

/// Stores a contact; answers whether something changed.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, contact: &Contact) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO holder_contact (holder_id, name, email) VALUES ($1, $2, $3)
         ON CONFLICT (holder_id) DO UPDATE SET name = excluded.name, email = excluded.email
         WHERE (holder_contact.name, holder_contact.email) IS DISTINCT FROM (excluded.name, excluded.email)",
        contact.holder_id,
        contact.name,
        contact.email,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Contacts of these holders.
///
/// # Errors
/// The database's.
pub async fn of_holders(conn: &mut PgConnection, holders: &[String]) -> sqlx::Result<Vec<Contact>> {
    sqlx::query_as!(
        Contact,
        "SELECT holder_id, name, email FROM holder_contact WHERE holder_id = ANY($1) ORDER BY holder_id",
        holders,
    )
    .fetch_all(conn)
    .await
}
