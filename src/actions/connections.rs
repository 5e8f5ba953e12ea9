//! Connections: the gateways that hold the WhatsApp lines of sessions, and the events that they sent.

mod checks;
mod events;
mod kind_rules;
mod lines;
mod links;
mod model;
mod progress;
mod secrets;

pub use self::events::{InboundEvents, remove_expired};
pub use self::kind_rules::{KindRules, SecretRule, UrlRule};
pub use self::links::Connections;
pub use self::model::{ConnectionChange, ConnectionScope, Line, NewConnection};
pub use self::progress::SyncProgress;
pub use self::secrets::ConnectionSecrets;

pub use crate::store::connections::ConnectionRow;
pub use crate::store::inbound_events::InboundEventRow;
