//! The simulated WhatsApp lines of the demo's sessions.

use super::data::SESSIONS;
use crate::actions::connections::{ConnectionChange, ConnectionScope, Connections, Line, NewConnection};
use crate::actions::idempotency::IdempotentWrite;
use crate::cli::{Failure, signing_key};
use crate::config::{Config, ConnectionConfig};
use crate::connect::kinds;
use crate::cursor::SigningKeys;
use crate::error::{Error, Kind};
use crate::ids::OrgId;
use crate::store::Store;

/// Connects each session to a simulated line, unless it has a connection.
pub(super) async fn connect(store: &Store, org: OrgId, config: &Config) -> Result<(), Failure> {
    let keys = SigningKeys::new(signing_key::find_or_create(config)?, config.previous_signing_key.clone());
    let settings = ConnectionConfig { allow_simulator: true, ..config.connections.clone() };
    let hosts = kinds::destinations(&settings);
    let connections = Connections::new(store.clone(), keys, kinds::RULES, hosts, &settings);
    for session in SESSIONS {
        let new = NewConnection {
            kind: "simulator".to_owned(),
            line: Line::Session(session.session_id.parse().map_err(Error::internal)?),
            enabled: true,
            settings: ConnectionChange::default(),
        };
        let scope = ConnectionScope { org, sessions: None };
        match connections.create(scope, new, IdempotentWrite::unkeyed()).await {
            Err(error) if error.kind() != Kind::Conflict => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
