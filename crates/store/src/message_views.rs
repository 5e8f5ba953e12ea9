//! Stored messages, as `message_views` shows them.

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;

pub use super::json::Json;
use super::views::message_views;
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
}

/// The last reaction of each contact: when, in Unix microseconds, and the emoji; an empty one when it was removed.
pub type Reactions = BTreeMap<String, (i64, String)>;
