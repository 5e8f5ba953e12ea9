//! The settings of webhook deliveries.

use std::time::Duration;

use clap::{ArgAction, Args};

use super::values::{boolean, number, positive_duration};

/// How change events are delivered to webhooks.
#[derive(Args, Clone, Copy, Debug)]
pub struct WebhookConfig {
    /// Whether webhooks may have private addresses and plain http URLs; by default, only https at public addresses.
    /// Loopback and link-local addresses remain excluded
    #[arg(id = "webhook-allow-private-networks", long, value_name = "BOOLEAN", default_value = "false")]
    #[arg(action = ArgAction::Set, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_private_networks: bool,

    /// Whether webhooks may have any address, also of this machine, and plain http URLs: for development
    #[arg(id = "webhook-allow-loopback", long, value_name = "BOOLEAN", default_value = "false")]
    #[arg(action = ArgAction::Set, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_loopback: bool,

    /// Maximum duration of one delivery attempt
    #[arg(id = "webhook-timeout", long, value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = positive_duration)]
    pub timeout: Duration,

    /// Maximum delivery attempts before a delivery becomes a dead letter, from 1 to 100
    #[arg(id = "webhook-max-attempts", long, value_name = "NUMBER", default_value = "16")]
    #[arg(value_parser = number::<u32>(1, 100))]
    pub max_attempts: u32,

    /// Backoff before the second delivery attempt; doubles with each attempt, up to ten minutes
    #[arg(id = "webhook-initial-backoff", long, value_name = "DURATION", default_value = "5s")]
    #[arg(value_parser = positive_duration)]
    pub initial_backoff: Duration,

    /// How long every delivery attempt of a webhook must fail before the webhook is disabled
    #[arg(id = "webhook-disable-after", long, value_name = "DURATION", default_value = "3d")]
    #[arg(value_parser = positive_duration)]
    pub disable_after: Duration,
}
