//! Macros for the conditions that nearly every statement has. Macros, because diesel's types name every condition.

/// `org_rows!(labels, org, label_id = id)`: the rows of a table that belong to the organization and match.
macro_rules! org_rows {
    ($table:ident, $org:expr $(, $column:ident = $value:expr)*) => {
        $table::table.filter($table::org_id.eq($org))$(.filter($table::$column.eq($value)))*
    };
}

/// `page_after!(labels, org, label_key, after, limit)`: `org_rows!` in the order of a key, after a value of it.
macro_rules! page_after {
    ($table:ident, $org:expr, $key:ident, $after:expr, $limit:expr) => {
        org_rows!($table, $org).filter($table::$key.gt($after)).order($table::$key).limit($limit)
    };
}

/// `created_after!(webhooks, org, webhook_id, (created_at, id), limit)`: `org_rows!` in the order of their creation, after that
/// time and key.
macro_rules! created_after {
    ($table:ident, $org:expr, $key:ident, ($created_at:expr, $after:expr), $limit:expr) => {
        org_rows!($table, $org)
            // Implied by the next filter, but a range of the index, which the OR is not.
            .filter($table::created_at.ge($created_at))
            .filter($table::created_at.gt($created_at).or($table::$key.gt($after)))
            .order(($table::created_at, $table::$key))
            .limit($limit)
    };
}

/// `same_chat!(chats, session_chats)`: joins two tables by organization and chat.
macro_rules! same_chat {
    ($table:ident, $other:ident) => {
        $table::org_id.eq($other::org_id).and($table::chat_key.eq($other::chat_key))
    };
}

/// `is_org_enabled!(webhooks::org_id)`: whether the organization is not disabled.
macro_rules! is_org_enabled {
    ($org:expr) => {
        diesel::dsl::exists(
            $crate::schema::orgs::table
                .filter($crate::schema::orgs::org_id.eq($org))
                .filter($crate::schema::orgs::disabled_at.is_null()),
        )
    };
}

pub(super) use {created_after, is_org_enabled, org_rows, page_after, same_chat};
