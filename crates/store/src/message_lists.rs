//! Lists of messages, newest first.

use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};

use super::chat_selector::ChatSelector;
use super::chats::{held, newest_activity};
use super::connection::{Connection, StoreResult};
use super::list_counts::List;
use super::lists::{
    Columns, ListPage, ListScope, MAX_PAGE_BYTES, PageWindow, SessionScope, Way, columns, push, push_phone,
};
use super::message_views::{Json, MessageView, NamedMessage, Reactions, is_named};
use super::org_rows::same_chat;
use super::org_views::{View, of_org, push_with};
use super::schema::{chat_addresses, session_chats, sessions};
use super::views::message_views;
use super::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use switchboard_core::instant::Instant;

/// Filters of a list of messages; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// In this chat, as stored by the session in scope with the newest activity in it.
    pub chat: Option<ChatAddress>,
    /// Sent at this time or later.
    pub start: Option<Instant>,
    /// Sent before this time.
    pub end: Option<Instant>,
}

/// A message of a list.
#[derive(Clone, Debug)]
pub struct ListedMessage {
    /// The chat's canonical address.
    pub chat_id: String,
    /// Phone number of the session that stored it, in digits.
    pub phone: String,
    /// The message.
    pub message: MessageView,
}

/// A page of the messages that sessions in scope stored. `None` when the selected phone is unknown or its session does
/// not hold the chat. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filter: &MessageFilter,
    page: PageWindow,
) -> StoreResult<Option<ListPage<ListedMessage>>> {
    let statement = ListMessages {
        org,
        given: scope,
        scope: ListScope::new(org, scope),
        filter,
        page: page.bounded(),
        columns: columns::<MessageView>(),
    };
    let rows: Vec<Row> = statement.load(connection)?;
    let Some((count, _)) = rows.first() else { return Ok(None) };
    let count = count.filter(|_| page.with_count);
    let message = |(chat_id, phone, message)| ListedMessage { chat_id, phone, message };
    let items = rows.into_iter().filter_map(|(_, columns)| columns.map(message)).collect();
    Ok(Some(ListPage { count, items }))
}

/// The reactions to each message of the chat that is meant, at most two, as the selected session stored them. `None` when
/// that session does not hold the chat. One statement.
pub fn reactions(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
    name: &NamedMessage,
) -> StoreResult<Option<Vec<Option<Json<Reactions>>>>> {
    let message = same_chat!(message_views, session_chats)
        .and(message_views::session_id.eq(session_chats::session_id))
        .and(is_named!(org, name));
    let mut held = held!()
        .left_join(message_views::table.on(message))
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(&selector.address))
        .filter(is_visible!(chat_addresses, org, selector.viewer.as_deref().unwrap_or_default()))
        .select((session_chats::session_id, message_views::reactions.nullable()))
        .into_boxed::<Pg>();
    match &selector.phone {
        None => {}
        Some(PhoneSelector::Phone(phone)) => held = held.filter(sessions::phone.eq(phone)),
        Some(PhoneSelector::PhoneId(id)) => held = held.filter(sessions::phone_id.eq(id)),
    }
    if let Some(sessions) = &selector.sessions {
        held = held.filter(session_chats::session_id.eq_any(sessions.iter()));
    }
    let mut rows: Vec<(SessionId, Option<Json<Reactions>>)> =
        of_org(org, View::Messages, held.order(newest_activity!()).limit(2)).load(connection)?;
    let Some(selected) = rows.first().map(|(session, _)| *session) else { return Ok(None) };
    rows.retain(|(session, _)| *session == selected);
    Ok(Some(rows.into_iter().map(|(_, reactions)| reactions).collect()))
}

/// The length of the list, and a message unless the page is empty.
type Row = (Option<i64>, Option<(String, String, MessageView)>);
type RowColumns = (Nullable<BigInt>, Nullable<(Text, Text, SqlTypeOf<Columns<MessageView>>)>);

/// The statement of a list. The page is found by an index; its rows are then looked up one by one.
struct ListMessages<'a> {
    org: OrgId,
    given: &'a SessionScope,
    scope: ListScope<'a>,
    filter: &'a MessageFilter,
    page: PageWindow,
    columns: Columns<MessageView>,
}

impl ListMessages<'_> {
    /// One row with the session whose messages are listed, if it is one, and the chat, if any. No row when there is none.
    fn push_source<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some(address) = &self.filter.chat else { return self.scope.push_session(out) };
        push!(out; "SELECT h.session_id, h.chat_key FROM chat_addresses a
            JOIN session_chats h ON h.org_id = a.org_id AND h.chat_key = a.chat_key
            JOIN sessions s ON s.org_id = h.org_id AND s.session_id = h.session_id
            WHERE a.\"org_id\" = ", [Uuid] &self.org, " AND a.address = ", [Text] address);
        if let Some(phone) = &self.given.phone {
            push_phone(out.reborrow(), phone)?;
        }
        if let Some(sessions) = &self.given.sessions {
            push!(out; " AND h.session_id = ANY (", [Array<Text>] &**sessions, ")");
        }
        push!(out; " ORDER BY h.active_at DESC, h.session_id LIMIT 1");
        Ok(())
    }

    /// The conditions of a message `l`. `list` has the chat and its session; without a chat, the session is in the column
    /// `session`, if given.
    fn push_conditions<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        list: &str,
        session: Option<&str>,
    ) -> QueryResult<()> {
        push!(out; r#"l."org_id" = "#, [Uuid] &self.org);
        if self.filter.chat.is_some() {
            push!(out; " AND l.session_id = ", list, ".session_id AND l.chat_key = ", list, ".chat_key");
        } else {
            // The condition of the partial indexes across chats.
            push!(out; " AND l.chat_key > 0");
            self.scope.push_condition(out.reborrow(), session)?;
        }
        self.scope.push_visible(out.reborrow())?;
        if let Some(start) = &self.filter.start {
            push!(out; " AND l.sent_at >= ", [Timestamptz] start);
        }
        if let Some(end) = &self.filter.end {
            push!(out; " AND l.sent_at < ", [Timestamptz] end);
        }
        Ok(())
    }

    /// A query of `total`, the length of the list; null when it is neither stored nor requested.
    fn push_total<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if *self.filter == MessageFilter::default() && !self.scope.hides_chats() {
            return self.scope.push_stored_total(out, List::Messages);
        }
        if !self.page.with_count {
            push!(out; "SELECT NULL::bigint AS total");
            return Ok(());
        }
        push!(out; "SELECT count(*) AS total FROM messages l WHERE ");
        self.push_conditions(out, "one", self.scope.of_one("one.session_id"))
    }

    /// The rows of the page if it is found that way. The order is that of the index, and more columns to make it unique.
    fn push_rows<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way, order: &str) -> QueryResult<()> {
        let sessions = self.scope.many().filter(|_| self.filter.chat.is_none());
        push!(out; "(SELECT l.session_id, l.chat_key, l.sent_at, l.arrival FROM ");
        if let Some(sessions) = sessions {
            // Merges the sorted messages of each session.
            push!(out; "unnest(", [Array<Text>] sessions, ") one (id) CROSS JOIN LATERAL (SELECT * FROM ");
        }
        push!(out; "messages l WHERE ");
        let session = if sessions.is_some() { "one.id" } else { "list.session_id" };
        self.push_conditions(out.reborrow(), "list", Some(session))?;
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
}

impl QueryFragment<Pg> for ListMessages<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_with(out.reborrow(), &self.org, View::Messages)?;
        push!(out; "list AS (SELECT * FROM (");
        self.push_source(out.reborrow())?;
        push!(out; ") one CROSS JOIN LATERAL (");
        self.push_total(out.reborrow())?;
        push!(out; ") counted");
        self.page.push_columns(out.reborrow(), "false")?;
        push!(out; "), message_page AS (SELECT list.total, l.* FROM list LEFT JOIN LATERAL (");
        let order = " ORDER BY l.sent_at DESC, l.arrival DESC, l.session_id, l.chat_key";
        self.push_rows(out.reborrow(), Way::Forward, order)?;
        push!(out; " UNION ALL ");
        let order = " ORDER BY l.sent_at, l.arrival, l.session_id DESC, l.chat_key DESC";
        self.push_rows(out.reborrow(), Way::Backward, order)?;
        push!(out; ") l ON true) SELECT message_views.total, message_views.chat_address, message_views.phone, ");
        self.columns.walk_ast(out.reborrow())?;
        // By arrival and not by id, which two senders may both choose. In the order of the list, and not by equality: only an
        // index with that order is used, however few messages the planner expects in a chat. What is behind the budget is not sent.
        push!(out; r#" FROM (SELECT l.total, chats.chat_id AS chat_address, sessions.phone, message_views.*,
                pg_column_size(ROW(message_views.body, message_views.details, message_views.delivery,
                    message_views.reactions, message_views.fts)) AS size,
                sum(pg_column_size(ROW(message_views.body, message_views.details, message_views.delivery,
                    message_views.reactions, message_views.fts))) OVER (ORDER BY l.sent_at DESC, l.arrival DESC,
                    l.session_id, l.chat_key ROWS UNBOUNDED PRECEDING) AS bytes
            FROM message_page l
            LEFT JOIN LATERAL (SELECT * FROM chats c WHERE c.chat_key = l.chat_key AND c."org_id" = "#, [Uuid] &self.org,
            r#" OFFSET 0) chats ON true
            LEFT JOIN LATERAL (SELECT * FROM sessions s WHERE s.session_id = l.session_id AND s."org_id" = "#, [Uuid] &self.org,
            " OFFSET 0) sessions ON true
            LEFT JOIN LATERAL (SELECT * FROM message_views m WHERE m.session_id = l.session_id AND m.chat_key = l.chat_key
                AND (m.sent_at, m.arrival) <= (l.sent_at, l.arrival) AND m.\"org_id\" = ", [Uuid] &self.org,
            " ORDER BY m.sent_at DESC, m.arrival DESC LIMIT 1) message_views ON true) message_views
            WHERE message_views.bytes - message_views.size < ", [BigInt] &MAX_PAGE_BYTES,
            " ORDER BY message_views.sent_at DESC, message_views.arrival DESC, message_views.session_id,
                message_views.chat_key");
        Ok(())
    }
}

impl Query for ListMessages<'_> {
    type SqlType = RowColumns;
}

impl QueryId for ListMessages<'_> {
    type QueryId = ();
    // diesel caches the prepared statement by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for ListMessages<'_> {}
