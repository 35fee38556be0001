//! How one try to deliver ended.

/// The end of a try. Reasons are codes (`smtp_550`, `no_contact`), never what a server or a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Sent,
    /// There is nothing to send, or nobody to send it to.
    Skipped(String),
    /// It can never be delivered.
    GiveUp(String),
    /// To be tried again.
    Retry {
        /// Why.
        reason: String,
        /// Whether it was the delivery's failure. It is not when a service of ours is away.
        counts: bool,
    },
}

impl Outcome {
    /// Skipped, with the reason.
    #[must_use]
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::Skipped(reason.into())
    }

    /// Given up, with the reason.
    #[must_use]
    pub fn give_up(reason: impl Into<String>) -> Self {
        Self::GiveUp(reason.into())
    }

    /// A failed try that counts.
    #[must_use]
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            counts: true,
        }
    }

    /// Something of ours is away; the delivery's tries are not used up by it.
    #[must_use]
    pub fn not_now(reason: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            counts: false,
        }
    }
}
