//! Lists of notes, newest first.

use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};

use super::connection::{Connection, StoreResult};
use super::lists::{
    Columns, ListPage, ListScope, MAX_PAGE_BYTES, PageWindow, SessionScope, Way, columns, push, push_phone,
    push_visible,
};
use super::notes::{NoteRow, NoteView};
use switchboard_core::ids::{ChatAddress, NoteId, OrgId};
use switchboard_core::instant::Instant;

/// Filters of a list of notes; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteFilter {
    /// Only this note.
    pub note: Option<NoteId>,
    /// About this chat.
    pub chat: Option<ChatAddress>,
    /// Written at this time or later.
    pub start: Option<Instant>,
    /// Written before this time.
    pub end: Option<Instant>,
}

/// A page of the notes about chats in scope. `None` when the selected phone is unknown, or no session in scope holds the
/// chat of the filter. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filter: &NoteFilter,
    page: PageWindow,
) -> StoreResult<Option<ListPage<NoteView>>> {
    let statement = ListNotes {
        org,
        given: scope,
        scope: ListScope::new(org, scope),
        filter,
        page: page.bounded(),
        columns: columns::<NoteRow>(),
    };
    let rows: Vec<Row> = statement.load(connection)?;
    let Some((count, _)) = rows.first() else { return Ok(None) };
    let count = *count;
    let view = |(chat_id, phone, note)| NoteView { note, chat_id, phone };
    let items = rows.into_iter().filter_map(|(_, columns)| columns.map(view)).collect();
    Ok(Some(ListPage { count, items }))
}

/// The note, if its chat is in scope. `None` of the page when the selected phone is unknown.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    id: &NoteId,
) -> StoreResult<Option<ListPage<NoteView>>> {
    let filter = NoteFilter { note: Some(id.clone()), ..NoteFilter::default() };
    list(connection, org, scope, &filter, PageWindow { offset: 0, limit: 1, with_count: false })
}

/// The length of the list, and a note unless the page is empty: address of the chat, phone, and columns.
type Row = (Option<i64>, Option<(String, String, NoteRow)>);
type RowColumns = (Nullable<BigInt>, Nullable<(Text, Text, SqlTypeOf<Columns<NoteRow>>)>);

struct ListNotes<'a> {
    org: OrgId,
    given: &'a SessionScope,
    scope: ListScope<'a>,
    filter: &'a NoteFilter,
    page: PageWindow,
    columns: Columns<NoteRow>,
}

impl ListNotes<'_> {
    /// A query of the sessions `s` in scope that hold the chat with that key, as rows `h`.
    fn push_holders<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, chat_key: &str) -> QueryResult<()> {
        push!(out; r#" FROM session_chats h JOIN sessions s ON s.session_id = h.session_id AND s."org_id" = "#, [Uuid] &self.org,
            r#" WHERE h."org_id" = "#, [Uuid] &self.org, " AND h.chat_key = ", chat_key);
        if let Some(phone) = &self.given.phone {
            push_phone(out.reborrow(), phone)?;
        }
        if let Some(sessions) = &self.given.sessions {
            push!(out; " AND h.session_id = ANY (", [Array<Text>] &**sessions, ")");
        }
        self.scope.push_not_claimed(out.reborrow(), "h")?;
        push_visible(out, &self.org, self.given.viewer.as_deref().unwrap_or_default(), "h")
    }

    /// Notes `l` that match, with their chat `c` and the phone of a session that `holds` it. The key of the chat of the filter
    /// is a column of `list`.
    fn push_matching<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, list: &str) -> QueryResult<()> {
        push!(out; r#" FROM notes l JOIN LATERAL (SELECT c.chat_id FROM chats c WHERE c.chat_key = l.chat_key AND c."org_id" = "#,
            [Uuid] &self.org, " OFFSET 0) c ON true JOIN LATERAL (SELECT s.phone");
        self.push_holders(out.reborrow(), "l.chat_key")?;
        push!(out; r#" ORDER BY h.active_at DESC, h.session_id LIMIT 1) holds ON true WHERE l."org_id" = "#, [Uuid] &self.org);
        if let Some(note) = &self.filter.note {
            push!(out; " AND l.note_id = ", [Text] note);
        }
        if self.filter.chat.is_some() {
            push!(out; " AND l.chat_key = ", list, ".chat_key");
        }
        if let Some(start) = &self.filter.start {
            push!(out; " AND l.created_at >= ", [Timestamptz] start);
        }
        if let Some(end) = &self.filter.end {
            push!(out; " AND l.created_at < ", [Timestamptz] end);
        }
        Ok(())
    }

    /// One row, with the key of the chat of the filter. No row when the phone is unknown, or no session in scope holds the chat.
    fn push_source<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some(chat) = &self.filter.chat else { return self.scope.push_session(out) };
        push!(out; r#"SELECT a.chat_key FROM chat_addresses a WHERE a."org_id" = "#, [Uuid] &self.org,
            " AND a.address = ", [Text] chat, " AND EXISTS (SELECT");
        self.push_holders(out.reborrow(), "a.chat_key")?;
        push!(out; ")");
        Ok(())
    }

    /// The rows of the page if it is found that way.
    fn push_rows<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way, order: &str) -> QueryResult<()> {
        push!(out; "(SELECT l.*, c.chat_id AS chat_address, holds.phone");
        self.push_matching(out.reborrow(), "list")?;
        push!(out; order);
        self.page.push_limit(out.reborrow(), way)?;
        push!(out; ")");
        Ok(())
    }
}

impl QueryFragment<Pg> for ListNotes<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; "WITH list AS (SELECT * FROM (");
        self.push_source(out.reborrow())?;
        push!(out; ") one CROSS JOIN LATERAL (SELECT ");
        if self.page.with_count {
            push!(out; "count(*) AS total");
            self.push_matching(out.reborrow(), "one")?;
        } else {
            push!(out; "NULL::bigint AS total");
        }
        push!(out; ") counted");
        self.page.push_columns(out.reborrow(), "false")?;
        push!(out; "), note_page AS (SELECT list.total, l.* FROM list LEFT JOIN LATERAL (");
        self.push_rows(out.reborrow(), Way::Forward, " ORDER BY l.created_at DESC, l.note_id DESC")?;
        push!(out; " UNION ALL ");
        self.push_rows(out.reborrow(), Way::Backward, " ORDER BY l.created_at, l.note_id")?;
        push!(out; ") l ON true) SELECT notes.total, notes.chat_address, notes.phone, ");
        self.columns.walk_ast(out.reborrow())?;
        push!(out; " FROM (SELECT n.*, sum(octet_length(n.body)) OVER (ORDER BY n.created_at DESC, n.note_id DESC
            ROWS UNBOUNDED PRECEDING) - octet_length(n.body) AS bytes_before FROM note_page n) notes
            WHERE coalesce(notes.bytes_before, 0) < ", [BigInt] &MAX_PAGE_BYTES,
            " ORDER BY notes.created_at DESC, notes.note_id DESC");
        Ok(())
    }
}

impl Query for ListNotes<'_> {
    type SqlType = RowColumns;
}

impl QueryId for ListNotes<'_> {
    type QueryId = ();
    // diesel caches the prepared statement by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for ListNotes<'_> {}
