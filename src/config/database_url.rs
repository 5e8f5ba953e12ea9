//! Checks a libpq URL and adds connection defaults.

use super::secret::Secret;

/// Parses a libpq URL and adds timeouts to it.
///
/// Rejects what libpq cannot parse: its error messages would quote the URL, including a part of the password.
pub fn parse(text: &str) -> Result<Secret, &'static str> {
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    let rest = rest.ok_or("must be a URL such as postgres://user@host/database")?;
    let address = rest.split('?').next().unwrap_or_default();
    let (authority, path) = address.split_once('/').unwrap_or((address, ""));
    let escapes_are_whole = text.split('%').skip(1).all(|escape| {
        let digits = escape.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    });
    let is_clear = authority.matches('@').count() <= 1 && !path.contains('@');
    if is_clear && escapes_are_whole && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(Secret::new(with_connection_defaults(text)))
    } else {
        Err("must be a URL whose user and password are percent-encoded")
    }
}

/// Adds timeouts, so that libpq does not hang on a database that went away silently. Parameters in the URL win.
fn with_connection_defaults(url: &str) -> String {
    const DEFAULTS: [(&str, &str); 4] = [
        ("application_name", "switchboard"),
        // Seconds.
        ("connect_timeout", "5"),
        ("keepalives_idle", "30"),
        // Milliseconds.
        ("tcp_user_timeout", "10000"),
    ];
    let query = url.split_once('?').map(|(_, query)| query);
    let is_given = |name: &str| {
        query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some(name)))
    };
    let mut url = url.to_owned();
    for (name, value) in DEFAULTS.iter().filter(|(name, _)| !is_given(name)) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{name}={value}"));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_libpq_cannot_parse_is_rejected() {
        for good in [
            "postgres://switchboard@/switchboard?host=/run/pg",
            "postgresql://u:p%40ss@db.acme.example:5432/switchboard?sslmode=verify-full",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "mysql://x",
            "host=db",
            "postgres://u:p@ss@db/x",
            "postgres://u:p%zz@db/x",
            "postgres://u:p/@db/x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn url_keeps_its_own_timeouts() {
        let url = with_connection_defaults("postgres://h/d?connect_timeout=1");
        assert!(url.starts_with("postgres://h/d?connect_timeout=1&application_name=switchboard&"), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1, "{url}");
        assert!(with_connection_defaults("postgres://h/d").starts_with("postgres://h/d?application_name="));
    }
}
