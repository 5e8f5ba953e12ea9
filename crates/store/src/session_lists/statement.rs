//! The statement for the chats of a session.
//!
//! Pinned chats and others are found apart, each in the order of an index: in this order and its reverse, all filters of which
//! the index has a column stop at the end of the page. Chats that pass a rare filter are looked up by it and sorted.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::listed_chat::{ChatPosition, Columns};
use crate::chat_lists::ChatOrder;
use crate::chat_lists::matching::Matching;
use crate::chat_lists::selective::LISTED;
use crate::lists::push;

/// The statement: the session, and a chat unless the page is empty.
pub(super) struct ListSessionChats<'f> {
    pub(super) matching: Matching<'f>,
    pub(super) order: ChatOrder,
    pub(super) after: Option<ChatPosition>,
    pub(super) limit: i64,
}

impl ListSessionChats<'_> {
    const fn order(&self) -> &'static str {
        match self.order {
            ChatOrder::Newest => " ORDER BY l.pinned DESC, l.active_at DESC, l.id DESC",
            ChatOrder::Oldest => " ORDER BY l.pinned DESC, l.active_at, l.id",
        }
    }

    /// The first chats after the position that are pinned, or that are not.
    fn push_in_order<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, pinned: bool) -> QueryResult<()> {
        push!(out; "(SELECT l.* FROM session_chats l WHERE ");
        self.matching.push_conditions(out.reborrow(), LISTED, Some("list.session_id"))?;
        out.push_sql(if pinned { " AND l.pinned" } else { " AND NOT l.pinned" });
        if !self.matching.selectives().is_empty() {
            out.push_sql(" AND list.driver IS NULL");
        }
        if let Some(after) = self.after.as_ref().filter(|after| after.pinned == pinned) {
            out.push_sql(" AND ");
            self.push_after(out.reborrow(), after)?;
        }
        // The column with one value is left out: then it also serves an index that has another one before it.
        push!(out; self.order().replace("l.pinned DESC, ", "").as_str(), " LIMIT ", [BigInt] &self.limit, ")");
        Ok(())
    }

    /// The chats that pass each rare filter, after the position.
    fn push_rare<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (driver, selective) in self.matching.selectives() {
            push!(out; " UNION ALL (SELECT l.* FROM ");
            self.matching.push_selected(out.reborrow(), selective, LISTED, "list.session_id")?;
            push!(out; " WHERE list.driver = ", driver);
            if let Some(after) = &self.after {
                push!(out; " AND (l.pinned < ", [Bool] &after.pinned, " OR l.pinned = ", [Bool] &after.pinned, " AND ");
                self.push_after(out.reborrow(), after)?;
                out.push_sql(")");
            }
            push!(out; self.order(), " LIMIT ", [BigInt] &self.limit, ")");
        }
        Ok(())
    }

    /// The condition that a chat is after another one that is pinned like it.
    fn push_after<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, after: &'b ChatPosition) -> QueryResult<()> {
        let is_after = match self.order {
            ChatOrder::Newest => "<",
            ChatOrder::Oldest => ">",
        };
        push!(out; "(l.active_at, l.id) ", is_after, " (", [Timestamptz] &after.active_at, ", ", [BigInt] &after.id, ")");
        Ok(())
    }
}

impl QueryFragment<Pg> for ListSessionChats<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let org = &self.matching.org;
        push!(out; "WITH list AS (SELECT * FROM (");
        self.matching.scope.push_session(out.reborrow())?;
        push!(out; ") one");
        self.matching.push_driver(out.reborrow())?;
        push!(out; ") SELECT list.session_id, l.id, l.archived, l.pinned, l.muted_until, l.unread, l.last_message_at, l.active_at,
            c.chat_id, coalesce(p.name, c.name) FROM list LEFT JOIN LATERAL (SELECT * FROM (");
        self.push_in_order(out.reborrow(), false)?;
        // None after a chat that is not pinned.
        if self.after.is_none_or(|after| after.pinned) {
            push!(out; " UNION ALL ");
            self.push_in_order(out.reborrow(), true)?;
        }
        self.push_rare(out.reborrow())?;
        push!(out; ") l", self.order(), " LIMIT ", [BigInt] &self.limit, r#") l ON true
            LEFT JOIN LATERAL (SELECT * FROM chats WHERE "org_id" = "#, [Uuid] org, r#" AND chats.chat_key = l.chat_key OFFSET 0) c ON true
            LEFT JOIN LATERAL (SELECT * FROM contacts WHERE "org_id" = "#, [Uuid] org,
            " AND contacts.contact_id = c.chat_id OFFSET 0) p ON true", self.order());
        Ok(())
    }
}

impl Query for ListSessionChats<'_> {
    type SqlType = (Text, Nullable<Columns>);
}

impl QueryId for ListSessionChats<'_> {
    type QueryId = ();
    // diesel caches the prepared statement by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for ListSessionChats<'_> {}
