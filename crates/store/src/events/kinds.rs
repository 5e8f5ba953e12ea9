//! The kinds of change events, their names, and filters that select some.

/// The kind of a change event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A session holds the chat from now on.
    Attached,
    /// A session no longer holds the chat.
    Detached,
    /// The chat was deleted, with all data about it. The last event of a chat.
    Deleted,
    /// What the chat is: address, name, picture, group settings and the like.
    Details,
    /// The member that the chat is assigned to.
    Assignee,
    /// The chat's labels, or the name of one of them.
    Labels,
    /// The values of custom properties.
    Properties,
    /// The members that may see the chat.
    Access,
    /// The members of the group.
    Members,
    /// A session's archived, pinned, exited or muted.
    State,
    /// A session's latest message or unread count.
    Messages,
    /// A message was stored.
    MessageCreated,
    /// A message's content or delivery state changed.
    MessageUpdated,
    /// A message was deleted for everyone.
    MessageDeleted,
    /// A person reacted to a message, or changed the reaction.
    ReactionAdded,
    /// A person took a reaction back.
    ReactionRemoved,
    /// A note about the chat was written.
    NoteCreated,
    /// The text of a note changed.
    NoteUpdated,
    /// A note was deleted.
    NoteDeleted,
    /// The service disabled a webhook. An event of the organization: its chat key is 0.
    WebhookDisabled,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Attached,
        Self::Detached,
        Self::Deleted,
        Self::Details,
        Self::Assignee,
        Self::Labels,
        Self::Properties,
        Self::Access,
        Self::Members,
        Self::State,
        Self::Messages,
        Self::MessageCreated,
        Self::MessageUpdated,
        Self::MessageDeleted,
        Self::ReactionAdded,
        Self::ReactionRemoved,
        Self::NoteCreated,
        Self::NoteUpdated,
        Self::NoteDeleted,
        Self::WebhookDisabled,
    ];

    /// The kind's name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Detached => "detached",
            Self::Deleted => "deleted",
            Self::Details => "details",
            Self::Assignee => "assignee",
            Self::Labels => "labels",
            Self::Properties => "properties",
            Self::Access => "access",
            Self::Members => "members",
            Self::State => "state",
            Self::Messages => "messages",
            Self::MessageCreated => "message.created",
            Self::MessageUpdated => "message.updated",
            Self::MessageDeleted => "message.deleted",
            Self::ReactionAdded => "reaction.added",
            Self::ReactionRemoved => "reaction.removed",
            Self::NoteCreated => "note.created",
            Self::NoteUpdated => "note.updated",
            Self::NoteDeleted => "note.deleted",
            Self::WebhookDisabled => "webhook.disabled",
        }
    }
}

/// The `action` of events of a kind, by its name in the database: the older and shorter name, which some kinds share.
pub fn action_of(kind: &str) -> &str {
    match kind.split_once('.') {
        Some(("message" | "reaction", _)) => EventKind::Messages.as_str(),
        Some((group, _)) => group,
        None => kind,
    }
}

/// The `type` of events of a kind, by its name in the database: what changed, a dot, and how.
pub fn type_of(kind: &str) -> String {
    if kind.contains('.') { kind.to_owned() } else { format!("chat.{kind}") }
}

/// Whether filters select a kind, by its name in the database. Without any, all kinds of chats are selected.
pub fn is_selected(kind: &str, filters: &[String]) -> bool {
    if filters.is_empty() {
        return kind != EventKind::WebhookDisabled.as_str();
    }
    let (action, type_name) = (action_of(kind), type_of(kind));
    filters.iter().any(|filter| {
        let group = filter.strip_suffix('*').filter(|group| group.len() > 1 && group.ends_with('.'));
        *filter == action || *filter == type_name || group.is_some_and(|group| type_name.starts_with(group))
    })
}

/// The kinds that a filter selects: an action, a type, or a type that ends in `.*`. None when the filter is invalid.
pub fn selected_by(filter: &str) -> Vec<&'static str> {
    let filters = [filter.to_owned()];
    EventKind::ALL.map(EventKind::as_str).into_iter().filter(|kind| is_selected(kind, &filters)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_is_an_action_a_type_or_a_group_of_types() {
        assert_eq!(selected_by("labels"), ["labels"]);
        assert_eq!(selected_by("chat.labels"), ["labels"]);
        assert_eq!(selected_by("chat.*").len(), 11);
        assert_eq!(selected_by("webhook.*"), ["webhook.disabled"]);
        assert_eq!(selected_by("message.*"), ["message.created", "message.updated", "message.deleted"]);
        assert_eq!(selected_by("messages").len(), 6);
        assert_eq!(selected_by("chat.messages"), ["messages"]);
        assert_eq!(selected_by("note"), ["note.created", "note.updated", "note.deleted"]);
        for invalid in ["", "*", ".*", "chat", "chat.", "chat*", "labels.*", "chat.*.*"] {
            assert_eq!(selected_by(invalid), Vec::<&str>::new(), "{invalid}");
        }
    }

    #[test]
    fn events_of_the_organization_must_be_selected() {
        let filters = |text: &[&str]| text.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(is_selected("labels", &[]) && !is_selected("webhook.disabled", &[]));
        assert!(is_selected("webhook.disabled", &filters(&["chat.*", "webhook.disabled"])));
        assert!(!is_selected("webhook.disabled", &filters(&["chat.*"])));
    }
}
