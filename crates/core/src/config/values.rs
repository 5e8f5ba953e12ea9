//! Parsers of setting values, and defaults that depend on the machine. Their errors continue "SETTING must be …".

use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use guarded_http::AllowedHost;

use super::units;
use crate::ids::ReceiverUrl;
use crate::telemetry::LogFormat;

/// Requests per second beyond what one process serves.
const MAX_RATE: u32 = 100_000;

pub(super) fn non_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    non_empty(text).map(PathBuf::from)
}

/// The URL of a bucket with an optional prefix.
pub(super) fn media_url(text: &str) -> Result<String, &'static str> {
    let bucket = text.strip_prefix("s3://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let is_bucket = !bucket.is_empty() && !bucket.contains(['?', '#', '@', ':']);
    if is_bucket { Ok(text.to_owned()) } else { Err("must be a bucket such as s3://acme-media/switchboard") }
}

/// A level, or directives as in `RUST_LOG`. Stricter than those, which take a misspelled level for a module.
pub(super) fn log_filter(text: &str) -> Result<String, &'static str> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_directive = |part: &str| {
        LEVELS.contains(&part) || part.rsplit_once('=').is_some_and(|(_, level)| LEVELS.contains(&level))
    };
    if text.split(',').all(is_directive) {
        Ok(text.to_owned())
    } else {
        Err("must be off, error, warn, info, debug or trace, or directives such as info,switchboard=debug")
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

pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

/// A parser of whole numbers in that range, both ends included.
pub(super) fn number<T>(min: T, max: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| format!("must be a number from {min} to {max}"))
    }
}

/// Requests per second.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    number(1, MAX_RATE)(text).map(NonZeroU32::new).map_err(|expected| format!("{expected}, or unlimited"))
}

pub(super) fn listen_address(text: &str) -> Result<String, &'static str> {
    let expected = "must be an address and a port, such as 127.0.0.1:8080";
    let (host, port) = text.rsplit_once(':').ok_or(expected)?;
    let is_host = !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
    if is_host && port.parse::<u16>().is_ok() { Ok(text.to_owned()) } else { Err(expected) }
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = units::duration(text)?;
    if duration.is_zero() { Err("must be greater than 0") } else { Ok(duration) }
}

/// Origins separated by commas.
pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| match is_origin(origin) {
            true => Ok(origin.to_owned()),
            false => Err(format!("must be origins such as https://inbox.acme.example, not {origin:?}")),
        })
        .collect()
}

/// Hosts of gateways, separated by commas.
pub(super) fn hosts(text: &str) -> Result<Vec<AllowedHost>, &'static str> {
    text.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::parse).collect()
}

/// A URL of this service, without the slash at its end.
pub(super) fn public_url(text: &str) -> Result<String, &'static str> {
    let url: Option<ReceiverUrl> = text.parse().ok();
    match url.filter(|_| !text.contains('?')) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("must be a URL such as https://inbox.acme.example"),
    }
}

/// Whether browsers send the origin in this spelling: scheme, host and port, lower case, no wildcard.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, host)| host).unwrap_or_default();
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'*' | b',' | b'?' | b'#' | b'@');
    !host.is_empty() && host.bytes().all(is_plain) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Follows the XDG base directory specification, which requires ignoring a relative `$XDG_DATA_HOME`.
pub(super) fn default_data_dir() -> PathBuf {
    let xdg = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = xdg.or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
    base.unwrap_or_else(|| PathBuf::from("/var/lib")).join("switchboard")
}

pub(super) fn default_pool_size() -> u32 {
    std::thread::available_parallelism()
        .ok()
        .and_then(|cores| u32::try_from(2 * cores.get()).ok())
        .unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_filter_rejects_a_misspelled_level() {
        for good in ["info", "off", "warn,switchboard=debug"] {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for bad in ["", "verbose", "info,", "switchboard=loud"] {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rate_is_a_number_or_unlimited() {
        assert_eq!(rate("100"), Ok(NonZeroU32::new(100)));
        assert_eq!(rate("unlimited"), Ok(None));
        for bad in ["", "0", "-1", "1.5", "100001", "none"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn listen_address_requires_a_port() {
        for good in ["127.0.0.1:0", "localhost:8080", "[::1]:8080"] {
            assert!(listen_address(good).is_ok(), "{good}");
        }
        for bad in ["", "8080", ":8080", "localhost", "localhost:x", "::1:8080", "localhost:70000"] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origin_has_no_path_and_no_wildcard() {
        assert_eq!(origins("https://a.example, http://localhost:3000,").unwrap().len(), 2);
        for bad in ["*", "a.example", "https://a.example/", "https://*.a.example", "https://A.example"] {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }
}
