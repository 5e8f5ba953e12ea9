//! What happens to the WhatsApp Business Account.

use serde_json::Value;

use super::fields::{phone, text};
use crate::connect::gateway::{FollowUp, LineState, Mapped};
use crate::connect::settings::ConnectionSettings;
use crate::ids::ChatAddress;
use crate::pb::ingest_event::ConnectionStatus;

/// Maps a change of the account.
pub(super) fn map(settings: &ConnectionSettings, event: &Value) -> Mapped {
    let ignored = |ignored| Mapped { ignored, ..Mapped::default() };
    let account =
        text(event, "/value/waba_info/waba_id").or_else(|| text(event, "/waba")).unwrap_or_default();
    if !settings.business_account.is_empty() && account != settings.business_account {
        return ignored("it concerns another WhatsApp Business Account");
    }
    let number = text(event, "/value/phone_number").and_then(phone);
    match number {
        Some(number) if number != ChatAddress::of_phone(&settings.phone) => {
            return ignored("it concerns another phone number");
        }
        // The state of the line is asked for regularly.
        None if settings.business_account.is_empty() => {
            return ignored(
                "it may concern another WhatsApp Business Account: that of the connection is not set",
            );
        }
        Some(_) | None => {}
    }
    let (status, reason) = match text(event, "/value/event").unwrap_or_default() {
        "PARTNER_REMOVED" | "PARTNER_APP_UNINSTALLED" | "ACCOUNT_OFFBOARDED" => (
            ConnectionStatus::LoggedOut,
            "The business disconnected the app: onboard the phone number again.",
        ),
        "ACCOUNT_DELETED" => (ConnectionStatus::LoggedOut, "The WhatsApp Business Account was deleted."),
        "ACCOUNT_RECONNECTED" | "PARTNER_APP_INSTALLED" => (ConnectionStatus::Connected, ""),
        "DISABLED_UPDATE" => match text(event, "/value/ban_info/waba_ban_state") {
            Some("DISABLE") => (ConnectionStatus::LoggedOut, "Meta disabled the WhatsApp Business Account."),
            Some("REINSTATE") => (ConnectionStatus::Connected, ""),
            _ => return ignored("the account stays usable"),
        },
        _ => return ignored("it does not change whether the account is usable"),
    };
    let state = LineState { status, reason: reason.to_owned() };
    Mapped { follow_ups: vec![FollowUp::State(state)], ..Mapped::default() }
}
