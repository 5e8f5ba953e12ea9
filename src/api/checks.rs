//! The checks of field values that `(transcode.v1.constraints).check` names. An error is the problem: `must be …`.

use super::{connections, parse, search, sends, webhooks};
use crate::actions::{
    chat_lists, labels, members, name as names, notes, search as searches, session_lists, sessions,
};
use crate::error::Error;
use crate::ids::{
    ChatAddress, ConnectionId, KeyId, LabelId, NoteId, Phone, PropertyId, ReceiverUrl, SessionId, WebhookId,
};
use crate::pb::validation::Checks;

/// Has a function for each name.
pub struct FieldChecks;

macro_rules! checks {
    ($($name:ident($value:ident: $type:ty) = $check:expr;)+) => {
        impl Checks for FieldChecks {$(
            fn $name($value: &$type) -> Result<(), String> {
                $check.map(drop).map_err(problem)
            }
        )+}
    };
}

/// The problem of the one invalid field.
fn problem(error: Error) -> String {
    error.fields().first().map(|violation| violation.problem.clone()).unwrap_or_default()
}

checks! {
    chat_id(text: str) = parse::chat_address("chat_id", text);
    jid(text: str) = parse::parse::<ChatAddress>("jid", text);
    session_id(text: str) = parse::parse::<SessionId>("session_id", text);
    label_id(text: str) = parse::parse::<LabelId>("label_id", text);
    note_id(text: str) = parse::parse::<NoteId>("note_id", text);
    note_text(text: str) = notes::check_text(text);
    property_id(text: str) = parse::parse::<PropertyId>("property_id", text);
    webhook_id(text: str) = parse::parse::<WebhookId>("webhook_id", text);
    connection_id(text: str) = parse::parse::<ConnectionId>("connection_id", text);
    event_id(text: str) = connections::event_id(text);
    key_id(text: str) = parse::parse::<KeyId>("key_id", text);
    delivery_id(text: str) = webhooks::event_id(text);
    queue_id(text: str) = sends::queue_id(text);
    message_name(text: str) = names::check_no_nul("message_id", text);
    phone_number(text: str) = parse::parse::<Phone>("phone_number", text);
    receiver_url(text: str) = parse::parse::<ReceiverUrl>("url", text.trim());
    email(text: str) = members::key_of(text);
    name(text: str) = names::checked("name", text);
    label_name(text: str) = labels::checked_name(text);
    color(text: str) = labels::checked_color(text.to_owned());
    label_list(texts: [String]) = labels::parse(texts);
    labels(text: str) = labels::parse(&[text.to_owned()]);
    label_filter(text: str) = names::check_no_nul("label", text);
    assignee_filter(text: str) = chat_lists::assignee(text);
    session_label(text: str) = sessions::checked_label(text.to_owned());
    name_part(text: str) = session_lists::check_name(text);
    performed_by(text: str) = names::check_no_nul("performed_by", text);
    search_query(text: str) = searches::check_query(text);
    search_order(text: str) = search::newest_first("order_by", text);
    instant(text: str) = parse::iso_8601("time", text);
    unix_millis(millis: i64) = parse::unix_millis("time", *millis);
}
