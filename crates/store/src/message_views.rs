//! Stored messages, as `message_views` shows them and as requests name them.

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;

pub use super::json::Json;
use super::views::message_views;
use switchboard_core::ids::{ChatAddress, MessageId};
use switchboard_core::instant::Instant;
use switchboard_proto::ingest_event::{Delivery, Message};
use switchboard_proto::json_value::JsonObject;

/// A stored message.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = message_views, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of message_views, documented in the migrations
pub struct MessageView {
    pub message_id: String,
    pub sent_at: Instant,
    pub updated_at: Option<Instant>,
    pub ack: Option<i16>,
    pub from_me: bool,
    pub sender: Option<String>,
    pub type_: Option<String>,
    pub body: Option<String>,
    pub delivery: Option<Json<Delivery>>,
    /// The fields of the message that have no column.
    pub details: Json<Box<Message>>,
    pub fts: Option<String>,
    pub reactions: Option<Json<Reactions>>,
    pub media: Option<Json<JsonObject>>,
    pub author: String,
}

/// The last reaction of each contact: when, in Unix microseconds, and the emoji; an empty one when it was removed.
pub type Reactions = BTreeMap<String, (i64, String)>;

/// Which message of a chat is meant; `None` of a part that the caller leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedMessage {
    /// WhatsApp's id.
    pub id: String,
    /// Whether the session sent it.
    pub from_me: Option<bool>,
    /// The member of a group that sent it, by any address.
    pub author: Option<ChatAddress>,
}

impl NamedMessage {
    /// By WhatsApp's id alone.
    pub const fn of_id(id: String) -> Self {
        Self { id, from_me: None, author: None }
    }
}

impl From<MessageId> for NamedMessage {
    fn from(MessageId { from_me, unique_id, author, chat: _ }: MessageId) -> Self {
        Self { id: unique_id, from_me: Some(from_me), author }
    }
}

/// The condition that a row of `message_views` is the message, whose author may be known by another address now.
macro_rules! is_named {
    ($org:expr, $name:expr) => {{
        use crate::schema::person_links;
        use crate::views::message_views;
        let name: &crate::message_views::NamedMessage = $name;
        let author = name.author.as_ref().map_or("", |author| author.as_str());
        let person = crate::org_rows::org_rows!(person_links, $org, address = author);
        let is_person = message_views::author.eq_any(person.select(person_links::person));
        let is_author = message_views::author.eq(author).or(is_person);
        message_views::message_id
            .eq(&name.id)
            .and(message_views::from_me.eq_any(name.from_me.map_or(vec![false, true], |is| vec![is])))
            .and(is_author.or(name.author.is_none().into_sql::<diesel::sql_types::Bool>()))
    }};
}
pub(super) use is_named;
