//! The condition that hides chats from members.

/// Whether no entry hides the chat of a row of `$table` from a viewer; true for an empty one, who sees all chats. A condition
/// that is never true, such as with NULL, would keep Citus from finding the node.
macro_rules! is_visible {
    ($table:ident, $org:expr, $viewer:expr) => {{
        use crate::schema::chat_access;
        let hidden = chat_access::table
            .filter(chat_access::org_id.eq($org))
            .filter(chat_access::chat_key.eq($table::chat_key))
            .filter(chat_access::member_key.eq($viewer))
            .filter(diesel::dsl::not(chat_access::allowed));
        diesel::dsl::not(diesel::dsl::exists(hidden))
    }};
}
pub(super) use is_visible;
