//! Sends with their chat and their message.

use std::sync::Arc;

use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::lists::{Columns, columns, push, push_phone, push_visible};
use super::message_views::MessageView;
use super::org_views::{View, of_org};
use super::sends::{STATES, SendRow};
use switchboard_core::ids::{ChatAddress, OrgId, Phone, PhoneSelector, SessionId};

/// A send with its chat and its message.
#[derive(Clone, Debug)]
pub struct SendView {
    /// The send.
    pub send: SendRow,
    /// The session's phone number.
    pub phone: Phone,
    /// The chat's canonical address, while the chat exists.
    pub chat_id: Option<ChatAddress>,
    /// The message that is sent, or that the send is about, while it is stored.
    pub message: Option<MessageView>,
}

/// The send.
pub fn find(connection: &mut Connection, org: OrgId, send: Uuid) -> StoreResult<Option<SendView>> {
    first(connection, org, Selection::Send(send))
}

/// A message by WhatsApp's id alone, and the sends by which it may be found.
#[derive(Clone, Debug)]
pub struct SentMessage {
    /// WhatsApp's id.
    pub message_id: String,
    /// Sends of the session with this phone; `None` for all in `sessions`.
    pub phone: Option<PhoneSelector>,
    /// Only these sessions; `None` for all of the organization.
    pub sessions: Option<Arc<[SessionId]>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
}

/// The first send of the message, one whose message is stored before others.
pub fn find_by_message(
    connection: &mut Connection,
    org: OrgId,
    sent: &SentMessage,
) -> StoreResult<Option<SendView>> {
    first(connection, org, Selection::Message(sent))
}

/// At most `limit` sends of the session before `before`, newest first, without chats that are hidden from the viewer.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    state: Option<&str>,
    viewer: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> StoreResult<Vec<SendView>> {
    let states = state.map_or(STATES.to_vec(), |state| vec![state]);
    let before = before.unwrap_or(Uuid::max());
    load(connection, org, Selection::Page { session, states, viewer, before, limit })
}

fn first(connection: &mut Connection, org: OrgId, selection: Selection<'_>) -> StoreResult<Option<SendView>> {
    Ok(load(connection, org, selection)?.into_iter().next())
}

fn load(connection: &mut Connection, org: OrgId, selection: Selection<'_>) -> StoreResult<Vec<SendView>> {
    let columns = (columns::<SendRow>(), columns::<MessageView>());
    let rows: Vec<Row> =
        of_org(org, View::Messages, SendViews { org, selection, columns }).load(connection)?;
    let view = |(send, phone, chat_id, message)| SendView { send, phone, chat_id, message };
    Ok(rows.into_iter().map(view).collect())
}

type Row = (SendRow, Phone, Option<ChatAddress>, Option<MessageView>);
type RowColumns =
    (SqlTypeOf<Columns<SendRow>>, Text, Nullable<Text>, Nullable<SqlTypeOf<Columns<MessageView>>>);

enum Selection<'a> {
    Send(Uuid),
    Message(&'a SentMessage),
    Page { session: SessionId, states: Vec<&'a str>, viewer: Option<&'a str>, before: Uuid, limit: i64 },
}

/// The statement.
///
/// A view that is joined from outside is evaluated for all rows of the session. Subqueries with LIMIT are looked up for each
/// send.
struct SendViews<'a> {
    org: OrgId,
    selection: Selection<'a>,
    columns: (Columns<SendRow>, Columns<MessageView>),
}

impl SendViews<'_> {
    fn push_selection<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; r#" WHERE sends."org_id" = "#, [SqlUuid] &self.org);
        match &self.selection {
            Selection::Send(send) => push!(out; " AND sends.send_id = ", [SqlUuid] send),
            Selection::Message(SentMessage { message_id, phone, sessions, viewer }) => {
                push!(out; " AND sends.message_id = ", [Text] message_id);
                if let Some(phone) = phone {
                    push_phone(out.reborrow(), phone)?;
                }
                if let Some(sessions) = sessions {
                    push!(out; " AND sends.session_id = ANY (", [Array<Text>] &**sessions, ")");
                }
                if let Some(viewer) = viewer {
                    push_visible(out.reborrow(), &self.org, viewer, "chats")?;
                }
                push!(out; " ORDER BY message_views.message_id IS NULL, sends.send_id LIMIT 1");
            }
            Selection::Page { session, states, viewer, before, limit } => {
                push!(out; " AND sends.session_id = ", [Text] session, " AND sends.state = ANY (", [Array<Text>] states,
                    ") AND sends.send_id < ", [SqlUuid] before);
                if let Some(viewer) = viewer {
                    push_visible(out.reborrow(), &self.org, viewer, "chats")?;
                }
                push!(out; " ORDER BY sends.send_id DESC LIMIT ", [BigInt] limit);
            }
        }
        Ok(())
    }
}

impl QueryFragment<Pg> for SendViews<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (send, message) = &self.columns;
        push!(out; "SELECT ");
        send.walk_ast(out.reborrow())?;
        push!(out; ", sessions.phone, chats.chat_id, ");
        message.walk_ast(out.reborrow())?;
        push!(out; r#" FROM sends
            JOIN LATERAL (SELECT * FROM sessions s WHERE s.session_id = sends.session_id AND s."org_id" = "#,
            [SqlUuid] &self.org, r#" LIMIT 1) sessions ON true
            LEFT JOIN LATERAL (SELECT * FROM chat_addresses a WHERE a.address = sends.address AND a."org_id" = "#,
            [SqlUuid] &self.org, r#" LIMIT 1) addressed ON true
            LEFT JOIN LATERAL (SELECT * FROM chats c WHERE c.chat_key = addressed.chat_key AND c."org_id" = "#,
            [SqlUuid] &self.org, r#" LIMIT 1) chats ON true
            LEFT JOIN LATERAL (SELECT * FROM message_views m WHERE m.session_id = sends.session_id
                AND m.chat_key = addressed.chat_key AND m.message_id = sends.message_id AND m.from_me = sends.from_me
                AND (m.author = sends.author OR m.author = (SELECT l.person FROM person_links l
                    WHERE l.address = sends.author AND l."org_id" = "#, [SqlUuid] &self.org, r#"))
                AND m."org_id" = "#, [SqlUuid] &self.org, " LIMIT 1) message_views ON true");
        self.push_selection(out)
    }
}

impl Query for SendViews<'_> {
    type SqlType = RowColumns;
}

impl QueryId for SendViews<'_> {
    type QueryId = ();
    // diesel caches the prepared statement by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for SendViews<'_> {}
