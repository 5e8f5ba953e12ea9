//! Hosts that an operator lists, which may have private addresses.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// A host to which requests may be sent, on one port or on all: `waha.internal`, `waha.internal:3000`, `[fd12::1]:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// As in a URL: lower-case, IPv6 addresses in brackets.
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Whether the URL is on this host and port.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().map(without_root);
        host == Some(&self.host) && (self.port.is_none() || self.port == url.port_or_known_default())
    }
}

/// The name without the dot of the root domain.
fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl FromStr for AllowedHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "must be a host name or address, with or without a port, such as waha.internal:3000";
        let (host, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address are in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| EXPECTED)?)),
            _ => (text, None),
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(EXPECTED);
        }
        let url: Url = format!("http://{host}/").parse().map_err(|_| EXPECTED)?;
        match url.host_str() {
            // Nothing but a host: no user, port or path.
            Some(host) if url.as_str() == format!("http://{host}/") => {
                Ok(Self { host: without_root(host).to_owned(), port })
            }
            _ => Err(EXPECTED),
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_a_port() {
        for (text, shown) in [
            ("waha.internal", "waha.internal"),
            ("WAHA.internal.:3000", "waha.internal:3000"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("127.1", "127.0.0.1"),
            ("[FD12::1]", "[fd12::1]"),
            ("[::1]:3000", "[::1]:3000"),
        ] {
            let host: AllowedHost = text.parse().unwrap();
            assert_eq!(host.to_string(), shown);
        }
    }

    #[test]
    fn anything_but_a_host_is_rejected() {
        for text in [
            "", ":80", "a:b", "a:65536", "::1", "fd12::1", "http://a", "a/b", "a?b", "user@a", "a b",
            "a:80:80",
        ] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_covers_its_port_or_all() {
        let covers =
            |host: &str, url: &str| host.parse::<AllowedHost>().unwrap().covers(&url.parse().unwrap());
        for (host, url, expected) in [
            ("a.example", "http://a.example:3000/x", true),
            ("a.example", "https://A.EXAMPLE./", true),
            ("a.example:443", "https://a.example/", true),
            ("a.example:443", "http://a.example/", false),
            ("a.example", "http://b.a.example/", false),
            ("a.example", "http://a.example@b.example/", false),
            ("127.0.0.1:80", "http://2130706433/", true),
        ] {
            assert_eq!(covers(host, url), expected, "{host} {url}");
        }
    }
}
