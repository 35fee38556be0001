//! What a position wants to be told.

use std::collections::HashMap;

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

/// What positions want to be told.
#[derive(Debug, Clone, Default)]
pub struct Preferences(HashMap<PositionId, Vec<Preference>>);

impl Preferences {
    /// How a position wants to be told this: its row for the template, else its row for all, else by e-mail.
    #[must_use]
    pub fn channel_for(&self, position: &PositionId, template: &str) -> Channel {
        let rows = self.0.get(position).map_or(&[][..], Vec::as_slice);
        let of = |name: &str| rows.iter().find(|row| row.template == name).map(|row| row.channel);
        of(template).or_else(|| of(ANY)).unwrap_or(Channel::Email)
    }

    /// The rows of a position, by template.
    #[must_use]
    pub fn into_rows(mut self, position: &PositionId) -> Vec<Preference> {
        self.0.remove(position).unwrap_or_default()
    }
}

/// The preferences of positions.
///
/// # Errors
/// The database's.
pub async fn of(
    conn: &mut PgConnection,
    positions: impl IntoIterator<Item = &PositionId>,
) -> sqlx::Result<Preferences> {
    let ids: Vec<String> = positions.into_iter().map(ToString::to_string).collect();
    if ids.is_empty() {
        return Ok(Preferences::default());
    }
    let rows = sqlx::query!(
        "SELECT position_id, template, channel FROM preference WHERE position_id = ANY ($1)
         ORDER BY position_id, template",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let mut preferences = Preferences::default();
    for row in rows {
        let position = row.position_id.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
        let channel = Channel::from_code(&row.channel)
            .ok_or_else(|| sqlx::Error::Decode(format!("channel {:?}", row.channel).into()))?;
        preferences.0.entry(position).or_default().push(Preference {
            template: row.template,
            channel,
        });
    }
    Ok(preferences)
}
