//! Asks a gateway for the state of its line, and sets its webhook.

use std::time::Duration;

use super::gateway::{Gateway, LineState};
use super::kinds::Kinds;
use crate::actions::connections::ConnectionRow;
use crate::pb::ingest_event::ConnectionStatus;

/// How long a gateway may take. Less than a request to the service may.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What the gateway says of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Whether the gateway answered.
    pub is_reachable: bool,
    /// The state of the line.
    pub state: LineState,
    /// Whether the webhook was set.
    pub is_webhook_set: bool,
}

impl Tested {
    /// The gateway did not answer, for that reason.
    fn failed(reason: String) -> Self {
        let state = LineState { status: ConnectionStatus::Disconnected, reason };
        Self { is_reachable: false, state, is_webhook_set: false }
    }
}

/// Asks the gateway of a connection for its state, and sets the webhook there if `sets_webhook`.
pub async fn test(kinds: &Kinds, row: &ConnectionRow, sets_webhook: bool) -> Tested {
    let gateway = match kinds.gateway(row) {
        Ok(Some(gateway)) => gateway,
        // What connects it reports the state of the session itself.
        Ok(None) => return Tested::failed("nothing that the service could ask holds the line".to_owned()),
        Err(error) => return Tested::failed(error.message().into_owned()),
    };
    let asked = tokio::time::timeout(TIMEOUT, ask(&*gateway, sets_webhook.then(|| kinds.webhook_url(row))));
    asked.await.unwrap_or_else(|_| Tested::failed("the gateway did not answer in time".to_owned()))
}

async fn ask(gateway: &dyn Gateway, webhook: Option<String>) -> Tested {
    let mut tested = match gateway.state().await {
        Ok(state) => Tested { is_reachable: true, state, is_webhook_set: false },
        Err(error) => return Tested::failed(error.to_string()),
    };
    if let Some(url) = webhook {
        match gateway.set_webhook(&url).await {
            Ok(()) => tested.is_webhook_set = true,
            Err(error) => tested.state.reason = format!("the webhook was not set: {error}"),
        }
    }
    tested
}

/// The name of a state in the API and in the database.
pub fn status_name(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Unspecified | ConnectionStatus::Disconnected => "disconnected",
        ConnectionStatus::Connecting => "connecting",
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::LoggedOut => "logged_out",
    }
}
