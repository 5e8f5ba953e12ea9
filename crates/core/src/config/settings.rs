//! Every setting, once: its flag, default, parser and help text.
//!
//! The variable of a setting is `SWITCHBOARD_` and the name of its flag. A doc comment is the text in `--help`.
//! `global` marks flags that every command takes, `hide_env_values` marks secrets.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::connections::ConnectionConfig;
use super::media::MediaConfig;
use super::quotas::{Quotas, quotas};
use super::secret::Secret;
use super::values::{
    boolean, default_data_dir, default_pool_size, listen_address, log_filter, log_format, non_empty, number,
    origins, path, positive_duration, rate,
};
use super::webhooks::WebhookConfig;
use super::{database_url, units};
use crate::cursor::SigningKey;
use crate::telemetry::LogFormat;

/// Origins that browsers may call from. An alias, so that clap parses the list as one value.
pub type Origins = Vec<String>;

/// Requests per second; `None` is unlimited. An alias, so that clap does not take it for an optional setting.
pub type RateLimit = Option<NonZeroU32>;

/// All settings, parsed.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// PostgreSQL as a libpq URL; without it, an embedded PostgreSQL in the data directory
    #[arg(long, value_name = "URL", global = true, hide_env_values = true, value_parser = database_url::parse)]
    pub database_url: Option<Secret>,

    /// The same database without the connection pooler that --database-url leads to, for migrations and notifications;
    /// setting it makes --database-url safe for a pooler in transaction mode
    #[arg(long, value_name = "URL", global = true, hide_env_values = true, value_parser = database_url::parse)]
    pub database_direct_url: Option<Secret>,

    /// Directory of the embedded PostgreSQL [default: $XDG_DATA_HOME/switchboard or ~/.local/share/switchboard]
    #[arg(long, value_name = "DIRECTORY", global = true, value_parser = path)]
    #[arg(default_value_os_t = default_data_dir(), hide_default_value = true)]
    pub data_dir: PathBuf,

    /// Maximum number of PostgreSQL connections for requests; best is twice the cores of the database server
    /// [default: twice the cores of this machine]
    #[arg(long, value_name = "NUMBER", global = true, value_parser = number::<u32>(1, 1000))]
    #[arg(default_value_t = default_pool_size(), hide_default_value = true)]
    pub database_pool_size: u32,

    /// Maximum time a request waits for a PostgreSQL connection before it is rejected with 503
    #[arg(long, value_name = "DURATION", default_value = "250ms", value_parser = positive_duration)]
    pub database_acquire_timeout: Duration,

    /// Log level: off, error, warn, info, debug or trace; or directives such as info,switchboard=debug
    #[arg(long, value_name = "LEVEL", global = true, default_value = "info", value_parser = log_filter)]
    pub log_level: String,

    /// Log format: text, json, or auto for text on a terminal and JSON elsewhere
    #[arg(long, value_name = "FORMAT", global = true, default_value = "auto", value_parser = log_format)]
    pub log_format: LogFormat,

    /// Address that serves gRPC, gRPC-Web and REST; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = listen_address)]
    pub listen: String,

    /// Address that serves Prometheus metrics at /metrics, and the probes without TLS; none by default
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address)]
    pub metrics_address: Option<String>,

    /// Key that signs cursors and encrypts stored secrets: 32 random bytes in hex or base64, the same for all instances;
    /// required with --database-url, else generated and stored in the data directory
    #[arg(long, value_name = "KEY", global = true, hide_env_values = true)]
    pub signing_key: Option<SigningKey>,

    /// Previous signing key, still accepted during a key rotation
    #[arg(long, value_name = "KEY", hide_env_values = true)]
    pub previous_signing_key: Option<SigningKey>,

    /// How login tokens are verified; `None` accepts only API keys
    #[command(flatten)]
    pub jwt: Option<JwtConfig>,

    /// The server's certificate; `None` serves without TLS
    #[command(flatten)]
    pub tls: Option<TlsConfig>,

    /// Origin whose pages may call from a browser, such as `https://inbox.acme.example`; repeatable, or separated by
    /// commas; none by default
    #[arg(id = "cors-allowed-origin", long, value_name = "ORIGIN", action = ArgAction::Append)]
    #[arg(default_value = "", hide_default_value = true, value_parser = origins)]
    pub cors_allowed_origins: Origins,

    /// Maximum duration of a request, such as 500ms or 5s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    pub request_timeout: Duration,

    /// Maximum number of concurrent requests; more are rejected with 503. One organization gets at most as many as are free,
    /// so that others always find some; beyond that, its requests are rejected with 429
    #[arg(long, value_name = "NUMBER", default_value = "512", value_parser = number::<usize>(1, usize::MAX))]
    pub max_concurrent_requests: usize,

    /// Maximum size of unfinished requests and unread responses in memory, shared like the concurrent requests
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = units::bytes)]
    pub max_in_flight_bytes: usize,

    /// Open streams
    #[command(flatten)]
    pub streams: StreamLimits,

    /// Requests per second
    #[command(flatten)]
    pub rate_limits: RateLimits,

    /// Maximum size of a request body, in bytes or with KiB or MiB
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = units::bytes)]
    pub max_body_bytes: usize,

    /// Maximum numbers of rows of one organization where they are not the defaults, such as labels=500,webhooks=20: api-keys
    /// 1000, connections 1000, idempotency-bytes 1GiB, ingest-senders 10000, labels 1000, members 10000, notes 100000, properties 200,
    /// sessions 1000, webhooks 100
    #[arg(long, value_name = "QUOTAS", default_value = "", hide_default_value = true, value_parser = quotas)]
    pub org_quotas: Quotas,

    /// Maximum number of open connections; further clients wait until one closes
    #[arg(long, value_name = "NUMBER", default_value = "10000", value_parser = number::<usize>(1, usize::MAX))]
    pub max_connections: usize,

    /// Age after which a connection is closed gracefully, so that clients rebalance; 10 % jitter
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = positive_duration)]
    pub max_connection_age: Duration,

    /// Time after SIGTERM during which requests are still served while /readyz fails, so that load balancers deregister
    /// the instance
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = units::duration)]
    pub drain_delay: Duration,

    /// Maximum time that requests in flight get to finish after the drain delay
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = units::duration)]
    pub drain_timeout: Duration,

    /// Time that change events are kept, for watches that resume and for webhooks
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = positive_duration)]
    pub event_retention: Duration,

    /// Whether audit logs keep the text of messages that were deleted for everyone; by default it is removed everywhere
    #[arg(long, value_name = "BOOLEAN", global = true, default_value = "false", action = ArgAction::Set)]
    #[arg(value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub keep_deleted_text: bool,

    /// Media files
    #[command(flatten)]
    pub media: MediaConfig,

    /// Delivery to webhooks
    #[command(flatten)]
    pub webhooks: WebhookConfig,

    /// Connections to gateways
    #[command(flatten)]
    pub connections: ConnectionConfig,
}

/// How login tokens are verified. All settings but the claims are required when the JWKS is set.
#[derive(Args, Clone, Debug)]
pub struct JwtConfig {
    /// JWKS that verifies login tokens: an http(s) URL or the path of a file; without it, only API keys are accepted
    #[arg(long, value_name = "URL", value_parser = non_empty)]
    pub jwks_url: String,

    /// Whether the JWKS may be fetched over plain http from another host: an attacker on the network path can then issue tokens
    #[arg(id = "jwks-allow-http", long, value_name = "BOOLEAN", default_value = "false")]
    #[arg(action = ArgAction::Set, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_http: bool,

    /// Required `iss` of login tokens; required with --jwks-url
    #[arg(id = "jwt-issuer", long, value_name = "ISSUER", value_parser = non_empty)]
    pub issuer: String,

    /// Required `aud` of login tokens; required with --jwks-url
    #[arg(id = "jwt-audience", long, value_name = "AUDIENCE", value_parser = non_empty)]
    pub audience: String,

    /// Claim of a login token that holds the organization id
    #[arg(id = "jwt-org-claim", long, value_name = "CLAIM", default_value = "org_id", value_parser = non_empty)]
    pub org_claim: String,

    /// Claim of a login token that holds the role: owner, admin or member
    #[arg(id = "jwt-role-claim", long, value_name = "CLAIM", default_value = "role", value_parser = non_empty)]
    pub role_claim: String,

    /// Maximum lifetime of a login token, from `iat` to `exp`; a token that lives longer is rejected
    #[arg(id = "jwt-max-lifetime", long, value_name = "DURATION", default_value = "24h", value_parser = positive_duration)]
    pub max_lifetime: Duration,
}

impl JwtConfig {
    /// Whether the JWKS comes from a file, over TLS, or from this host; or the operator allows plain http.
    pub(super) fn has_safe_jwks(&self) -> bool {
        self.allow_http || self.jwks_url.strip_prefix("http://").is_none_or(is_loopback)
    }
}

/// Whether the address without a scheme is of this host.
fn is_loopback(address: &str) -> bool {
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, _) = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).unwrap_or((host, ""));
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The files of the server's TLS certificate, all PEM. They are reloaded when they change.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificate of the server with its intermediates, in PEM; without it, the server does not use TLS. The TLS files are
    /// reloaded when they change
    #[arg(id = "tls-cert", long, value_name = "FILE", value_parser = path)]
    pub cert: PathBuf,

    /// Private key of the certificate, in PEM; required with --tls-cert
    #[arg(id = "tls-key", long, value_name = "FILE", value_parser = path)]
    pub key: PathBuf,

    /// Certificate authorities in PEM, for mutual TLS: clients must present a certificate signed by one of them
    #[arg(id = "tls-client-ca", long, value_name = "FILE", value_parser = path)]
    pub client_ca: Option<PathBuf>,
}

/// Open streams of authenticated callers: watches and the streams of connectors.
#[derive(Args, Clone, Copy, Debug)]
pub struct StreamLimits {
    /// Maximum number of open streams of one API key or member; more are rejected with 429; counted in each instance
    #[arg(id = "key-stream-limit", long, value_name = "NUMBER", default_value = "256")]
    #[arg(value_parser = number::<usize>(1, usize::MAX))]
    pub key: usize,

    /// Maximum number of open streams of one organization
    #[arg(id = "org-stream-limit", long, value_name = "NUMBER", default_value = "1024")]
    #[arg(value_parser = number::<usize>(1, usize::MAX))]
    pub org: usize,
}

/// Requests per second of authenticated callers.
#[derive(Args, Clone, Copy, Debug)]
pub struct RateLimits {
    /// Requests per second of one API key or member, or unlimited; counted in each instance
    #[arg(id = "key-rate-limit", long, value_name = "NUMBER", default_value = "100", value_parser = rate)]
    pub key: RateLimit,

    /// Requests per second of one organization, or unlimited; counted in each instance
    #[arg(id = "org-rate-limit", long, value_name = "NUMBER", default_value = "1000", value_parser = rate)]
    pub org: RateLimit,
}

impl Config {
    /// The longest time from the signal to stop to the end of the last request.
    pub fn longest_drain(&self) -> Duration {
        self.drain_delay + self.drain_timeout
    }

    /// The URL scheme of the listener: `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}
