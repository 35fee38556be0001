//! One mail to one address, by SMTP (RFC 5321).
//!
//! The Message-ID derives from the delivery's id alone: should a crash between the server's 250 and our commit
//! lead to a second sending, it is the same message to every mail program. What a server answers is kept as its
//! three-digit code only, because its text may repeat the address.

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    config::{Smtp, SmtpTls},
    outcome::Outcome,
    template::Rendered,
};

/// Sends mails through the configured relay. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    message_id_domain: String,
}

impl Mailer {
    /// A mailer for a relay. It connects when the first mail goes out.
    ///
    /// # Errors
    /// The sender's address or the relay's name is not one, or the password's file cannot be read.
    pub fn new(config: &Smtp) -> anyhow::Result<Self> {
        let tls = match config.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::Starttls => Tls::Required(TlsParameters::new(config.host.clone())?),
            SmtpTls::Tls => Tls::Wrapper(TlsParameters::new(config.host.clone())?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(config.timeout()))
            .pool_config(PoolConfig::new().max_size(config.connections_max));
        if let Some((user, password)) = config.login()? {
            builder = builder.credentials(Credentials::new(user, password.expose_secret().to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from: config.from.parse()?,
            message_id_domain: config.message_id_domain.clone(),
        })
    }

    /// Sends one mail.
    pub async fn send(&self, delivery_id: Uuid, to: &str, mail: Rendered, at: OffsetDateTime) -> Outcome {
        let Ok(to) = to.parse::<Mailbox>() else {
            return Outcome::give_up("address_invalid");
        };
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject)
            .date(at.into())
            .message_id(Some(format!("<{delivery_id}@{}>", self.message_id_domain)))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body);
        let Ok(message) = message else {
            return Outcome::give_up("message_invalid");
        };
        match self.transport.send(message).await {
            Ok(_) => Outcome::Sent,
            Err(error) => outcome_of(&error),
        }
    }
}

fn outcome_of(error: &lettre::transport::smtp::Error) -> Outcome {
    match error.status() {
        Some(code) if error.is_permanent() => Outcome::give_up(format!("smtp_{code}")),
        Some(code) => Outcome::retry(format!("smtp_{code}")),
        None if error.is_timeout() => Outcome::retry("smtp_timeout"),
        None if error.is_tls() => Outcome::retry("smtp_tls"),
        None if error.is_client() => Outcome::retry("smtp_client"),
        None => Outcome::retry("smtp_unreachable"),
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no out-of-office answers, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
