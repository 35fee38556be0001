//! What a position wants to be told.

use sqlx::PgConnection;
use tuntas_domain::PositionId;

/// Stands for all templates without a row of their own.
pub const ANY: &str = "*";

/// How a position wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By e-mail.
    Email,
    /// Not at all.
    None,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Name of the template, or [`ANY`].
    pub template: String,
    /// How.
    pub channel: Channel,
}

impl Channel {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::None => "none",
        }
    }

    /// The channel of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Email, Self::None]
            .into_iter()
            .find(|channel| channel.code() == code)
    }
}

/// Stores a preference, replacing the one for the same template.
///
/// # Errors
/// The database's.
pub async fn put(conn: &mut PgConnection, position: &PositionId, preference: &Preference) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO preference (position_id, template, channel) VALUES ($1, $2, $3)
         ON CONFLICT (position_id, template) DO UPDATE SET channel = excluded.channel",
        position.as_str(),
        preference.template,
        preference.channel.code(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The preferences of a position.
///
/// # Errors
/// The database's.
pub async fn list(conn: &mut PgConnection, position: &PositionId) -> sqlx::Result<Vec<Preference>> {
    let rows = sqlx::query!(
        "SELECT template, channel FROM preference WHERE position_id = $1 ORDER BY template",
        position.as_str(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let channel = Channel::from_code(&row.channel)
                .ok_or_else(|| sqlx::Error::Decode(format!("channel {:?}", row.channel).into()))?;
            Ok(Preference {
                template: row.template,
                channel,
            })
        })
        .collect()
}

/// How a position wants to be told this: its row for the template, else its row for all, else by e-mail.
///
/// # Errors
/// The database's.
pub async fn channel_for(conn: &mut PgConnection, position: &PositionId, template: &str) -> sqlx::Result<Channel> {
    let rows = list(conn, position).await?;
    let of = |name: &str| rows.iter().find(|row| row.template == name).map(|row| row.channel);
    Ok(of(template).or_else(|| of(ANY)).unwrap_or(Channel::Email))
}
