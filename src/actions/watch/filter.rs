//! The filter of a watch.

use std::sync::Arc;

use crate::caller::Claimant;
use crate::ids::{LabelId, SessionId};
use crate::store::events::{ChangeEvent, RoutableEvent, is_selected};
use crate::text_key::text_key;

/// Selects events. Every condition that is set must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// The sessions whose chats are visible; `None` for all of the organization.
    pub(super) sessions: Option<Arc<[SessionId]>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub(super) viewer: Option<Arc<str>>,
    /// The key that shares no chats that only it reported.
    pub(super) claimant: Option<Claimant>,
    pub(super) label: Option<LabelId>,
    /// The member's email in the form in which it is compared.
    pub(super) assignee: Option<String>,
    /// Filters of kinds.
    pub(super) kinds: Vec<String>,
}

impl Filter {
    pub(super) fn matches(&self, routable: &RoutableEvent) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| routable.concerns(sessions))
            && self
                .viewer
                .as_deref()
                .is_none_or(|viewer| !routable.hidden_from.iter().any(|key| key == viewer))
            && (!self
                .claimant
                .as_ref()
                .is_some_and(|Claimant { key, sessions }| routable.is_claimed(key, sessions))
                || routable.event.session_id.is_some() && self.label.is_none() && self.assignee.is_none())
            && is_selected(&routable.event.kind, &self.kinds)
            && self.label.as_ref().is_none_or(|label| has_label(routable, label.as_str()))
            && self.assignee.as_ref().is_none_or(|assignee| is_assigned(routable, assignee))
    }
}

/// Whether the chat has the label, or the event adds or removes it.
fn has_label(routable: &RoutableEvent, label: &str) -> bool {
    let is_label = |field: &String| field.strip_prefix("labels.") == Some(label);
    routable.label_ids.iter().any(|id| id == label) || routable.event.changes.0.keys().any(is_label)
}

/// Whether the chat is assigned to the member, or the event changes that.
fn is_assigned(routable: &RoutableEvent, assignee: &str) -> bool {
    let is_assignee = |email: &str| text_key(email) == assignee;
    routable.assigned_to.as_deref().is_some_and(is_assignee) || emails(&routable.event).any(is_assignee)
}

/// The emails before and after a change of the assignee.
fn emails(event: &ChangeEvent) -> impl Iterator<Item = &str> {
    let values =
        event.changes.0.get("assignee").into_iter().flat_map(|(previous, current)| [previous, current]);
    values.filter_map(|value| match &value.0.kind {
        Some(prost_types::value::Kind::StringValue(email)) => Some(email.as_str()),
        _ => None,
    })
}
