//! Lists of chats by activity, then by chat id.

mod counts;
mod filter;
pub(super) mod matching;
pub(super) mod selective;

use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid};

pub use self::counts::{MOST_COUNTED, counts};
pub use self::filter::{AssigneeFilter, ChatFilter, ChatOrder, LabelsFilter};
use self::matching::Matching;
use self::selective::{BESIDE, LISTED};
use super::chat_view::push_listed_chat_view;
use super::chats::{ChatView, HeldChat, SharedChat};
use super::connection::{Connection, StoreResult};
use super::list_counts::List;
use super::lists::{
    Columns, ListPage, ListScope, MAX_PAGE_BYTES, PageWindow, SessionScope, Way, columns, push,
};
use super::message_views::MessageView;
use super::org_views::{View, push_with};
use switchboard_core::ids::OrgId;

/// A page of the chats that sessions in scope hold. A chat held by several is listed once, with the state of the one
/// with the newest activity. `None` when the selected phone is unknown. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filter: &ChatFilter,
    order: ChatOrder,
    page: PageWindow,
) -> StoreResult<Option<ListPage<ChatView>>> {
    let matching = Matching::new(org, ListScope::new(org, scope), filter);
    let columns = (columns::<SharedChat>(), columns::<HeldChat>(), columns::<MessageView>());
    let rows: Vec<Row> = ListChats { matching, order, page: page.bounded(), columns }.load(connection)?;
    let Some((count, _)) = rows.first() else { return Ok(None) };
    let count = count.filter(|_| page.with_count);
    let chat = |(shared, held, latest_message, phone, is_muted)| ChatView {
        shared,
        held,
        phone,
        is_muted,
        latest_message,
    };
    let items = rows.into_iter().filter_map(|(_, columns)| columns.map(chat)).collect();
    Ok(Some(ListPage { count, items }))
}

/// The length of the list, and a chat unless the page is empty.
type Row = (Option<i64>, Option<(SharedChat, HeldChat, Option<MessageView>, String, Option<bool>)>);
type RowColumns = (
    Nullable<BigInt>,
    Nullable<(
        SqlTypeOf<Columns<SharedChat>>,
        SqlTypeOf<Columns<HeldChat>>,
        Nullable<SqlTypeOf<Columns<MessageView>>>,
        Text,
        Nullable<Bool>,
    )>,
);

/// The statement of a list.
///
/// The page is found by index-only scans. Its rows are then looked up in other tables one by one: without `OFFSET 0`,
/// PostgreSQL may join whole tables.
struct ListChats<'a> {
    matching: Matching<'a>,
    order: ChatOrder,
    page: PageWindow,
    columns: (Columns<SharedChat>, Columns<HeldChat>, Columns<MessageView>),
}

const NEWEST_FIRST: &str = " ORDER BY l.active_at DESC, l.listed_id";
const OLDEST_FIRST: &str = " ORDER BY l.active_at, l.listed_id DESC";

impl ListChats<'_> {
    /// The order of the list, and its reverse.
    const fn orders(&self) -> (&'static str, &'static str) {
        match self.order {
            ChatOrder::Newest => (NEWEST_FIRST, OLDEST_FIRST),
            ChatOrder::Oldest => (OLDEST_FIRST, NEWEST_FIRST),
        }
    }

    /// A query of `total`, the length of the list; null when it is neither stored nor requested.
    fn push_total<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Matching { org, scope, filter, .. } = &self.matching;
        let is_unfiltered = **filter == ChatFilter::default() && !scope.hides_chats();
        if is_unfiltered && scope.many().is_none() {
            return scope.push_stored_total(out, List::Chats);
        }
        if !self.page.with_count {
            push!(out; "SELECT NULL::bigint AS total");
            return Ok(());
        }
        if is_unfiltered {
            push!(out; r#"SELECT count(DISTINCT l.chat_key) AS total FROM session_chats l WHERE l."org_id" = "#, [Uuid] org);
            return scope.push_condition(out, None);
        }
        push!(out; "SELECT count(*) AS total FROM ");
        if let Some((_, selective)) = self.matching.selectives().into_iter().next() {
            return self.matching.push_selected(out, selective, BESIDE, "one.session_id");
        }
        push!(out; self.matching.source(), " l WHERE ");
        self.matching.push_conditions(out, BESIDE, scope.of_one("one.session_id"))
    }

    /// The rows of the page if it is found that way, which follows the order of an index.
    fn push_rows<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way, order: &str) -> QueryResult<()> {
        let sessions = self.matching.scope.many();
        push!(out; "(SELECT l.session_id, l.chat_key FROM ");
        if let Some(sessions) = sessions {
            // Merges the sorted chats of each session.
            push!(out; "unnest(", [Array<Text>] sessions, ") one (id) CROSS JOIN LATERAL (SELECT * FROM ");
        }
        push!(out; self.matching.source(), " l WHERE ");
        let session = if sessions.is_some() { "one.id" } else { "list.session_id" };
        self.matching.push_conditions(out.reborrow(), LISTED, Some(session))?;
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
        let selectives = self.matching.selectives();
        let (order, reverse) = self.orders();
        push_with(out.reborrow(), &self.matching.org, View::Messages)?;
        push!(out; "list AS (SELECT * FROM (");
        self.matching.scope.push_session(out.reborrow())?;
        push!(out; ") one");
        self.matching.push_driver(out.reborrow())?;
        push!(out; " CROSS JOIN LATERAL (");
        self.push_total(out.reborrow())?;
        push!(out; ") counted");
        let is_rare = if selectives.is_empty() { "false" } else { "driver IS NOT NULL" };
        self.page.push_columns(out.reborrow(), is_rare)?;
        push!(out; "), chat_page AS (SELECT list.total, l.* FROM list LEFT JOIN LATERAL (");
        self.push_rows(out.reborrow(), Way::Forward, order)?;
        push!(out; " UNION ALL ");
        self.push_rows(out.reborrow(), Way::Backward, reverse)?;
        for (driver, selective) in selectives {
            push!(out; " UNION ALL (SELECT l.session_id, l.chat_key FROM ");
            self.matching.push_selected(out.reborrow(), selective, LISTED, "list.session_id")?;
            push!(out; " WHERE list.driver = ", driver, order);
            self.page.push_limit(out.reborrow(), Way::Sorted)?;
            push!(out; ")");
        }
        push!(out; ") l ON true)");
        Ok(())
    }
}

impl QueryFragment<Pg> for ListChats<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let org = &self.matching.org;
        let order = match self.order {
            ChatOrder::Newest => " ORDER BY session_chats.active_at DESC, session_chats.listed_id",
            ChatOrder::Oldest => " ORDER BY session_chats.active_at, session_chats.listed_id DESC",
        };
        self.push_page(out.reborrow())?;
        push!(out; " SELECT listed.total, ");
        self.columns.walk_ast(out.reborrow())?;
        // What is behind the budget is not sent.
        push!(out; r#", listed.phone, listed.is_muted FROM (
            SELECT chat_page.total, sessions.phone, session_chats.muted_until > now() AS is_muted,
                chat_views, session_chats, message_views,
                sum(pg_column_size(chat_views) + coalesce(pg_column_size(message_views), 0)) OVER (
                    "#, order, r#"
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
            FROM chat_page"#);
        // By chat, which few sessions hold: the planner assumes a small session and would estimate any index that begins with
        // the session as equally good. Likewise, with sent_at every index leads to one message.
        push!(out; r#" LEFT JOIN LATERAL (SELECT * FROM session_chats h WHERE h.chat_key = chat_page.chat_key AND h."org_id" = "#,
            [Uuid] org, r#" OFFSET 0) session_chats ON session_chats.session_id = chat_page.session_id
            LEFT JOIN LATERAL (SELECT * FROM sessions s WHERE s.session_id = chat_page.session_id AND s."org_id" = "#,
            [Uuid] org, " OFFSET 0) sessions ON true LEFT JOIN ");
        push_listed_chat_view(out.reborrow(), org, "chat_page.chat_key")?;
        push!(out; r#" ON true
            LEFT JOIN LATERAL (SELECT * FROM message_views m WHERE m.session_id = chat_page.session_id
                AND m.chat_key = chat_page.chat_key AND m.sent_at = session_chats.last_message_at
                AND m.message_id = session_chats.latest_message_id AND m.arrival = session_chats.latest_arrival AND m."org_id" = "#, [Uuid] org,
            " OFFSET 0) message_views ON true) listed
            CROSS JOIN LATERAL (SELECT (listed.chat_views).*) chat_views
            CROSS JOIN LATERAL (SELECT (listed.session_chats).*) session_chats
            CROSS JOIN LATERAL (SELECT (listed.message_views).*) message_views
            WHERE coalesce(listed.bytes_before, 0) < ", [BigInt] &MAX_PAGE_BYTES, order);
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
