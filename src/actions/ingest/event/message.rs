//! A message as a connector tells it: every key of the message object that is not derived from others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::json;
use crate::instant::Instant;

/// Declares the event: the fields with a column of their own, then the rarer ones that are kept as JSON by name.
macro_rules! message_event {
    (
        columns { $($(#[$meta:meta])* $column:ident: $column_type:ty,)+ }
        details { $($(#[$detail_meta:meta])* $detail:ident: $detail_type:ty,)+ }
    ) => {
        /// A message. What it leaves out is left as it is; of two that disagree, the newer `updated_at` wins.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct MessageEvent {
            $($(#[$meta])* pub $column: $column_type,)+
            $(
                $(#[$detail_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $detail: Option<$detail_type>,
            )+
        }

        impl MessageEvent {
            /// A message that says nothing but this.
            pub fn new(id: impl Into<String>, chat: impl Into<String>, from_me: bool, timestamp: Instant) -> Self {
                Self {
                    id: id.into(),
                    chat: chat.into(),
                    from_me,
                    timestamp,
                    sender: None,
                    kind: None,
                    body: None,
                    ack: None,
                    updated_at: None,
                    delivery_info: None,
                    $($detail: None,)+
                }
            }

            /// The rarer keys that are said, by their name in the message object.
            pub(in crate::actions::ingest) fn take_details(&mut self) -> Map<String, Value> {
                let mut details = Map::new();
                $(
                    if let Some(value) = self.$detail.take() {
                        details.insert(stringify!($detail).to_owned(), Value::from(value));
                    }
                )+
                details
            }

            /// Says one of them. A name that the message object does not have is an error.
            pub(in crate::actions::ingest) fn give_detail(&mut self, name: &str, value: Value) -> serde_json::Result<()> {
                match name {
                    $(stringify!($detail) => self.$detail = Some(serde_json::from_value(value)?),)+
                    _ => return Err(serde::de::Error::custom("a message has no such key")),
                }
                Ok(())
            }

            /// The same in several events, each with one of the rarer keys at most.
            pub fn apart(mut self) -> Vec<Self> {
                let details = self.take_details();
                let bare = Self {
                    updated_at: self.updated_at,
                    ..Self::new(self.id.as_str(), self.chat.as_str(), self.from_me, self.timestamp)
                };
                let each = details.into_iter().filter_map(|(name, value)| {
                    let mut event = bare.clone();
                    // It was said before, so it can be said again.
                    event.give_detail(&name, value).ok().map(|()| event)
                });
                let mut events: Vec<Self> = each.collect();
                events.push(self);
                events
            }
        }
    };
}

message_event! {
    columns {
        /// WhatsApp's own id of the message.
        id: String,
        /// The chat it stands in.
        chat: String,
        /// Whether the number itself sent it.
        #[serde(default)]
        from_me: bool,
        /// When it was sent.
        #[serde(with = "json::instant")]
        timestamp: Instant,
        /// Who sent it: a contact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<String>,
        /// WhatsApp's kind of message, such as `chat` or `image`.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// The text, at most 64 KiB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// `"0"` pending … `"4"` read, `"-1"` failed. It never falls.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ack: Option<String>,
        /// When WhatsApp last changed it.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
        updated_at: Option<Instant>,
        /// Who received and read it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery_info: Option<DeliveryInfo>,
    }
    details {
        /// Who wrote it, in a group or broadcast.
        author: String,
        /// Whether it was sent to a broadcast list.
        broadcast: bool,
        /// The broadcast it belongs to.
        broadcast_id: String,
        /// The kind of device it was sent from.
        device_type: String,
        /// Length of a voice note or video.
        duration: String,
        /// Details of a flag.
        flag_metadata: Value,
        /// How long a flag waited for its answer, in milliseconds.
        flag_response_time: i64,
        /// Whether the message is flagged.
        flag_status: bool,
        /// How often it was forwarded.
        forwarding_score: i64,
        /// The sender's address as WhatsApp gave it.
        from: String,
        /// Whether it carries media.
        has_media: bool,
        /// Whether it quotes another message.
        has_quoted_msg: bool,
        /// Whether anybody reacted to it.
        has_reaction: bool,
        /// A group invite.
        invite_v4: Value,
        /// Whether it was deleted for everyone; once said, it stays.
        is_deleted: bool,
        /// Whether it disappears.
        is_ephemeral: bool,
        /// Whether it was forwarded.
        is_forwarded: bool,
        /// Whether it is a GIF.
        is_gif: bool,
        /// Whether it is starred.
        is_starred: bool,
        /// Whether it is a status update.
        is_status: bool,
        /// Links found in the text.
        links: Value,
        /// A shared location.
        location: Value,
        /// The media: URL, type, size.
        media: Value,
        /// WhatsApp's key of the media.
        media_key: String,
        /// Contacts mentioned in the text.
        mentioned_ids: Vec<String>,
        /// The ticket the message belongs to.
        message_ticket_id: String,
        /// A shopping order.
        order_id: String,
        /// The member who sent it from the shared inbox.
        performed_by: String,
        /// A poll's question and options.
        poll_info: Value,
        /// A poll's votes.
        poll_results: Value,
        /// The text before the last edit.
        prev_body: String,
        /// The message it quotes.
        quoted_message_id: String,
        /// What the connector received.
        raw_data: Value,
        /// The id given to it by the API that sent it.
        sent_message_id: String,
        /// The receiver's address as WhatsApp gave it.
        to: String,
        /// WhatsApp's token of an order.
        token: String,
        /// Shared contacts.
        vcards: Value,
    }
}

/// Who received and read a message, by contact, in Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryInfo {
    /// When it reached whom.
    #[serde(default)]
    pub delivered: BTreeMap<String, i64>,
    /// When it was read by whom.
    #[serde(default)]
    pub read: BTreeMap<String, i64>,
    /// Whom it has not reached.
    #[serde(default)]
    pub pending: Vec<String>,
    /// As the message object has it; counted anew when it is read.
    #[serde(default, skip_serializing)]
    pub delivered_count: Option<i64>,
    /// As the message object has it; counted anew when it is read.
    #[serde(default, skip_serializing)]
    pub read_count: Option<i64>,
}
