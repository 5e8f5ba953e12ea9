//! Reading one chat.

use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Bool, Nullable, Text, Uuid};

use super::chat_selector::ChatSelector;
use super::chat_view::push_chat_view;
use super::chats::{ChatView, HeldChat, SharedChat};
use super::connection::{Connection, StoreResult};
use super::lists::{Columns, columns, push, push_phone, push_visible};
use super::message_views::MessageView;
use super::org_views::{View, of_org};
use switchboard_core::ids::{OrgId, PhoneSelector};

/// The chat with the state of the selected session; `None` when that session does not hold it. One statement.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<Option<ChatView>> {
    let columns = (columns::<SharedChat>(), columns::<HeldChat>(), columns::<MessageView>());
    macro_rules! find {
        ($phone:literal, $is_limited:literal) => {
            of_org(org, View::Messages, FindChat::<'_, $phone, $is_limited> { org, selector, columns })
                .get_result(connection)
        };
    }
    let row: QueryResult<Row> = match (&selector.phone, &selector.sessions) {
        (None, None) => find!(0, false),
        (None, Some(_)) => find!(0, true),
        (Some(PhoneSelector::Phone(_)), None) => find!(1, false),
        (Some(PhoneSelector::Phone(_)), Some(_)) => find!(1, true),
        (Some(PhoneSelector::PhoneId(_)), None) => find!(2, false),
        (Some(PhoneSelector::PhoneId(_)), Some(_)) => find!(2, true),
    };
    Ok(row.optional()?.map(|(shared, held, latest_message, phone, is_muted)| ChatView {
        shared,
        held,
        phone,
        is_muted,
        latest_message,
    }))
}

type Row = (SharedChat, HeldChat, Option<MessageView>, String, Option<bool>);

/// The statement. Each combination of conditions is a type of its own: it is prepared once per connection, and diesel finds it by
/// its type without formatting it.
struct FindChat<'a, const PHONE: u8, const IS_LIMITED: bool> {
    org: OrgId,
    selector: &'a ChatSelector,
    columns: (Columns<SharedChat>, Columns<HeldChat>, Columns<MessageView>),
}

impl<const PHONE: u8, const IS_LIMITED: bool> QueryFragment<Pg> for FindChat<'_, PHONE, IS_LIMITED> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Self { org, selector, columns } = self;
        push!(out; "SELECT ");
        columns.walk_ast(out.reborrow())?;
        // The chat's key is a value of its own, so that every table is looked up by it: the order of joins would depend on the
        // planner's statistics. The rest is read for one session only.
        push!(out; r#", session_chats.phone, session_chats.muted_until > now() FROM (
            SELECT h.*, s.phone FROM session_chats h JOIN sessions s ON s.session_id = h.session_id AND s."org_id" = "#, [Uuid] org,
            r#" WHERE h."org_id" = "#, [Uuid] org, r#" AND h.chat_key = (SELECT chat_key FROM chat_addresses WHERE "org_id" = "#,
            [Uuid] org, " AND address = ", [Text] &selector.address, ")");
        if let Some(phone) = &selector.phone {
            push_phone(out.reborrow(), phone)?;
        }
        if let Some(sessions) = &selector.sessions {
            push!(out; " AND h.session_id = ANY (", [Array<Text>] &**sessions, ")");
        }
        push_visible(out.reborrow(), org, selector.viewer.as_deref().unwrap_or_default(), "h")?;
        push!(out; " ORDER BY h.last_message_at DESC NULLS LAST, h.session_id LIMIT 1) session_chats JOIN ");
        push_chat_view(out.reborrow(), org, "session_chats.chat_key")?;
        push!(out; r#" ON true LEFT JOIN LATERAL (
            SELECT * FROM message_views m WHERE m.session_id = session_chats.session_id AND m.chat_key = session_chats.chat_key
                AND m.message_id = session_chats.latest_message_id AND m.sent_at = session_chats.last_message_at
                AND m.arrival = session_chats.latest_arrival AND m."org_id" = "#, [Uuid] org,
            " OFFSET 0) message_views ON true");
        Ok(())
    }
}

impl<const PHONE: u8, const IS_LIMITED: bool> Query for FindChat<'_, PHONE, IS_LIMITED> {
    type SqlType = (
        SqlTypeOf<Columns<SharedChat>>,
        SqlTypeOf<Columns<HeldChat>>,
        Nullable<SqlTypeOf<Columns<MessageView>>>,
        Text,
        Nullable<Bool>,
    );
}

impl<const PHONE: u8, const IS_LIMITED: bool> QueryId for FindChat<'_, PHONE, IS_LIMITED> {
    type QueryId = FindChat<'static, PHONE, IS_LIMITED>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PHONE: u8, const IS_LIMITED: bool> RunQueryDsl<PgConnection> for FindChat<'_, PHONE, IS_LIMITED> {}
