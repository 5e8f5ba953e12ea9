//! The statement for the chats of a session whose name or phone number contains a text.
//!
//! The planner cannot estimate which of two strategies is cheaper. A text that many names contain is found soon by reading
//! the list in order. A text that few names contain, or only names far down the list, is looked up in the n-gram indexes.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::listed_chat::{ChatFilter, ChatPosition, Columns};
use crate::ids::{OrgId, SessionId};
use crate::store::name_part::NamePart;

/// Number of chats that are read in any case, and before the names that have the n-grams are looked up although they are many.
const NEAR: &str = "100";
const FAR: &str = "20000";

const COLUMNS: &str = "SELECT s.id, s.archived, s.pinned, s.muted_until, s.unread, s.last_message_at, s.active_at, c.chat_id, \
    coalesce(p.name, c.name) AS name FROM ";
const ORDER: &str = " ORDER BY s.pinned DESC, s.active_at DESC, s.id DESC LIMIT ";

/// The statement. No [`QueryId`]: it is cached by its text.
pub(super) struct NamedChats<'f> {
    org: OrgId,
    session: SessionId,
    filter: &'f ChatFilter,
    /// The member from whom chats may be hidden.
    viewer: Option<&'f str>,
    after: Option<ChatPosition>,
    limit: i64,
    name: NamePart,
}

impl<'f> NamedChats<'f> {
    /// `name` is folded and not empty.
    pub(super) fn new(
        (org, session): (OrgId, SessionId),
        filter: &'f ChatFilter,
        viewer: Option<&'f str>,
        name: String,
        after: Option<ChatPosition>,
        limit: i64,
    ) -> Self {
        Self { org, session, filter, viewer, after, limit, name: NamePart::new(org, name) }
    }
}

impl Query for NamedChats<'_> {
    type SqlType = (Bool, Nullable<Columns>);
}

impl QueryId for NamedChats<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for NamedChats<'_> {}

impl QueryFragment<Pg> for NamedChats<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH near AS MATERIALIZED (");
        self.push_scan(out.reborrow(), NEAR)?;
        self.push_limit(out.reborrow())?;
        out.push_sql("), done AS MATERIALIZED (SELECT count(*) >= ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" AS yes FROM near), few AS MATERIALIZED (");
        self.push_few(out.reborrow())?;
        out.push_sql("), far AS MATERIALIZED (");
        self.push_scan(out.reborrow(), FAR)?;
        out.push_sql(" AND CASE WHEN (SELECT yes FROM done) THEN false ELSE NOT (SELECT yes FROM few) END");
        self.push_limit(out.reborrow())?;
        out.push_sql("), far_done AS MATERIALIZED (SELECT count(*) >= ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" AS yes FROM far), named AS MATERIALIZED (");
        self.push_lookup(out.reborrow())?;
        out.push_sql(
            " AND NOT CASE WHEN (SELECT yes FROM done) THEN true ELSE (SELECT yes FROM far_done) END",
        );
        self.push_limit(out.reborrow())?;
        out.push_sql(
            "), page AS (SELECT * FROM near WHERE (SELECT yes FROM done) UNION ALL SELECT * FROM far
            WHERE (SELECT yes FROM far_done) UNION ALL SELECT * FROM named)
            SELECT EXISTS (SELECT FROM sessions x WHERE x.",
        );
        self.push_session(out.reborrow())?;
        out.push_sql("), s.* FROM (SELECT 1 AS one) AS header LEFT JOIN page s ON true");
        self.push_limit(out.reborrow())
    }
}

/// The parts of the statement.
impl NamedChats<'_> {
    /// The first chats of the list after the position, up to a number, that match.
    fn push_scan<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, number: &str) -> QueryResult<()> {
        out.push_sql(COLUMNS);
        out.push_sql("(SELECT * FROM session_chats s WHERE s.");
        self.push_session(out.reborrow())?;
        self.push_after(out.reborrow())?;
        out.push_sql(ORDER);
        out.push_sql(number);
        out.push_sql(") s");
        self.push_names(out.reborrow())
    }

    /// The chats that the n-gram indexes have, after the position.
    fn push_lookup<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(COLUMNS);
        out.push_sql("(");
        self.name.push_found(out.reborrow())?;
        out.push_sql(") found CROSS JOIN LATERAL (SELECT * FROM session_chats s WHERE s.");
        self.push_session(out.reborrow())?;
        out.push_sql(" AND s.chat_key = found.chat_key OFFSET 0) s");
        self.push_names(out.reborrow())?;
        self.push_after(out.reborrow())
    }

    /// Joins the names of chats, and what must hold. OFFSET 0 makes each join a lookup for each chat.
    fn push_names<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" CROSS JOIN LATERAL (SELECT * FROM chats WHERE ");
        self.push_org(out.reborrow())?;
        out.push_sql(
            " AND chats.chat_key = s.chat_key OFFSET 0) c LEFT JOIN LATERAL (SELECT * FROM contacts WHERE ",
        );
        self.push_org(out.reborrow())?;
        out.push_sql(" AND contacts.contact_id = c.chat_id OFFSET 0) p ON true WHERE ");
        self.name.push_condition(out.reborrow())?;
        if let Some(viewer) = &self.viewer {
            out.push_sql(" AND NOT EXISTS (SELECT FROM chat_access x WHERE x.");
            self.push_org(out.reborrow())?;
            out.push_sql(" AND x.chat_key = s.chat_key AND NOT x.allowed AND x.member_key = ");
            out.push_bind_param::<Text, _>(*viewer)?;
            out.push_sql(" OFFSET 0)");
        }
        let ChatFilter { archived, pinned, muted, unread, group, name: _ } = self.filter;
        for (column, wanted) in [
            ("s.archived", archived),
            ("s.pinned", pinned),
            ("coalesce(s.muted_until > now(), false)", muted),
            ("s.is_unread", unread),
            ("s.is_group", group),
        ] {
            if let Some(wanted) = wanted {
                out.push_sql(" AND ");
                out.push_sql(column);
                out.push_sql(" = ");
                out.push_bind_param::<Bool, _>(wanted)?;
            }
        }
        Ok(())
    }

    /// Whether few names or numbers have the n-grams.
    fn push_few<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) < 2000 AS yes FROM (");
        self.name.push_matches(out.reborrow())?;
        out.push_sql(" LIMIT 2000) x");
        Ok(())
    }

    fn push_after<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if let Some(ChatPosition { pinned, active_at, id }) = &self.after {
            out.push_sql(" AND (s.pinned, s.active_at, s.id) < (");
            out.push_bind_param::<Bool, _>(pinned)?;
            out.push_sql(", ");
            out.push_bind_param::<Timestamptz, _>(active_at)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(id)?;
            out.push_sql(")");
        }
        Ok(())
    }

    fn push_limit<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(ORDER);
        out.push_bind_param::<BigInt, _>(&self.limit)
    }

    fn push_session<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.push_org(out.reborrow())?;
        out.push_sql(" AND session_id = ");
        out.push_bind_param::<Text, _>(&self.session)
    }

    fn push_org<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("\"org_id\" = ");
        out.push_bind_param::<Uuid, _>(&self.org)
    }
}
