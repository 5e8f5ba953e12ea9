//! Where requests may be sent.

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;

use crate::addresses::{is_local, is_never_allowed, is_public};
use crate::error::HttpError;
use crate::hosts::AllowedHost;

/// Where requests may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destinations {
    /// Anywhere, with or without TLS.
    Any,
    /// To public and private addresses, with or without TLS, but not to loopback and link-local ones: behind those are
    /// the services of this machine and the metadata of cloud providers.
    Private,
    /// Only to public addresses, with TLS.
    /// Every address of a name is checked, and the connection is made to the checked addresses: what the name resolves
    /// to a moment later does not matter.
    Public,
    /// Only to these hosts, with or without TLS, at public and private addresses. Never to link-local, multicast and
    /// metadata addresses, and to loopback only under the names `localhost`, `127.0.0.1` and `[::1]`.
    Hosts(Arc<[AllowedHost]>),
}

impl Destinations {
    /// Whether requests may be sent to the address, under a name other than `localhost`.
    pub fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Private => !is_local(address),
            Self::Public => is_public(address),
            Self::Hosts(_) => !is_local(address) && !is_never_allowed(address),
        }
    }

    /// Whether requests may be sent to the address of this name.
    pub(crate) fn allows_named(&self, name: &str, address: IpAddr) -> bool {
        let is_named = matches!(self, Self::Hosts(_)) && address.is_loopback();
        self.allows(address) || is_named && name.trim_end_matches('.').eq_ignore_ascii_case("localhost")
    }

    /// Checks a URL as far as possible without resolving its host.
    ///
    /// # Errors
    ///
    /// Requests may not be sent there.
    pub fn check(&self, url: &str) -> Result<(), HttpError> {
        self.checked(url).map(|_| ())
    }

    /// The URL, if requests may be sent there.
    /// Names are checked by the resolver, which addresses do not pass.
    pub(crate) fn checked(&self, url: &str) -> Result<Url, HttpError> {
        let url: Url = url.parse().map_err(|error| HttpError::InvalidUrl(format!("{error}")))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let address = host.parse::<IpAddr>().ok();
        let allowed = match self {
            Self::Hosts(hosts) => {
                let excluded = |address: IpAddr| !address.is_loopback() && !self.allows(address);
                hosts.iter().any(|host| host.covers(&url)) && !address.is_some_and(excluded)
            }
            Self::Any | Self::Private | Self::Public => address.is_none_or(|address| self.allows(address)),
        };
        match (allowed, self) {
            (false, _) => Err(HttpError::NotAllowed),
            (true, Self::Public) if url.scheme() != "https" => Err(HttpError::NotHttps),
            (true, _) => Ok(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_destinations_exclude_loopback_and_link_local() {
        for local in
            "127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 169.254.169.254 :: ::1 fe80::1 febf::1 ::ffff:127.0.0.1 \
            ::ffff:169.254.169.254 64:ff9b::7f00:1 2002:7f00:1::1"
                .split_whitespace()
        {
            assert!(!Destinations::Private.allows(local.parse().unwrap()), "{local}");
        }
        for other in
            "10.1.2.3 172.16.0.1 192.168.1.1 100.64.0.1 1.1.1.1 fd12::1 ::ffff:10.0.0.1 2606:4700::1111"
                .split_whitespace()
        {
            assert!(Destinations::Private.allows(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn listed_hosts_exclude_all_others_and_metadata() {
        let hosts = "waha.internal:3000 graph.acme.example 10.1.2.3 127.0.0.1:8080 [::1] 169.254.169.254 \
            [fd00:ec2::254] 0.0.0.0 [::ffff:127.0.0.1]";
        let hosts = hosts.split_whitespace().map(|host| host.parse().unwrap());
        let destinations = Destinations::Hosts(hosts.collect());
        let allowed = "http://waha.internal:3000/api http://graph.acme.example:81/ https://graph.acme.example/ \
            http://10.1.2.3:9/ http://127.0.0.1:8080/ http://[::1]:9/";
        for url in allowed.split_whitespace() {
            assert!(destinations.check(url).is_ok(), "{url}");
        }
        let excluded = "http://waha.internal/ http://waha.internal:3001/ http://10.1.2.4/ http://127.0.0.1/ \
            http://127.0.0.2:8080/ http://localhost:8080/ http://169.254.169.254/ http://[fd00:ec2::254]/ \
            http://0.0.0.0/ http://[::ffff:127.0.0.1]/ http://waha.internal:3000@acme.example/";
        for url in excluded.split_whitespace() {
            assert!(matches!(destinations.check(url), Err(HttpError::NotAllowed)), "{url}");
        }
        assert!(matches!(destinations.check("waha"), Err(HttpError::InvalidUrl(_))));
    }
}
