//! The settings: read from flags, environment and files, checked all at once.

mod database_url;
mod effective;
mod table;
mod values;

pub(super) use effective::{Effective, EffectiveSetting, Origin};
pub(super) use table::{CommonFlags, ServeFlags};

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use self::values::{
    any_address, connections, listen_address, log_filter, log_format, non_empty, origins, path,
    positive_duration, positive_number, rate, tries,
};
use super::Failure;
use super::units;
use crate::config::{Config, JwtConfig, RateLimits, Secret, TlsConfig, WebhookSettings};
use crate::cursor::{SigningKey, SigningKeys};
use crate::reloading::Reloading;
use crate::telemetry::LogFormat;

/// The settings, checked.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) database_url: Option<Secret>,
    pub(super) data_dir: PathBuf,
    pub(super) database_pool_size: u32,
    database_acquire_timeout: Duration,
    pub(super) log_filter: String,
    pub(super) log_format: LogFormat,
    /// `host:port`.
    pub(super) listen: String,
    /// `host:port`.
    pub(super) metrics_address: Option<String>,
    pub(super) signing_key: Option<SigningKey>,
    pub(super) previous_signing_key: Option<SigningKey>,
    pub(super) jwt: Option<JwtConfig>,
    pub(super) tls: Option<TlsConfig>,
    cors_allowed_origins: Vec<String>,
    request_timeout: Duration,
    max_concurrent_requests: usize,
    rate_limits: RateLimits,
    max_body_bytes: usize,
    max_connections: usize,
    max_connection_age: Duration,
    drain_delay: Duration,
    drain_timeout: Duration,
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
            data_dir: checks.required("data-dir", path),
            database_pool_size: checks.required("database-pool-size", connections),
            database_acquire_timeout: checks.required("database-acquire-timeout", positive_duration),
            log_filter: checks.required("log-level", log_filter),
            log_format: checks.required("log-format", log_format),
            listen: checks.required("listen", listen_address),
            metrics_address: checks.optional("metrics-address", listen_address),
            signing_key: checks.optional("signing-key", str::parse),
            previous_signing_key: checks.optional("previous-signing-key", str::parse),
            jwt: checks.jwt(),
            tls: checks.tls(),
            cors_allowed_origins: checks.optional("cors-allowed-origin", origins).unwrap_or_default(),
            request_timeout: checks.required("request-timeout", positive_duration),
            max_concurrent_requests: checks.required("max-concurrent-requests", positive_number),
            rate_limits: RateLimits {
                key: checks.required("key-rate-limit", rate),
                org: checks.required("org-rate-limit", rate),
            },
            max_body_bytes: checks.required("max-body-bytes", units::bytes),
            max_connections: checks.required("max-connections", positive_number),
            max_connection_age: checks.required("max-connection-age", positive_duration),
            drain_delay: checks.required("drain-delay", units::duration),
            drain_timeout: checks.required("drain-timeout", units::duration),
            event_retention: checks.required("event-retention", positive_duration),
            webhooks: WebhookSettings {
                any_address: checks.required("webhook-addresses", any_address),
                timeout: checks.required("webhook-timeout", positive_duration),
                tries: checks.required("webhook-max-attempts", tries),
                pause: checks.required("webhook-initial-backoff", positive_duration),
            },
        };
        if checks.mistakes.is_empty() { Ok(settings) } else { Err(Failure::Configuration(checks.mistakes)) }
    }

    /// The longest an end in order takes, from the signal to the last call.
    pub(super) fn longest_drain(&self) -> Duration {
        self.drain_delay + self.drain_timeout
    }

    /// How callers reach the service: `https` or `http`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What `serve` runs with, on that database and with that key for new cursors.
    pub(super) fn config(&self, database_url: Secret, signing_key: SigningKey) -> Config {
        Config {
            database_url: Reloading::from(&database_url),
            signing_keys: SigningKeys::new(signing_key, self.previous_signing_key.clone()),
            database_pool_size: self.database_pool_size,
            database_acquire_timeout: self.database_acquire_timeout,
            jwt: self.jwt.clone(),
            tls: self.tls.clone(),
            cors_allowed_origins: self.cors_allowed_origins.clone(),
            request_timeout: self.request_timeout,
            max_concurrent_requests: self.max_concurrent_requests,
            rate_limits: self.rate_limits,
            max_body_bytes: self.max_body_bytes,
            max_connections: self.max_connections,
            max_connection_age: self.max_connection_age,
            drain_delay: self.drain_delay,
            drain_timeout: self.drain_timeout,
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

    fn tls(&mut self) -> Option<TlsConfig> {
        let cert = self.optional("tls-cert", path);
        let key = self.optional("tls-key", path);
        let client_ca = self.optional("tls-client-ca", path);
        let needs = [
            ("tls-cert", "tls-key", cert.is_some() && key.is_none()),
            ("tls-key", "tls-cert", key.is_some() && cert.is_none()),
            ("tls-client-ca", "tls-cert", client_ca.is_some() && cert.is_none()),
        ];
        let lacking = needs.into_iter().filter(|(_, _, lacks)| *lacks);
        self.mistakes.extend(lacking.map(|(name, needed, _)| format!("--{name} needs --{needed}")));
        Some(TlsConfig { cert: cert?, key: key?, client_ca })
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
