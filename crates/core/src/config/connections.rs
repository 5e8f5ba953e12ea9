//! The settings of connections.

use std::time::Duration;

use clap::{ArgAction, Args};
use guarded_http::AllowedHost;

use super::values::{boolean, hosts, positive_duration, public_url};

/// Hosts of gateways. An alias, so that clap parses the list as one value.
pub type ConnectionHosts = Vec<AllowedHost>;

/// How connections reach their gateways, and what they keep.
#[derive(Args, Clone, Debug)]
pub struct ConnectionConfig {
    /// Host of gateways that connections may use, with or without a port, such as `waha.internal:3000`; repeatable, or
    /// separated by commas. It may have a private address. Only Meta's API is allowed by default
    #[arg(id = "connection-host", long, value_name = "HOST", global = true, action = ArgAction::Append)]
    #[arg(default_value = "", hide_default_value = true, value_parser = hosts)]
    pub hosts: ConnectionHosts,

    /// URL of this service as gateways reach it, such as `https://inbox.acme.example`: what the URLs of connections' webhooks
    /// begin with; without it, webhooks are set up by hand
    #[arg(id = "public-url", long, value_name = "URL", global = true, value_parser = public_url)]
    pub public_url: Option<String>,

    /// Time that the events of gateways are kept after they are stored, to look at them and to map them again
    #[arg(id = "inbound-retention", long, value_name = "DURATION", default_value = "7d")]
    #[arg(value_parser = positive_duration)]
    pub inbound_retention: Duration,

    /// Whether connections may be simulated: for development
    #[arg(id = "allow-simulator", long, value_name = "BOOLEAN", global = true, default_value = "false")]
    #[arg(action = ArgAction::Set, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_simulator: bool,
}
