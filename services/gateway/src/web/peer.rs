//! Whose address a request comes from, and how much one address may do.

use std::{net::IpAddr, net::SocketAddr, num::NonZeroU32};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tuntas_kit::problem::{Problem, RATE_LIMITED};

use super::{Web, fault::Fault};

/// Addresses are forgotten at this number, after those that are at rest.
const ADDRESSES_MAX: usize = 100_000;
const FORWARDED: &str = "x-forwarded-for";

/// The caller's address: the connection's, or what the trusted proxies in front say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(pub IpAddr);

impl FromRequestParts<Web> for Peer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Fault> {
        let connected = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let connected = connected.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let said = parts
            .headers
            .get_all(FORWARDED)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = said.flat_map(|value| value.split(',')).map(str::trim).collect();
        Ok(Self(forwarded(&hops, web.edge.trusted_proxies).unwrap_or(connected)))
    }
}

fn forwarded(hops: &[&str], proxies: usize) -> Option<IpAddr> {
    let place = hops.len().checked_sub(proxies)?;
    (proxies > 0).then(|| hops.get(place)?.parse().ok()).flatten()
}

/// A budget of acts per address; an IPv6 network of 64 bits counts as one.
pub struct PeerLimit {
    budget: DefaultKeyedRateLimiter<IpAddr>,
}

impl PeerLimit {
    /// `burst` at once, then `per_minute` (both at least 1).
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst));
        Self {
            budget: RateLimiter::keyed(quota),
        }
    }

    /// Counts an act.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn check(&self, peer: Peer) -> Result<(), Problem> {
        if self.budget.len() >= ADDRESSES_MAX {
            self.budget.retain_recent();
        }
        self.budget
            .check_key(&network(peer.0))
            .map_err(|_| Problem::new(RATE_LIMITED))
    }
}

/// What counts as one address.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    // An IPv4 caller of a socket for both looks like IPv6, all in one network.
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[4..].fill(0);
            IpAddr::from(segments)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn only_what_a_trusted_proxy_wrote_counts() {
        let own: IpAddr = "10.0.0.9".parse().unwrap();
        assert_eq!(forwarded(&["6.6.6.6", "10.0.0.9"], 1), Some(own));
        assert_eq!(forwarded(&["6.6.6.6"], 0), None);
        assert_eq!(forwarded(&[], 1), None);
    }

    #[test]
    fn one_address_is_limited_and_another_is_not() {
        let limit = PeerLimit::new(1, 2);
        let (one, same, other) = ("2001:db8::1", "2001:db8::2", "2001:db8:1::1");
        let peer = |text: &str| Peer(text.parse().unwrap());
        assert!(limit.check(peer(one)).is_ok());
        assert!(limit.check(peer(same)).is_ok());
        assert_eq!(limit.check(peer(one)).unwrap_err().code(), "rate_limited");
        assert!(limit.check(peer(other)).is_ok());
        for mapped in ["::ffff:192.0.2.1", "::ffff:192.0.2.2", "::ffff:192.0.2.3"] {
            assert!(limit.check(peer(mapped)).is_ok());
        }
    }
}
