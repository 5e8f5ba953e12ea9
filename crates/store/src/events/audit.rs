//! The audit log of a chat: its events, and those of the chats that were merged into it.

use std::sync::Arc;

use diesel::dsl::{array, exists};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use super::kinds::{EventKind, selected_by};
use super::read::ChangeEvent;
use crate::connection::{Connection, StoreResult};
use crate::lists::phone_arguments;
use crate::org_rows::{org_rows, same_chat};
use crate::org_views::{View, of_org};
use crate::schema::{chat_addresses, chat_merges, session_chats, sessions};
use crate::views::event_views;
use crate::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use switchboard_core::instant::Instant;

/// Selects entries of a chat's audit log. Every condition that is set must hold.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// Any address of the chat.
    pub address: ChatAddress,
    /// The session that holds the chat, and whose own changes count; `None` for all.
    pub phone: Option<PhoneSelector>,
    /// The principal that made the change.
    pub actor: Option<String>,
    /// A filter of kinds; see [`selected_by`].
    pub action: Option<String>,
    /// Inclusive start of the time range.
    pub from: Option<Instant>,
    /// Exclusive end of the time range.
    pub before: Option<Instant>,
    /// The time and id of the event before which the list continues.
    pub older_than: Option<(Instant, i64)>,
    /// The sessions that the caller may access; `None` for all.
    pub sessions: Option<Arc<[SessionId]>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
    /// Whether only the sessions' own changes are listed, since the key only claims the chat.
    pub is_claimed: bool,
}

impl AuditQuery {
    /// Those of the sessions that share the chat.
    fn sharing(&self, allowed: &[SessionId]) -> Vec<SessionId> {
        if self.is_claimed { Vec::new() } else { allowed.to_vec() }
    }
}

/// The kinds of the events that end a chat.
const LAST_KINDS: [&str; 2] = [EventKind::Detached.as_str(), EventKind::Deleted.as_str()];

/// A comparison that holds for every row when the value is `None`.
macro_rules! if_set {
    ($value:expr, $sql:ty, $column:expr, $compare:ident) => {
        $value.clone().into_sql::<Nullable<$sql>>().is_null().or($column.nullable().$compare($value.clone()))
    };
}

/// The keys of the chats that were merged into the one with the address.
macro_rules! merged_chats {
    ($org:expr) => {
        chat_merges::table
            .filter(chat_merges::org_id.eq($org))
            .filter(chat_merges::merged_into.eq(chat_addresses::chat_key))
            .select(chat_merges::chat_key)
    };
}

/// Whether an event is of the chat or of one that was merged into it. The last events of a merged chat say that it is gone,
/// which the chat is not.
macro_rules! is_of_chat_or_merged {
    ($keys:expr) => {
        event_views::org_id
            .eq(chat_addresses::org_id)
            .and(event_views::chat_key.eq(chat_addresses::chat_key).or(event_views::kind.ne_all(LAST_KINDS)))
            .and(event_views::chat_key.eq_any($keys))
    };
}

/// At most `limit` events of the chat, newest first.
/// `None` when no selected session holds the chat.
pub fn of_chat(
    connection: &mut Connection,
    org: OrgId,
    query: &AuditQuery,
    limit: i64,
) -> StoreResult<Option<Vec<ChangeEvent>>> {
    let (phone, phone_id) = phone_arguments(query.phone.as_ref());
    let (from, before) = (query.from.unwrap_or(Instant::MIN), query.before.unwrap_or(Instant::MAX));
    let (last_at, last_id) = query.older_than.unwrap_or((Instant::MAX, i64::MAX));
    let (is_any_kind, kinds) =
        (query.action.is_none(), query.action.as_deref().map(selected_by).unwrap_or_default());
    let (are_all_allowed, allowed) =
        (query.sessions.is_none(), query.sessions.as_deref().unwrap_or_default());
    let sharing = query.sharing(allowed);
    macro_rules! rows {
        ($is_of_chat:expr) => {{
            let selected_sessions = || {
                org_rows!(sessions, org)
                    .filter(are_all_allowed.into_sql::<Bool>().or(sessions::session_id.eq_any(allowed)))
                    .filter(if_set!(phone, Text, sessions::phone, eq))
                    .filter(if_set!(phone_id, Text, sessions::phone_id, eq))
                    .select(sessions::session_id.nullable())
            };
            let holders = session_chats::table
                .filter(same_chat!(session_chats, chat_addresses))
                .filter(session_chats::session_id.nullable().eq_any(selected_sessions()));
            let is_selected = event_views::session_id.eq_any(selected_sessions());
            // What all sessions share is shown from the time on at which one of these held the chat.
            let is_shown = event_views::held_by.overlaps_with(sharing.clone());
            let selected = $is_of_chat
                .and(event_views::session_id.is_null().or(is_selected))
                .and(event_views::session_id.is_not_null().or(are_all_allowed.into_sql::<Bool>()).or(is_shown))
                .and(if_set!(query.actor, Text, event_views::actor, eq))
                .and(is_any_kind.into_sql::<Bool>().or(event_views::kind.eq_any(kinds.clone())))
                .and(event_views::at.ge(from))
                .and(event_views::at.lt(before))
                // Redundant, but a range that the index supports, which the alternatives are not.
                .and(event_views::at.le(last_at))
                .and(event_views::at.lt(last_at).or(event_views::event_id.lt(last_id)));
            // Starts from the chat, so that one statement distinguishes a missing chat from a chat without events.
            let rows = chat_addresses::table
                .left_join(event_views::table.on(selected))
                .filter(chat_addresses::org_id.eq(org))
                .filter(chat_addresses::address.eq(&query.address))
                .filter(exists(holders))
                .filter(is_visible!(chat_addresses, org, query.viewer.as_deref().unwrap_or_default()))
                .order((event_views::at.nullable().desc().nulls_last(), event_views::event_id.nullable().desc()))
                .limit(limit)
                .select((chat_addresses::chat_key, array(merged_chats!(org)), Option::<ChangeEvent>::as_select()));
            of_org(org, View::Events, rows).load(connection)?
        }};
    }
    let mut rows: Vec<(i64, Vec<i64>, Option<ChangeEvent>)> = rows!(same_chat!(event_views, chat_addresses));
    if let Some((chat_key, merged, _)) = rows.first()
        && !merged.is_empty()
    {
        // Chats without merged ones, which are most, are read in the order of the index.
        let keys: Vec<i64> = merged.iter().chain([chat_key]).copied().collect();
        rows = rows!(is_of_chat_or_merged!(keys.clone()));
    }
    Ok((!rows.is_empty()).then(|| rows.into_iter().filter_map(|(.., event)| event).collect()))
}
