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

/// The URL with a setting of the session that a connection to the server starts with. Connection poolers reject or drop it.
pub fn with_session_setting(url: &Secret, name: &str, value: &str) -> Secret {
    let option = format!("-c%20{name}%3D{value}");
    let url = url.expose();
    let given =
        url.split_once('?').and_then(|(_, query)| query.split('&').find(|pair| pair.starts_with("options=")));
    Secret::new(match given {
        Some(given) => url.replacen(given, &format!("{given}%20{option}"), 1),
        None => format!("{url}{}options={option}", if url.contains('?') { '&' } else { '?' }),
    })
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
    fn session_setting_is_added_to_given_options() {
        let with = |url| with_session_setting(&Secret::new(url), "a.b", "1").expose().to_owned();
        assert_eq!(with("postgres://h/d"), "postgres://h/d?options=-c%20a.b%3D1");
        assert_eq!(
            with("postgres://h/d?options=-c%20jit%3Doff&sslmode=require"),
            "postgres://h/d?options=-c%20jit%3Doff%20-c%20a.b%3D1&sslmode=require"
        );
    }

    #[test]
    fn url_keeps_its_own_timeouts() {
        let url = with_connection_defaults("postgres://h/d?connect_timeout=1");
        assert!(url.starts_with("postgres://h/d?connect_timeout=1&application_name=switchboard&"), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1, "{url}");
        assert!(with_connection_defaults("postgres://h/d").starts_with("postgres://h/d?application_name="));
    }
}
