//! The phone number itself: its state, its webhook, its groups, and what its phone shares.

use http::Method;
use serde_json::{Value, json};

use super::fields::{event, flag, items, owned, phone, text};
use super::graph::Graph;
use super::people::{Person, group_id};
use crate::connect::budget::Budget;
use crate::connect::gateway::{GatewayError, LineState};
use crate::connect::settings::ConnectionSettings;
use crate::ids::ChatAddress;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Chat, ChatType, ConnectionStatus, Event, Member, Members};

/// The longest URL of a webhook, in bytes.
const MAX_URL: usize = 200;

/// Asks for the state of the phone number.
///
/// # Errors
///
/// See [`GatewayError`]. The id may be that of another phone number.
pub(super) async fn state(graph: &Graph, settings: &ConnectionSettings) -> Result<LineState, GatewayError> {
    let number = number(graph, settings).await?;
    let shown = text(&number, "/display_phone_number").and_then(phone);
    let own = ChatAddress::of_phone(&settings.phone);
    if shown.is_some_and(|shown| shown != own && Some(&shown) != own.other_spelling().as_ref()) {
        return Err(GatewayError::Unexpected("the account is the id of another phone number".to_owned()));
    }
    let (status, reason) = match text(&number, "/status").unwrap_or("CONNECTED") {
        "CONNECTED" => (ConnectionStatus::Connected, ""),
        "FLAGGED" => (ConnectionStatus::Connected, "The quality rating of the phone number is low."),
        "RESTRICTED" => {
            (ConnectionStatus::Connected, "The phone number has reached its limit of conversations.")
        }
        "RATE_LIMITED" => (ConnectionStatus::Connected, "Meta limits the messages of the phone number."),
        "PENDING" => (ConnectionStatus::Connecting, "The display name of the phone number awaits review."),
        "UNVERIFIED" => (ConnectionStatus::LoggedOut, "Verify and register the phone number with Meta."),
        "BANNED" => (ConnectionStatus::LoggedOut, "Meta has banned the phone number."),
        "DELETED" | "MIGRATED" => (ConnectionStatus::LoggedOut, "The phone number has left the account."),
        _ => (ConnectionStatus::Disconnected, "Meta reports that the phone number is not connected."),
    };
    Ok(LineState { status, reason: reason.to_owned() })
}

async fn number(graph: &Graph, settings: &ConnectionSettings) -> Result<Value, GatewayError> {
    let fields = "id,display_phone_number,status,is_on_biz_app,platform_type";
    let path = format!("{}?fields={fields}", settings.account);
    Ok(graph.call(graph.request(Method::GET, &path)).await?)
}

/// Sends the webhooks of the account, or without one those of the number, to this URL.
///
/// # Errors
///
/// See [`GatewayError`]. Meta asks the URL first: the service must be reachable there.
pub(super) async fn set_webhook(
    graph: &Graph,
    settings: &ConnectionSettings,
    url: &str,
) -> Result<(), GatewayError> {
    if url.len() > MAX_URL {
        return Err(GatewayError::Unsupported("send webhooks to a URL of more than 200 bytes"));
    }
    let target = json!({"override_callback_uri": url, "verify_token": settings.verify_token.expose()});
    let (path, body) = match settings.business_account.as_str() {
        "" => (settings.account.clone(), json!({"webhook_configuration": target})),
        account => (format!("{account}/subscribed_apps"), target),
    };
    graph.call(graph.request(Method::POST, &path).json(body.to_string())).await?;
    Ok(())
}

/// Asks the WhatsApp Business app on the phone for its contacts and its history, if the number has one. Meta sends them in
/// webhooks. It does so once, within 24 hours of onboarding, and rejects every other request.
///
/// # Errors
///
/// The number cannot be asked.
pub(super) async fn request_history(
    graph: &Graph,
    settings: &ConnectionSettings,
    budget: &Budget,
) -> Result<(), GatewayError> {
    budget.spend().await;
    if !flag(&number(graph, settings).await?, "/is_on_biz_app") {
        return Ok(());
    }
    for sync_type in ["smb_app_state_sync", "history"] {
        let body = json!({"messaging_product": "whatsapp", "sync_type": sync_type});
        let path = format!("{}/smb_app_data", settings.account);
        budget.spend().await;
        match graph.call(graph.request(Method::POST, &path).json(body.to_string())).await.map_err(Into::into)
        {
            Err(error @ (GatewayError::Unavailable { .. } | GatewayError::Unauthorized)) => {
                return Err(error);
            }
            Err(error) => tracing::info!(sync_type, %error, "the phone shares nothing more"),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Name, description and members of a group.
///
/// # Errors
///
/// See [`GatewayError`].
pub(super) async fn group(
    graph: &Graph,
    settings: &ConnectionSettings,
    jid: &str,
) -> Result<Vec<IngestEvent>, GatewayError> {
    let address: ChatAddress =
        jid.parse().map_err(|_| GatewayError::Unexpected("not the address of a group".to_owned()))?;
    let path = format!("{}?fields=subject,description,participants", group_id(&address, &settings.phone));
    let group = graph.call(graph.request(Method::GET, &path)).await?;
    let mut members = vec![Member {
        id: ChatAddress::of_phone(&settings.phone).as_str().to_owned(),
        is_admin: true,
        is_super_admin: true,
    }];
    for participant in items(&group, "participants") {
        let person = Person::new(text(participant, "/wa_id"), text(participant, "/user_id"), &group);
        let id = person.address().map(|address| address.as_str().to_owned());
        members.extend(id.map(|id| Member { id, ..Member::default() }));
    }
    let mut chat = Chat {
        jid: address.as_str().to_owned(),
        name: owned(&group, "/subject"),
        description: owned(&group, "/description"),
        members: group.get("participants").map(|_| Members { members }),
        ..Chat::default()
    };
    chat.set_type(ChatType::Group);
    Ok(vec![event(Event::Chat(chat))])
}
