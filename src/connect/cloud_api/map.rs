//! Maps raw events: one message, status, chunk of history or other item of a webhook.

use serde_json::Value;

use super::fields::{items, text};
use super::{account, history, message, people, status};
use crate::connect::gateway::{FollowUp, Lookup, Mapped};
use crate::connect::settings::ConnectionSettings;

/// Maps a raw event.
///
/// # Errors
///
/// An item of it cannot be mapped.
pub(super) fn map(settings: &ConnectionSettings, event: &Value) -> Result<Mapped, String> {
    if !event.is_object() {
        return Err("the event must be a JSON object that can be read".to_owned());
    }
    if text(event, "/field") == Some("account_update") {
        return Ok(account::map(settings, event));
    }
    let Some(value) = event.get("value") else { return Ok(ignored("it is no event of a phone number")) };
    if text(value, "/metadata/phone_number_id").is_some_and(|id| id != settings.account) {
        return Ok(ignored("it is of a phone number without a connection"));
    }
    let mut mapped = Mapped { ignored: "nothing is stored of such events", ..Mapped::default() };
    let mut add = |one: Mapped| {
        mapped.events.extend(one.events);
        mapped.follow_ups.extend(one.follow_ups);
        mapped.ignored = one.ignored;
    };
    for raw in items(value, "messages").iter().chain(items(value, "message_echoes")) {
        add(message::map(settings, value, raw, None)?);
    }
    for raw in items(value, "statuses") {
        add(status::map(value, raw)?);
    }
    for raw in items(value, "history") {
        add(history::map(settings, value, raw)?);
    }
    for raw in items(value, "state_sync") {
        add(history::contact(raw)?);
    }
    for raw in items(value, "groups") {
        add(group_change(raw)?);
    }
    Ok(mapped)
}

/// A group has another name, other settings or members: it is read anew.
fn group_change(raw: &Value) -> Result<Mapped, String> {
    let group = people::group(text(raw, "/group_id").unwrap_or_default())?;
    let lookup = FollowUp::Lookup(Lookup::Group(group.as_str().to_owned()));
    Ok(Mapped { follow_ups: vec![lookup], ..Mapped::default() })
}

fn ignored(ignored: &'static str) -> Mapped {
    Mapped { ignored, ..Mapped::default() }
}
