//! States of a session of WAHA.

use crate::connect::gateway::LineState;
use crate::pb::ingest_event::ConnectionStatus;

/// What a state of a session means, and what a person should do about it.
pub(super) fn of(status: &str) -> LineState {
    let (status, reason) = match status {
        "WORKING" => (ConnectionStatus::Connected, ""),
        "STARTING" => (ConnectionStatus::Connecting, ""),
        "SCAN_QR_CODE" => (ConnectionStatus::LoggedOut, "scan the QR code of the session in WAHA"),
        "PASSKEY_REQUIRED" | "PASSKEY_CONFIRMATION_REQUIRED" => {
            (ConnectionStatus::LoggedOut, "confirm the passkey of the session in WAHA")
        }
        "STOPPED" => (ConnectionStatus::Disconnected, "start the session in WAHA"),
        "FAILED" => (ConnectionStatus::Disconnected, "restart the session in WAHA"),
        _ => (ConnectionStatus::Disconnected, "WAHA reports a state that is not known"),
    };
    LineState { status, reason: reason.to_owned() }
}
