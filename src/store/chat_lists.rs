//! Lists of chats, newest activity first, then by chat id.

mod filter;
mod selective;

use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

pub use self::filter::{AssigneeFilter, ChatFilter, LabelFilter};
use self::selective::Selective;
use super::chat_view::push_listed_chat_view;
use super::chats::{ChatView, HeldChat, SharedChat};
use super::connection::{Connection, StoreResult};
use super::list_counts::List;
use super::lists::{
    Columns, ListPage, ListScope, MAX_PAGE_BYTES, PageWindow, SessionScope, Way, columns, push,
};
use super::message_views::MessageView;
use crate::ids::OrgId;

/// A page of the chats that sessions in scope hold. A chat held by several is listed once, with the state of the one
/// with the newest activity. `None` when the selected phone is unknown. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filter: &ChatFilter,
    page: PageWindow,
) -> StoreResult<Option<ListPage<ChatView>>> {
    let scope = ListScope::new(org, scope);
    let columns = (columns::<SharedChat>(), columns::<HeldChat>(), columns::<MessageView>());
    let rows: Vec<Row> = ListChats { org, scope, filter, page: page.bounded(), columns }.load(connection)?;
    let Some((count, _)) = rows.first() else { return Ok(None) };
    let count = count.filter(|_| page.with_count);
    let chat = |(shared, held, latest_message, phone, is_muted, member_count)| ChatView {
        shared,
        member_count,
        held,
        phone,
        is_muted,
        latest_message,
    };
    let items = rows.into_iter().filter_map(|(_, columns)| columns.map(chat)).collect();
    Ok(Some(ListPage { count, items }))
}

/// The length of the list, and a chat unless the page is empty.
type Row = (Option<i64>, Option<(SharedChat, HeldChat, Option<MessageView>, String, Option<bool>, i64)>);
type RowColumns = (
    Nullable<BigInt>,
    Nullable<(
        SqlTypeOf<Columns<SharedChat>>,
        SqlTypeOf<Columns<HeldChat>>,
        Nullable<SqlTypeOf<Columns<MessageView>>>,
        Text,
        Nullable<Bool>,
        BigInt,
    )>,
);

/// The statement of a list.
///
/// The page is found by index-only scans. Its rows are then looked up in other tables one by one: without `OFFSET 0`,
/// PostgreSQL may join whole tables.
struct ListChats<'a> {
    org: OrgId,
    scope: ListScope<'a>,
    filter: &'a ChatFilter,
    page: PageWindow,
    columns: (Columns<SharedChat>, Columns<HeldChat>, Columns<MessageView>),
}

impl ListChats<'_> {
    /// The table that lists its chats.
    const fn source(&self) -> &'static str {
        if self.scope.is_all() { "chat_activity" } else { "session_chats" }
    }

    /// The conditions of a listed row `l`; its session is in the column `session`, if given.
    fn push_conditions<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, session: Option<&str>) -> QueryResult<()> {
        let ChatFilter { chat_type, label, start, end, unread, assigned, closed, archived } = self.filter;
        push!(out; r#"l."org_id" = "#, [Uuid] &self.org);
        self.scope.push_condition(out.reborrow(), session)?;
        self.scope.push_visible(out.reborrow())?;
        if label.is_some() || assigned.is_some() || closed.is_some() {
            self.scope.push_not_claimed(out.reborrow())?;
        }
        if let Some(sessions) = self.scope.many() {
            // The session with the newest activity.
            push!(out; r#" AND l.session_id = (SELECT o.session_id FROM session_chats o WHERE o."org_id" = "#, [Uuid] &self.org,
                " AND o.chat_key = l.chat_key AND o.session_id = ANY (", [Array<Text>] sessions,
                ") ORDER BY o.active_at DESC, o.session_id LIMIT 1)");
        }
        if let Some(chat_type) = chat_type {
            push!(out; " AND l.listed_type = ", [Text] chat_type);
        }
        if let Some(start) = start {
            push!(out; " AND l.active_at >= ", [Timestamptz] start);
        }
        if let Some(end) = end {
            push!(out; " AND l.active_at > '-infinity' AND l.active_at < ", [Timestamptz] end);
        }
        // A boolean column itself: then the planner recognizes that a partial index has all rows.
        out.push_sql(match unread {
            None => "",
            Some(true) => " AND l.is_unread",
            Some(false) => " AND NOT l.is_unread",
        });
        if let Some(archived) = archived {
            out.push_sql(if *archived { " AND " } else { " AND NOT " });
            self.push_archived(out.reborrow())?;
        }
        if let Some(assigned) = assigned {
            match assigned {
                AssigneeFilter::Nobody => push!(out; " AND (SELECT c.assignee IS NULL"),
                AssigneeFilter::Member(key) => push!(out; " AND (SELECT c.assignee = ", [Text] key),
            }
            self.push_of_chat(out.reborrow())?;
        }
        if let Some(closed) = closed {
            out.push_sql(if *closed {
                " AND (SELECT c.closed_at IS NOT NULL"
            } else {
                " AND (SELECT c.closed_at IS NULL"
            });
            self.push_of_chat(out)?;
        }
        Ok(())
    }

    /// Whether the session of the listed row `l` has archived the chat.
    fn push_archived<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if self.scope.is_all() {
            push!(out; r#"(SELECT h.archived FROM session_chats h WHERE h."org_id" = "#, [Uuid] &self.org,
                " AND h.session_id = l.session_id AND h.chat_key = l.chat_key)");
        } else {
            out.push_sql("l.archived");
        }
        Ok(())
    }

    /// The end of a subquery of the chat `c` of the listed row `l`.
    fn push_of_chat<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; r#" FROM chats c WHERE c."org_id" = "#, [Uuid] &self.org, " AND c.chat_key = l.chat_key)");
        Ok(())
    }

    /// The listed rows `l` of the chats that pass the selective filter, whose labels are in `labels`.
    fn push_selected<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        selective: Selective<'b>,
        labels: &str,
        session: &'static str,
    ) -> QueryResult<()> {
        selective.push_keys(out.reborrow(), &self.org, labels)?;
        push!(out; " CROSS JOIN LATERAL (SELECT * FROM ", self.source(), " l WHERE l.chat_key = selected.chat_key AND ");
        self.push_conditions(out.reborrow(), self.scope.of_one(session))?;
        push!(out; " OFFSET 0) l");
        Ok(())
    }

    /// A query of `total`, the length of the list; null when it is neither stored nor requested.
    fn push_total<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let is_unfiltered = *self.filter == ChatFilter::default() && !self.scope.hides_chats();
        if is_unfiltered && self.scope.many().is_none() {
            return self.scope.push_stored_total(out, List::Chats);
        }
        if !self.page.with_count {
            push!(out; "SELECT NULL::bigint AS total");
            return Ok(());
        }
        if is_unfiltered {
            push!(out; r#"SELECT count(DISTINCT l.chat_key) AS total FROM session_chats l WHERE l."org_id" = "#, [Uuid] &self.org);
            return self.scope.push_condition(out, None);
        }
        push!(out; "SELECT count(*) AS total FROM ");
        if let Some(selective) = Selective::of(self.filter) {
            return self.push_selected(out, selective, "asked.labels", "one.session_id");
        }
        push!(out; self.source(), " l WHERE ");
        self.push_conditions(out, self.scope.of_one("one.session_id"))
    }

    /// The rows of the page if it is found that way, which follows the order of an index.
    fn push_rows<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way, order: &str) -> QueryResult<()> {
        let sessions = self.scope.many();
        push!(out; "(SELECT l.session_id, l.chat_key FROM ");
        if let Some(sessions) = sessions {
            // Merges the sorted chats of each session.
            push!(out; "unnest(", [Array<Text>] sessions, ") one (id) CROSS JOIN LATERAL (SELECT * FROM ");
        }
        push!(out; self.source(), " l WHERE ");
        let session = if sessions.is_some() { "one.id" } else { "list.session_id" };
        self.push_conditions(out.reborrow(), Some(session))?;
        if self.filter.label.is_some() {
            push!(out; r#" AND (SELECT true FROM chat_labels c WHERE c."org_id" = "#, [Uuid] &self.org,
                " AND c.chat_key = l.chat_key AND c.label_id = ANY (list.labels) LIMIT 1)");
        }
        if sessions.is_some() {
            push!(out; order);
            self.page.push_merge_limit(out.reborrow(), way)?;
            push!(out; ") l");
        }
        push!(out; order);
        self.page.push_limit(out.reborrow(), way)?;
        push!(out; ")");
        Ok(())
    }

    /// The rows of the page, in any order, each with the length of the list; one row without a chat if it is empty.
    fn push_page<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        const ORDER: &str = " ORDER BY l.active_at DESC, l.listed_id";
        let selective = Selective::of(self.filter);
        push!(out; "WITH list AS (SELECT * FROM (");
        self.scope.push_session(out.reborrow())?;
        push!(out; ") one");
        if let Some(selective) = selective {
            selective.push_rarity(out.reborrow(), &self.org)?;
        }
        push!(out; " CROSS JOIN LATERAL (");
        self.push_total(out.reborrow())?;
        push!(out; ") counted");
        self.page.push_columns(out.reborrow(), if selective.is_some() { "is_rare" } else { "false" })?;
        push!(out; "), chat_page AS (SELECT list.total, l.* FROM list LEFT JOIN LATERAL (");
        self.push_rows(out.reborrow(), Way::Forward, ORDER)?;
        push!(out; " UNION ALL ");
        self.push_rows(out.reborrow(), Way::Backward, " ORDER BY l.active_at, l.listed_id DESC")?;
        if let Some(selective) = selective {
            push!(out; " UNION ALL (SELECT l.session_id, l.chat_key FROM ");
            self.push_selected(out.reborrow(), selective, "list.labels", "list.session_id")?;
            push!(out; ORDER);
            self.page.push_limit(out.reborrow(), Way::Sorted)?;
            push!(out; ")");
        }
        push!(out; ") l ON true)");
        Ok(())
    }
}

impl QueryFragment<Pg> for ListChats<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.push_page(out.reborrow())?;
        push!(out; " SELECT listed.total, ");
        self.columns.walk_ast(out.reborrow())?;
        // What is behind the budget is not sent.
        push!(out; r#", listed.phone, listed.is_muted, listed.member_count FROM (
            SELECT chat_page.total, sessions.phone, session_chats.muted_until > now() AS is_muted, (
                SELECT count(*) FROM chat_members n WHERE n.chat_key = chat_page.chat_key AND n."org_id" = "#, [Uuid] &self.org,
            r#") AS member_count, chat_views, session_chats, message_views,
                sum(pg_column_size(chat_views) + coalesce(pg_column_size(message_views), 0)) OVER (
                    ORDER BY session_chats.active_at DESC, session_chats.listed_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
            FROM chat_page"#);
        // By chat, which few sessions hold: the planner assumes a small session and would estimate any index that begins with
        // the session as equally good. Likewise, with sent_at every index leads to one message.
        push!(out; r#" LEFT JOIN LATERAL (SELECT * FROM session_chats h WHERE h.chat_key = chat_page.chat_key AND h."org_id" = "#,
            [Uuid] &self.org, r#" OFFSET 0) session_chats ON session_chats.session_id = chat_page.session_id
            LEFT JOIN LATERAL (SELECT * FROM sessions s WHERE s.session_id = chat_page.session_id AND s."org_id" = "#,
            [Uuid] &self.org, " OFFSET 0) sessions ON true LEFT JOIN ");
        push_listed_chat_view(out.reborrow(), &self.org, "chat_page.chat_key")?;
        push!(out; r#" ON true
            LEFT JOIN LATERAL (SELECT * FROM message_views m WHERE m.session_id = chat_page.session_id
                AND m.chat_key = chat_page.chat_key AND m.sent_at = session_chats.last_message_at
                AND m.message_id = session_chats.latest_message_id AND m.arrival = session_chats.latest_arrival AND m."org_id" = "#, [Uuid] &self.org,
            " OFFSET 0) message_views ON true) listed
            CROSS JOIN LATERAL (SELECT (listed.chat_views).*) chat_views
            CROSS JOIN LATERAL (SELECT (listed.session_chats).*) session_chats
            CROSS JOIN LATERAL (SELECT (listed.message_views).*) message_views
            WHERE coalesce(listed.bytes_before, 0) < ", [BigInt] &MAX_PAGE_BYTES,
            " ORDER BY session_chats.active_at DESC, session_chats.listed_id");
        Ok(())
    }
}

impl Query for ListChats<'_> {
    type SqlType = RowColumns;
}

impl QueryId for ListChats<'_> {
    type QueryId = ();
    // diesel caches the prepared statement by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for ListChats<'_> {}
