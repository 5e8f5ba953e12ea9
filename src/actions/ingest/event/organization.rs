//! What the organization itself says: its numbers, members, labels and properties, and what it made of a chat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::json;
use crate::instant::Instant;
use crate::patch::Patch;

/// What the organization made of a chat. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboxEvent {
    /// The chat's address, in any spelling.
    pub chat: String,
    /// Email of the member it is assigned to; `null` for nobody.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub assigned_to: Patch<String>,
    /// Names of its labels, and it has no others. Those that do not exist are created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Values of custom properties, by their id or name: a text, an array of texts, or `null` for none. Those that are not
    /// named stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_properties: BTreeMap<String, Value>,
    /// Whether the chat is open to members, by their email. Those that are not named stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub access: BTreeMap<String, bool>,
    /// When the chat was closed; `null` while it is open.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch_instant")]
    pub closed_at: Patch<Instant>,
    /// What HubSpot knows of the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hubspot_metadata: Option<Map<String, Value>>,
    /// When what is shared about the chat last changed. The moment of storing it, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
    pub updated_at: Option<Instant>,
}

/// A number that is attached, in digits in the event's `session`. One that is attached already stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberEvent {
    /// Id of its session; a new one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The number's other name; a new one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_id: Option<String>,
    /// The number's own LID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// Name given by the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was attached. The moment of storing it, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
    pub created_at: Option<Instant>,
}

/// A member of the organization. One that is there already stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationMemberEvent {
    /// The email.
    pub email: String,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `owner`, `admin` or `member`, which it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When the member was added. The moment of storing it, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
    pub created_at: Option<Instant>,
}

/// A label of the organization. One of that id or name that is there already stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelEvent {
    /// `label-` and 16 lower-case letters; a new one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name.
    pub name: String,
    /// `#RRGGBB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// When it was created. The moment of storing it, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
    pub created_at: Option<Instant>,
}

/// A custom property of the organization's chats. One of that id or name that is there already stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PropertyEvent {
    /// `property-` and 16 lower-case letters; a new one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name, compared exactly.
    pub name: String,
    /// `text`, `date`, `dropdown` or `picklist`.
    pub kind: String,
    /// What a dropdown or picklist may hold, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// When it was defined. The moment of storing it, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
    pub created_at: Option<Instant>,
}
