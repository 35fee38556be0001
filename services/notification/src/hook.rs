//! One call of an agency's webhook, signed by Standard Webhooks.
//!
//! An agency names the URL, so it must not lead this service to where only it can go (server-side request
//! forgery): https only, no credentials, no redirects, no proxy, and the addresses that a name resolves to are
//! checked when the connection is made, so that a name cannot change its mind in between.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use secrecy::{ExposeSecret as _, SecretString};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook as Signature};
use tuntas_kit::clock::Clock;
use uuid::Uuid;

use crate::{config::Webhook as Config, outcome::Outcome};

/// Calls webhooks. Cheap to clone.
#[derive(Clone)]
pub struct HookCaller {
    client: Client,
    rules: Rules,
}

/// What a URL may be.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Plain http, for demos and tests.
    pub allow_http: bool,
    /// This machine and private networks, for demos and tests.
    pub allow_private: bool,
}

/// Why a URL is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// Not a URL.
    #[error("is not a URL with a host")]
    Malformed,
    /// Not https.
    #[error("must begin with https://")]
    Scheme,
    /// Holds a user or a password.
    #[error("must not hold a user or a password")]
    Credentials,
    /// An address of this machine, a private network or another special range.
    #[error("must not lead to a private or special address")]
    Private,
}

impl Rules {
    /// Checks a URL as far as it can be without asking for the name's addresses.
    ///
    /// # Errors
    /// See [`UrlRefused`].
    pub fn check(self, text: &str) -> Result<Url, UrlRefused> {
        let url: Url = text.parse().map_err(|_| UrlRefused::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(UrlRefused::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefused::Credentials);
        }
        let host = url.host_str().ok_or(UrlRefused::Malformed)?;
        // A literal address never passes the resolver.
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>()
            && !self.admits(address)
        {
            return Err(UrlRefused::Private);
        }
        Ok(url)
    }

    fn admits(self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }
}

impl HookCaller {
    /// A caller under the configured rules.
    ///
    /// # Errors
    /// The TLS of this machine cannot be set up.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let rules = Rules {
            allow_http: config.allow_http,
            allow_private: config.allow_private,
        };
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_millis(config.timeout_ms))
            .user_agent("tuntas-notification")
            .dns_resolver(Arc::new(GuardedResolver(rules)))
            .build()?;
        Ok(Self { client, rules })
    }

    /// The rules for URLs.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Calls a webhook with `body`. The delivery's id is the webhook-id, by which the receiver knows a repetition.
    pub async fn call(&self, delivery_id: Uuid, url: &str, secret: &SecretString, body: String) -> Outcome {
        let Ok(url) = self.rules.check(url) else {
            return Outcome::give_up("url_refused");
        };
        // Receivers compare the timestamp with real time, also in a demo.
        let sent_at = Clock::System.now().unix_timestamp();
        let id = delivery_id.to_string();
        let signature = Signature::new(secret.expose_secret()).and_then(|key| key.sign(&id, sent_at, body.as_bytes()));
        let Ok(signature) = signature else {
            return Outcome::give_up("secret_invalid");
        };
        let answer = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, sent_at.to_string())
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body)
            .send()
            .await;
        match answer {
            Ok(answer) if answer.status().is_success() => Outcome::Sent,
            // Standard Webhooks: 410 means that the receiver is gone for good.
            Ok(answer) if answer.status() == StatusCode::GONE => Outcome::give_up("http_410"),
            Ok(answer) => Outcome::retry(format!("http_{}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Outcome::retry("http_timeout"),
            Err(error) if error.is_connect() => Outcome::retry("http_unreachable"),
            Err(_) => Outcome::retry("http_failed"),
        }
    }
}

/// Resolves as the system does, and leaves out addresses that are not to be reached.
struct GuardedResolver(Rules);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let admitted: Vec<SocketAddr> = found.filter(|address| rules.admits(address.ip())).collect();
            if admitted.is_empty() {
                return Err(Box::<dyn std::error::Error + Send + Sync>::from(UrlRefused::Private));
            }
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is on the public internet (IANA special-purpose address registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && b >= 64 && b <= 127;
    let protocol = a == 192 && b == 0 && (c == 0 || c == 2);
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || shared
        || protocol
        || benchmark
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global = first & 0xe000 == 0x2000;
    let documentation = first == 0x2001 && second == 0x0db8;
    let tunnels = first == 0x2002 || (first == 0x2001 && second < 0x0200);
    global && !documentation && !tunnels
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Rules = Rules {
        allow_http: false,
        allow_private: false,
    };

    #[test]
    fn a_url_leads_only_to_public_https() {
        let refused = |url: &str| STRICT.check(url).err();
        assert_eq!(refused("https://opd.example.org/hook"), None);
        assert_eq!(refused("http://opd.example.org/hook"), Some(UrlRefused::Scheme));
        assert_eq!(refused("ftp://opd.example.org/"), Some(UrlRefused::Scheme));
        assert_eq!(
            refused("https://user:pw@opd.example.org/"),
            Some(UrlRefused::Credentials)
        );
        assert_eq!(refused("not a url"), Some(UrlRefused::Malformed));
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.9",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "[::]",
        ] {
            assert_eq!(
                refused(&format!("https://{host}/hook")),
                Some(UrlRefused::Private),
                "{host}"
            );
        }
        assert_eq!(refused("https://[2606:4700::1111]/hook"), None);
        assert_eq!(refused("https://1.1.1.1/hook"), None);
    }

    #[test]
    fn a_demo_may_call_itself() {
        let demo = Rules {
            allow_http: true,
            allow_private: true,
        };
        assert!(demo.check("http://127.0.0.1:8080/hook").is_ok());
        assert!(demo.check("file:///etc/passwd").is_err());
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_not_reached() {
        let refused = GuardedResolver(STRICT)
            .resolve("localhost".parse().unwrap_or_else(|_| unreachable!()))
            .await;
        assert!(refused.is_err());
    }
}
