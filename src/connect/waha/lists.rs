//! Reads lists of WAHA, also those of which something cannot be read: the rest of the history is not lost with it.

use std::time::Duration;

use guarded_http::HttpError;
use http::StatusCode;
use serde_json::Value;
use tokio::time::sleep;

use super::client::{Client, Failure, LONG, is_session_stopped};
use super::cursor::Cursor;
use super::history::{Listed, Reading};
use crate::connect::budget::Budget;
use crate::ids::ChatAddress;

/// Messages of a page.
pub(super) const PAGE: usize = 500;
/// Messages in a row that are left out. If there are more, it is not because of the messages.
const MAX_LEFT_OUT: usize = 10;
/// How often messages are asked for that the engine fails to read.
const ATTEMPTS: usize = 3;
/// Pause between two of these attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A page of messages.
pub(super) struct Messages {
    /// The messages.
    pub(super) items: Vec<Value>,
    /// How many were asked for.
    pub(super) limit: usize,
}

/// Lists of one server.
pub(super) struct Lists<'a> {
    /// The client.
    pub(super) client: &'a Client,
    /// Requests that may be made.
    pub(super) budget: &'a Budget,
    /// Chats whose messages cannot be read.
    pub(super) unreadable_chats: u64,
}

impl Lists<'_> {
    /// A page of messages, oldest first. What is too large for one response is read in smaller pages, and a message that cannot
    /// be read is left out: the cursor is moved past it.
    pub(super) async fn messages(&mut self, chat: &str, cursor: &mut Cursor) -> Result<Messages, Failure> {
        let path = self.client.path(&["chats", chat, "messages"]);
        let (mut limit, mut left_out) = (PAGE, 0);
        loop {
            let query = [
                ("limit", limit.to_string()),
                ("offset", cursor.skip.to_string()),
                ("sortBy", "timestamp".to_owned()),
                ("sortOrder", "asc".to_owned()),
                ("downloadMedia", "false".to_owned()),
                ("filter.timestamp.gte", cursor.from.to_string()),
            ];
            match self.get(&path, &query).await {
                // An engine may drop items after it has cut out the page, so only a large page that is empty is the end.
                Ok(items) if items.is_empty() && limit < PAGE => {
                    cursor.skip += limit;
                    limit = PAGE;
                }
                Ok(items) => return Ok(Messages { items, limit }),
                Err(failure) if failure.is_unreadable() && limit > 1 => limit /= 2,
                Err(failure) if failure.is_unreadable() && left_out < MAX_LEFT_OUT => {
                    let reason = failure.into_gateway_error().to_string();
                    tracing::warn!(reason, "a message of the history is left out");
                    (left_out, limit) = (left_out + 1, PAGE);
                    cursor.skip += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// A page of messages like [`Self::messages`], asked for again when the engine fails.
    pub(super) async fn messages_again(
        &mut self,
        chat: &str,
        cursor: &mut Cursor,
    ) -> Result<Messages, Failure> {
        for _ in 1..ATTEMPTS {
            match self.messages(chat, cursor).await {
                Err(failure) if failure.is_of_engine() => sleep(PAUSE).await,
                other => return other,
            }
        }
        self.messages(chat, cursor).await
    }

    /// A page of a chat's messages. `None` if the engine cannot read those of this chat.
    pub(super) async fn messages_of(
        &mut self,
        chat: &ChatAddress,
        cursor: &mut Cursor,
    ) -> Result<Option<Messages>, Failure> {
        let failure = match self.messages_again(chat.as_str(), cursor).await {
            Err(failure) if failure.is_unsupported() => failure,
            other => return other.map(Some),
        };
        // An engine that does not list chats either may read this one later.
        self.chat_list(0, 1).await?;
        let reason = failure.into_gateway_error().to_string();
        tracing::warn!(reason, "the messages of a chat cannot be read and are left out");
        self.unreadable_chats += 1;
        Ok(None)
    }

    /// The newest messages of a chat with unread ones; none if they cannot be read.
    pub(super) async fn newest(&mut self, listed: &Listed) -> Result<Vec<Value>, Failure> {
        let Reading::Unread(count) = listed.reading else { return Ok(Vec::new()) };
        let limit = usize::try_from(count).unwrap_or(PAGE).saturating_mul(2).saturating_add(20);
        let mut limit = limit.min(PAGE);
        let path = self.client.path(&["chats", listed.id.as_str(), "messages"]);
        loop {
            let query = [
                ("limit", limit.to_string()),
                ("sortBy", "timestamp".to_owned()),
                ("sortOrder", "desc".to_owned()),
                ("downloadMedia", "false".to_owned()),
            ];
            match self.get(&path, &query).await {
                Err(failure) if failure.is_unreadable() && limit > 1 => limit /= 2,
                Err(failure) if failure.is_unreadable() || failure.is_unsupported() => return Ok(Vec::new()),
                other => return other,
            }
        }
    }

    /// A page of the list of chats.
    pub(super) async fn chat_list(&mut self, offset: usize, limit: usize) -> Result<Vec<Value>, Failure> {
        let (limit, offset) = (("limit", limit.to_string()), ("offset", offset.to_string()));
        let order = [("sortBy", "id".to_owned()), ("sortOrder", "asc".to_owned())];
        let path = self.client.path(&["chats"]);
        self.get(&path, &[&[limit, offset][..], &order].concat()).await
    }

    /// A list. Baileys returns groups as an object by their id.
    pub(super) async fn get(&mut self, path: &str, query: &[(&str, String)]) -> Result<Vec<Value>, Failure> {
        self.budget.spend().await;
        match self.client.get(path, query, LONG).await? {
            Value::Array(items) => Ok(items),
            Value::Object(items) => Ok(items.into_iter().map(|(_, item)| item).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(Failure::NotJson),
        }
    }
}

impl Failure {
    /// Whether there is a response that is too large or not JSON: one with fewer items may be read.
    fn is_unreadable(&self) -> bool {
        matches!(self, Self::NotJson | Self::None(HttpError::TooLarge(_)))
    }

    /// Whether the engine failed to do what was asked for.
    fn is_of_engine(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::INTERNAL_SERVER_ERROR, body, .. } if !is_session_stopped(body))
    }
}
