//! What the service is told when it starts. Read from flags and environment by `cli`; a pure value from there on.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::cursor::SigningKeys;
use crate::reloading::Reloading;

/// Everything `serve` needs besides its listener.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where PostgreSQL is, as a libpq URL. May hold a password: never print it.
    pub database_url: Reloading<Secret>,
    /// Connections to PostgreSQL. About twice the database's cores; more makes the tail worse.
    pub database_pool_size: u32,
    /// How long a call waits for a connection that others use before it is turned away.
    pub database_acquire_timeout: Duration,
    /// What cursors are signed with; the same for all instances on one database.
    pub signing_keys: SigningKeys,
    /// How login tokens are verified; `None` refuses them all and leaves api-keys.
    pub jwt: Option<JwtConfig>,
    /// Which certificate callers are shown; `None` serves without TLS.
    pub tls: Option<TlsConfig>,
    /// Origins whose pages may call from a browser, exactly as browsers send them. None by default.
    pub cors_allowed_origins: Vec<String>,
    /// The longest any call may take.
    pub request_timeout: Duration,
    /// Calls at a time, of all callers together; more are turned away.
    pub max_concurrent_requests: usize,
    /// How many of them each may make.
    pub rate_limits: RateLimits,
    /// The largest REST or gRPC request body, in bytes.
    pub max_body_bytes: usize,
    /// Connections at a time; more wait until one of them ends.
    pub max_connections: usize,
    /// How old a connection may get, give or take a tenth, before its client is told to open another one.
    pub max_connection_age: Duration,
    /// How long calls are still taken after the signal to stop, so that others learn of it and go elsewhere.
    pub drain_delay: Duration,
    /// How long calls in flight may go on after that.
    pub drain_timeout: Duration,
    /// How long events are kept.
    pub event_retention: Duration,
    /// How changes are posted to webhooks.
    pub webhooks: WebhookSettings,
}

/// Calls a second, of those whose token is good. `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    /// Of one api-key, or one member.
    pub key: Option<NonZeroU32>,
    /// Of one organization as a whole.
    pub org: Option<NonZeroU32>,
}

/// How changes are posted to webhooks.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// Whether receivers may be anywhere, also on private networks and without TLS.
    pub any_address: bool,
    /// How long a receiver may take to answer.
    pub timeout: Duration,
    /// How many times a change is tried before it is given up.
    pub tries: u32,
    /// The pause before the second try; it doubles with each.
    pub pause: Duration,
}

/// Where the certificate is that callers are shown. All files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate, and those between it and its authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of the certificates that callers must show; `None` asks for none.
    pub client_ca: Option<PathBuf>,
}

/// How login tokens are verified.
#[derive(Clone, Debug)]
pub struct JwtConfig {
    /// The JWKS: an `http(s)://` URL, or the path of a file.
    pub jwks_url: String,
    /// The `iss` a token must have.
    pub issuer: String,
    /// The `aud` a token must have.
    pub audience: String,
    /// The claim that names the organization.
    pub org_claim: String,
    /// The claim that names the role.
    pub role_claim: String,
}

impl Config {
    /// Whether the settings can work together. All mistakes are told at once.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let mut mistakes = Vec::new();
        if let Some(jwt) = &self.jwt {
            if jwt.issuer.is_empty() {
                mistakes.push("login tokens need an issuer beside the key set".to_owned());
            }
            if jwt.audience.is_empty() {
                mistakes.push("login tokens need an audience beside the key set".to_owned());
            }
        }
        for origin in &self.cors_allowed_origins {
            if !is_origin(origin) {
                mistakes
                    .push(format!("`{origin}` is no origin: write it as browsers do, `https://host[:port]`"));
            }
        }
        if self.database_pool_size == 0 {
            mistakes.push("at least one connection to the database is needed".to_owned());
        }
        if mistakes.is_empty() { Ok(()) } else { Err(InvalidConfig { mistakes }) }
    }
}

/// Whether it is an origin as browsers send it: a scheme and a host, nothing after it, and never `*`.
pub fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, host)| host).unwrap_or_default();
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'*' | b',' | b'?' | b'#' | b'@');
    !host.is_empty() && host.bytes().all(is_plain) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConfig {
    /// What is wrong, a sentence fragment each.
    pub mistakes: Vec<String>,
}

impl std::fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.mistakes.join("; "))
    }
}

impl std::error::Error for InvalidConfig {}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("****")
    }
}
