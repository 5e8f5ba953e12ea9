//! The settings of the program: where their values come from, how they are parsed, and the struct that the service reads.

mod connections;
mod database_url;
mod effective;
mod flags;
mod media;
mod quotas;
mod secret;
mod settings;
pub mod units;
mod values;
mod webhooks;

pub use connections::ConnectionConfig;
pub use database_url::with_session_setting;
pub use effective::{EffectiveSetting, EffectiveSettings, InvalidConfig, Origin};
pub use flags::{Setting, flags, given};
pub use media::MediaConfig;
pub use quotas::{Quota, Quotas};
pub use secret::{Secret, Secrets};
pub use settings::{Config, JwtConfig, Origins, RateLimit, RateLimits, StreamLimits, TlsConfig};
pub use webhooks::WebhookConfig;

/// The `user-agent` of this program's requests.
pub const USER_AGENT: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));
