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

/// `same_chat!(chats, session_chats)`: joins two tables by organization and chat.
macro_rules! same_chat {
    ($table:ident, $other:ident) => {
        $table::org_id.eq($other::org_id).and($table::chat_key.eq($other::chat_key))
    };
}

pub(super) use {org_rows, page_after, same_chat};
