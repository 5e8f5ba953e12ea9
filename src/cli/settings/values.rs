//! What a setting's value may be, and what it says.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::units;
use crate::config::is_origin;
use crate::telemetry::LogFormat;

/// More connections than this only make the database slower.
const MAX_CONNECTIONS: u32 = 1000;

/// More calls a second than this no process serves.
const MAX_RATE: u32 = 100_000;

pub(super) fn non_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    non_empty(text).map(PathBuf::from)
}

/// A level, or directives: those of `RUST_LOG`, of which a misspelled level is one that names a module.
pub(super) fn log_filter(text: &str) -> Result<String, &'static str> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_directive = |part: &str| {
        LEVELS.contains(&part) || part.rsplit_once('=').is_some_and(|(_, level)| LEVELS.contains(&level))
    };
    if text.split(',').all(is_directive) {
        Ok(text.to_owned())
    } else {
        Err("must be off, error, warn, info, debug or trace, or such as info,switchboard=debug")
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, &'static str> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be auto, text or json"),
    }
}

pub(super) fn connections(text: &str) -> Result<u32, String> {
    let expected = || format!("must be a number from 1 to {MAX_CONNECTIONS}");
    text.parse().ok().filter(|number| (1..=MAX_CONNECTIONS).contains(number)).ok_or_else(expected)
}

pub(super) fn positive_number(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("must be a number of at least 1")
}

/// Calls a second.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let number: Option<NonZeroU32> = text.parse().ok();
    let expected = || format!("must be a number of calls a second from 1 to {MAX_RATE}, or unlimited");
    number.filter(|number| number.get() <= MAX_RATE).map(Some).ok_or_else(expected)
}

/// Whether webhooks may be at any address.
pub(super) fn any_address(text: &str) -> Result<bool, &'static str> {
    match text {
        "public" => Ok(false),
        "any" => Ok(true),
        _ => Err("must be public or any"),
    }
}

pub(super) fn tries(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|number| (1..=100).contains(number)).ok_or("must be a number from 1 to 100")
}

pub(super) fn listen_address(text: &str) -> Result<String, &'static str> {
    let expected = "must be an address and a port, such as 127.0.0.1:8080";
    let (host, port) = text.rsplit_once(':').ok_or(expected)?;
    let is_host = !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
    if is_host && port.parse::<u16>().is_ok() { Ok(text.to_owned()) } else { Err(expected) }
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    units::duration(text).and_then(|duration| match duration.is_zero() {
        true => Err("must be longer than nothing"),
        false => Ok(duration),
    })
}

pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            if is_origin(origin) {
                Ok(origin.to_owned())
            } else {
                Err(format!("must hold origins as browsers send them, such as https://inbox.acme.example, not {origin:?}"))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_level_is_refused() {
        for good in ["info", "off", "warn,switchboard=debug"] {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for bad in ["", "verbose", "info,", "switchboard=loud"] {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_a_number_or_no_limit_at_all() {
        assert_eq!(rate("100"), Ok(NonZeroU32::new(100)));
        assert_eq!(rate("unlimited"), Ok(None));
        for bad in ["", "0", "-1", "1.5", "100001", "none"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_need_a_port() {
        for good in ["127.0.0.1:0", "localhost:8080", "[::1]:8080"] {
            assert!(listen_address(good).is_ok(), "{good}");
        }
        for bad in ["", "8080", ":8080", "localhost", "localhost:x", "::1:8080", "localhost:70000"] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_has_no_path_and_is_no_wildcard() {
        assert_eq!(origins("https://a.example, http://localhost:3000,").unwrap().len(), 2);
        for bad in ["*", "a.example", "https://a.example/", "https://*.a.example", "https://A.example"] {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }
}
