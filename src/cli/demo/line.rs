//! The simulated WhatsApp lines of the demo's sessions.

use super::data::SESSIONS;
use crate::actions::connections::{ConnectionChange, ConnectionScope, Connections, Line, NewConnection};
use crate::actions::idempotency::IdempotentWrite;
use crate::cli::Failure;
use crate::config::{Config, ConnectionConfig};
use crate::connect::kinds;
use crate::cursor::SigningKeys;
use crate::error::{Error, Kind};
use crate::ids::OrgId;
use crate::store::Store;

/// The id of the first session's connection: that of the examples of the OpenAPI document. A simulator receives no webhooks, so
/// nobody can use it to inject events.
const FIRST: &str = "019b000000007000800000000000de305f1c0e8b7a6d4c3b9a8f7e6d5c4b3a29";

/// Connects each session to a simulated line, unless it has a connection.
pub(super) async fn connect(
    store: &Store,
    org: OrgId,
    config: &Config,
    keys: SigningKeys,
) -> Result<(), Failure> {
    let settings = ConnectionConfig { allow_simulator: true, ..config.connections.clone() };
    let hosts = kinds::destinations(&settings);
    let connections = Connections::new(store.clone(), keys, kinds::RULES, hosts, &settings);
    let first = Some(FIRST.parse().map_err(Error::internal)?);
    for (session, published_id) in SESSIONS.into_iter().zip([first, None]) {
        let new = NewConnection {
            published_id,
            kind: "simulator".to_owned(),
            line: Line::Session(session.session_id.parse().map_err(Error::internal)?),
            enabled: true,
            settings: ConnectionChange::default(),
        };
        let scope = ConnectionScope::operator(org);
        match connections.create(scope, new, IdempotentWrite::unkeyed()).await {
            Err(error) if error.kind() != Kind::Conflict => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
