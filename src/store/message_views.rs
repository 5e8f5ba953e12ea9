//! Stored messages, as `message_views` shows them.

use std::collections::BTreeMap;

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::Record;
use serde::Deserialize;

use super::json::Json;
use super::views::message_views;
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::json_value::JsonValue;

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
    pub details: Json<Box<Details>>,
    pub fts: Option<String>,
}

/// A row of `message_views` as a composite value.
pub(super) type MessageColumns = Record<message_views::SqlType>;

impl FromSql<MessageColumns, Pg> for MessageView {
    #[rustfmt::skip] // in the order of the view
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (
            _, _, _, message_id, sent_at, updated_at, ack, from_me, sender, type_, body, delivery, details, fts,
        ): (
            OrgId, SessionId, i64, _, _, _, _, _, _, _, _, _, _, _,
        ) = FromSql::<MessageColumns, Pg>::from_sql(value)?;
        Ok(Self { message_id, sent_at, updated_at, ack, from_me, sender, type_, body, delivery, details, fts })
    }
}

/// `messages.delivery`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// Contact id to the time of delivery, Unix milliseconds.
    pub delivered: BTreeMap<String, i64>,
    /// Contact id to the time of reading, Unix milliseconds.
    pub read: BTreeMap<String, i64>,
    /// Contacts that have not received it.
    pub pending: Vec<String>,
}

/// `messages.details`: the keys of the message object that have no column.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // named and described as the fields of ChatMessage
pub struct Details {
    pub author: Option<String>,
    pub broadcast: Option<bool>,
    pub broadcast_id: Option<String>,
    pub device_type: Option<String>,
    pub duration: Option<String>,
    pub flag_metadata: Option<JsonValue>,
    pub flag_response_time: Option<i64>,
    pub flag_status: Option<bool>,
    pub forwarding_score: Option<i64>,
    pub from: Option<String>,
    pub has_media: Option<bool>,
    pub has_quoted_msg: Option<bool>,
    pub has_reaction: Option<bool>,
    pub invite_v4: Option<JsonValue>,
    pub is_deleted: Option<bool>,
    pub is_ephemeral: Option<bool>,
    pub is_forwarded: Option<bool>,
    pub is_gif: Option<bool>,
    pub is_starred: Option<bool>,
    pub is_status: Option<bool>,
    pub links: Option<JsonValue>,
    pub location: Option<JsonValue>,
    pub media: Option<JsonValue>,
    pub media_key: Option<String>,
    pub mentioned_ids: Option<Vec<String>>,
    pub message_ticket_id: Option<String>,
    pub order_id: Option<String>,
    pub performed_by: Option<String>,
    pub poll_info: Option<JsonValue>,
    pub poll_results: Option<JsonValue>,
    pub prev_body: Option<String>,
    pub quoted_message_id: Option<String>,
    pub raw_data: Option<JsonValue>,
    pub sent_message_id: Option<String>,
    pub to: Option<String>,
    pub token: Option<String>,
    pub vcards: Option<JsonValue>,
}
