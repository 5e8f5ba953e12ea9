//! URLs of webhooks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

use super::invalid_id::InvalidId;

const MAX_CHARACTERS: usize = 2000;

/// The URL of a webhook: `http` or `https`, with a host, without user and fragment, at most 2000 characters.
///
/// IP addresses must be in their standard form: `127.1` and `2130706433`, which some resolvers read as 127.0.0.1, are
/// invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverUrl(Uri);

impl ReceiverUrl {
    /// The URL for the HTTP client.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// The host if it is an IP address.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.host().and_then(address)
    }

    /// Whether the host is `localhost` or a name below it (RFC 6761).
    pub fn is_this_machine(&self) -> bool {
        let name = self.0.host().map(last_labels).unwrap_or_default();
        name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
    }
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// The host without the final dot of a fully qualified name.
fn last_labels(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether the host is an IP address or a name. A name must not end in a number: resolvers may read it as an address.
fn is_host(host: &str) -> bool {
    let last = last_labels(host).rsplit('.').next().unwrap_or_default();
    let is_hexadecimal = last.get(..2).is_some_and(|two| two.eq_ignore_ascii_case("0x"));
    let is_number = is_hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit());
    address(host).is_some() || !host.starts_with('[') && !is_number
}

impl FromStr for ReceiverUrl {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = InvalidId("must be an http or https URL with neither user nor fragment");
        // `Uri` drops fragments.
        let is_allowed = text.len() <= MAX_CHARACTERS && !text.contains('#');
        let uri: Uri = text.parse().ok().filter(|_| is_allowed).ok_or(expected)?;
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        // `port_u16` is `None` for an invalid port as well as for a missing one.
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let is_valid = is_http
            && uri.host().is_some_and(is_host)
            && !authority.contains('@')
            && has_port == uri.port_u16().is_some_and(|port| port > 0);
        if is_valid { Ok(Self(uri)) } else { Err(expected) }
    }
}

impl fmt::Display for ReceiverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_without_host_or_with_user_or_fragment_is_invalid() {
        for valid in [
            "https://hooks.acme.example/in?kind=chat",
            "http://127.0.0.1:8080",
            "https://[2001:db8::1]/in",
            "https://[::1]:8443/",
            "HTTPS://hooks.acme.example",
        ] {
            assert!(valid.parse::<ReceiverUrl>().is_ok(), "{valid}");
        }
        for invalid in [
            "",
            "hooks.acme.example/in",
            "/in",
            "ftp://hooks.acme.example/in",
            "https://",
            "https:///in",
            "https://2130706433/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://0x7f000001/",
            "https://hooks.acme.0x1/",
            "https://127.0.0.1./",
            "https://[]/",
            "https://user@hooks.acme.example/in",
            "https://user:word@hooks.acme.example/in",
            "https://hooks.acme.example/in#part",
            "https://hooks.acme.example:0/",
            "https://hooks.acme.example:70000/",
            "https://hooks.acme.example:/",
            "https://hooks acme.example/",
            "https://hooks.acme.example/\n",
            &format!("https://hooks.acme.example/{}", "a".repeat(2000)),
        ] {
            assert!(invalid.parse::<ReceiverUrl>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn address_and_localhost_are_recognized() {
        let address = |text: &str| text.parse::<ReceiverUrl>().unwrap().address();
        assert_eq!(address("https://[::1]/"), Some("::1".parse().unwrap()));
        assert_eq!(address("https://10.0.0.1:80/"), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(address("https://hooks.acme.example/"), None);
        for (url, is_this_machine) in [
            ("https://localhost/", true),
            ("https://Api.LocalHost.:80/", true),
            ("https://localhost.acme.example/", false),
        ] {
            assert_eq!(url.parse::<ReceiverUrl>().unwrap().is_this_machine(), is_this_machine, "{url}");
        }
    }
}
