//! The settings: read from flags, environment and files, checked all at once.

mod database_url;
mod effective;
mod table;

pub(super) use effective::{Effective, EffectiveSetting};
pub(super) use table::{CommonFlags, ServeFlags};

use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::Failure;
use super::units;
use crate::config::{Config, JwtConfig, RateLimits, Secret, WebhookSettings, is_origin};
use crate::cursor::{CursorKey, CursorKeys};
use crate::telemetry::LogFormat;

/// More connections than this only make the database slower.
const MAX_CONNECTIONS: u32 = 1000;

/// More calls a second than this no process serves.
const MAX_RATE: u32 = 100_000;

/// The settings, checked.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) database_url: Option<Secret>,
    pub(super) data_dir: PathBuf,
    pub(super) database_connections: u32,
    database_wait: Duration,
    pub(super) log_filter: String,
    pub(super) log_format: LogFormat,
    /// `host:port`.
    pub(super) listen: String,
    /// `host:port`.
    pub(super) metrics_address: Option<String>,
    pub(super) cursor_key: Option<CursorKey>,
    cursor_previous_key: Option<CursorKey>,
    jwt: Option<JwtConfig>,
    cors_allowed_origins: Vec<String>,
    request_timeout: Duration,
    max_in_flight: usize,
    rate_limits: RateLimits,
    max_body_bytes: usize,
    max_connections: usize,
    max_connection_age: Duration,
    drain_detect: Duration,
    drain_grace: Duration,
    event_retention: Duration,
    webhooks: WebhookSettings,
}

impl Settings {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// All mistakes together, each naming the flag or variable it is in.
    pub(super) fn new(effective: &Effective) -> Result<Self, Failure> {
        let mut checks = Checks { effective, mistakes: effective.mistakes().to_vec() };
        let settings = Self {
            database_url: checks.optional("database-url", database_url::parse),
            data_dir: checks.required("data-dir", |path| non_empty(path).map(PathBuf::from)),
            database_connections: checks.required("database-connections", connections),
            database_wait: checks.required("database-wait", positive_duration),
            log_filter: checks.required("log-level", log_filter),
            log_format: checks.required("log-format", log_format),
            listen: checks.required("listen", listen_address),
            metrics_address: checks.optional("metrics-address", listen_address),
            cursor_key: checks.optional("cursor-key", str::parse),
            cursor_previous_key: checks.optional("cursor-previous-key", str::parse),
            jwt: checks.jwt(),
            cors_allowed_origins: checks.optional("cors-allowed-origin", origins).unwrap_or_default(),
            request_timeout: checks.required("request-timeout", positive_duration),
            max_in_flight: checks.required("max-in-flight", positive_number),
            rate_limits: RateLimits {
                key: checks.required("key-rate-limit", rate),
                org: checks.required("org-rate-limit", rate),
            },
            max_body_bytes: checks.required("max-body-bytes", units::bytes),
            max_connections: checks.required("max-connections", positive_number),
            max_connection_age: checks.required("max-connection-age", positive_duration),
            drain_detect: checks.required("drain-detect", units::duration),
            drain_grace: checks.required("drain-grace", units::duration),
            event_retention: checks.required("event-retention", positive_duration),
            webhooks: WebhookSettings {
                any_address: checks.required("webhook-addresses", any_address),
                timeout: checks.required("webhook-timeout", positive_duration),
                tries: checks.required("webhook-tries", tries),
                pause: checks.required("webhook-pause", positive_duration),
            },
        };
        if checks.mistakes.is_empty() { Ok(settings) } else { Err(Failure::Configuration(checks.mistakes)) }
    }

    /// The longest an end in order takes, from the signal to the last call.
    pub(super) fn longest_drain(&self) -> Duration {
        self.drain_detect + self.drain_grace
    }

    /// What `serve` runs with, on that database and with that key for new cursors.
    pub(super) fn config(&self, database_url: Secret, cursor_key: CursorKey) -> Config {
        Config {
            database_url,
            cursor_keys: CursorKeys::new(cursor_key, self.cursor_previous_key.clone()),
            database_connections: self.database_connections,
            database_wait: self.database_wait,
            jwt: self.jwt.clone(),
            cors_allowed_origins: self.cors_allowed_origins.clone(),
            request_timeout: self.request_timeout,
            max_in_flight: self.max_in_flight,
            rate_limits: self.rate_limits,
            max_body_bytes: self.max_body_bytes,
            max_connections: self.max_connections,
            max_connection_age: self.max_connection_age,
            drain_detect: self.drain_detect,
            drain_grace: self.drain_grace,
            event_retention: self.event_retention,
            webhooks: self.webhooks,
        }
    }
}

/// The mistakes found so far.
struct Checks<'a> {
    effective: &'a Effective,
    mistakes: Vec<String>,
}

impl Checks<'_> {
    /// The value of a setting that has a default. After a mistake the value does not matter.
    fn required<T: Default, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        self.optional(name, parse).unwrap_or_default()
    }

    fn optional<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let effective = self.effective.get(name)?;
        match parse(effective.value.as_deref()?) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.mistakes.push(format!("{} {expected}", effective.name_at_origin()));
                None
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, non_empty)
    }

    /// A JWKS without issuer or audience would accept tokens made for others.
    fn jwt(&mut self) -> Option<JwtConfig> {
        let jwks_url = self.text("jwks-url");
        let issuer = self.text("jwt-issuer");
        let audience = self.text("jwt-audience");
        let org_claim = self.text("jwt-org-claim").unwrap_or_default();
        let role_claim = self.text("jwt-role-claim").unwrap_or_default();
        for (name, value) in [("jwt-issuer", &issuer), ("jwt-audience", &audience)] {
            if jwks_url.is_some() && value.is_none() {
                self.mistakes.push(format!("--jwks-url needs --{name}"));
            }
            if jwks_url.is_none() && value.is_some() {
                self.mistakes.push(format!("--{name} needs --jwks-url"));
            }
        }
        Some(JwtConfig { jwks_url: jwks_url?, issuer: issuer?, audience: audience?, org_claim, role_claim })
    }
}

fn non_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

/// A level, or directives: those of `RUST_LOG`, of which a misspelled level is one that names a module.
fn log_filter(text: &str) -> Result<String, &'static str> {
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

fn log_format(text: &str) -> Result<LogFormat, &'static str> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be auto, text or json"),
    }
}

fn connections(text: &str) -> Result<u32, String> {
    let expected = || format!("must be a number from 1 to {MAX_CONNECTIONS}");
    text.parse().ok().filter(|number| (1..=MAX_CONNECTIONS).contains(number)).ok_or_else(expected)
}

fn positive_number(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("must be a number of at least 1")
}

/// Calls a second.
fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let number: Option<NonZeroU32> = text.parse().ok();
    let expected = || format!("must be a number of calls a second from 1 to {MAX_RATE}, or unlimited");
    number.filter(|number| number.get() <= MAX_RATE).map(Some).ok_or_else(expected)
}

/// Whether webhooks may be at any address.
fn any_address(text: &str) -> Result<bool, &'static str> {
    match text {
        "public" => Ok(false),
        "any" => Ok(true),
        _ => Err("must be public or any"),
    }
}

fn tries(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|number| (1..=100).contains(number)).ok_or("must be a number from 1 to 100")
}

fn listen_address(text: &str) -> Result<String, &'static str> {
    let expected = "must be an address and a port, such as 127.0.0.1:8080";
    let (host, port) = text.rsplit_once(':').ok_or(expected)?;
    let is_host = !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
    if is_host && port.parse::<u16>().is_ok() { Ok(text.to_owned()) } else { Err(expected) }
}

fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = units::duration(text)?;
    if duration.is_zero() { Err("must be longer than nothing") } else { Ok(duration) }
}

fn origins(text: &str) -> Result<Vec<String>, String> {
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
