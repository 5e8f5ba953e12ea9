//! How far a sync is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far a sync is, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncProgress {
    /// Since when it reads, in Unix microseconds; `None` for the whole history.
    pub since: Option<i64>,
    /// The gateway's cursor of the next page; `None` for the first.
    pub cursor: Option<Value>,
    /// Number of chats that are complete.
    pub chats: u64,
    /// Number of chats that it knows of.
    pub total_chats: u64,
    /// Number of messages that it has read.
    pub messages: u64,
    /// Number of chats that the gateway cannot read, and that are left out.
    pub unreadable_chats: u64,
    /// The same of earlier syncs since the whole history was read.
    pub unreadable_before: u64,
    /// Why its last step failed, or what is left out; empty when it is neither.
    pub error: String,
}

impl SyncProgress {
    /// Sets the error to what is left out.
    pub fn clear_error(&mut self) {
        self.error = match self.unreadable_chats.max(self.unreadable_before) {
            0 => String::new(),
            1 => "1 chat could not be read".to_owned(),
            count => format!("{count} chats could not be read"),
        };
    }

    /// The stored progress; what cannot be read begins anew.
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// As it is stored.
    pub fn to_text(&self) -> String {
        // Numbers, texts and JSON can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
