//! The statement for the chats of a session whose name or phone number contains a text.
//!
//! The planner cannot estimate which of two strategies is cheaper. A text that many names contain is found soon by reading
//! the list in order. A text that few names contain, or only names far down the list, is looked up in the n-gram indexes.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::listed_chat::{ChatFilter, ChatPosition, Columns};
use crate::ids::{OrgId, SessionId};

/// Number of chats that are read in any case, and before the names that have the n-grams are looked up although they are many.
const NEAR: &str = "100";
const FAR: &str = "20000";
/// Fewest digits of a phone number's part.
const MIN_DIGITS: usize = 3;

const OF_CHATS: &str = "SELECT chat_key FROM chats WHERE name_ngrams(org_id, coalesce(search_key, '') || E'\\n' || split_part(chat_id, '@', 1)) @> ";
const OF_CONTACTS: &str = "SELECT contact_id FROM contacts WHERE name_ngrams(org_id, search_key) @> ";
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
    /// The folded text.
    name: String,
    name_ngrams: Vec<String>,
    /// Its digits, if it may be a part of a phone number, with their n-grams.
    number: Option<(String, Vec<String>)>,
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
        let number = digits(&name).map(|digits| (digits.clone(), ngrams(org, &digits)));
        let name_ngrams = ngrams(org, &name);
        Self { org, session, filter, viewer, after, limit, name, name_ngrams, number }
    }
}

/// The digits of a text that has only them and what stands between the digits of a phone number.
fn digits(text: &str) -> Option<String> {
    let is_phone = text.chars().all(|c| c.is_ascii_digit() || "+-(). ".contains(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (is_phone && digits.len() >= MIN_DIGITS).then_some(digits)
}

/// The n-grams that every text containing this one has: its 3-grams, or the whole text if it is shorter. See `name_ngrams`.
fn ngrams(org: OrgId, text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let grams = letters.windows(letters.len().clamp(1, 3));
    grams.map(|gram| format!("{org}{}", gram.iter().collect::<String>())).collect()
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
        self.push_found(out.reborrow())?;
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
        out.push_sql(" AND contacts.contact_id = c.chat_id OFFSET 0) p ON true WHERE (strpos(CASE WHEN p.name IS NULL THEN c.search_key ELSE p.search_key END, ");
        out.push_bind_param::<Text, _>(&self.name)?;
        out.push_sql(") > 0");
        if let Some((digits, _)) = &self.number {
            out.push_sql(" OR c.chat_id LIKE '%@c.us' AND strpos(c.chat_id, ");
            out.push_bind_param::<Text, _>(digits)?;
            out.push_sql(") > 0");
        }
        out.push_sql(")");
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

    /// The keys of the chats whose name or number has the n-grams.
    fn push_found<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.push_indexed(out.reborrow(), OF_CHATS, &self.name_ngrams)?;
        if let Some((_, ngrams)) = &self.number {
            out.push_sql(" UNION ");
            self.push_indexed(out.reborrow(), OF_CHATS, ngrams)?;
        }
        out.push_sql(" UNION SELECT its.* FROM (");
        self.push_indexed(out.reborrow(), OF_CONTACTS, &self.name_ngrams)?;
        out.push_sql(") person CROSS JOIN LATERAL (SELECT chat_key FROM chats WHERE ");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND chats.chat_id = person.contact_id OFFSET 0) its");
        Ok(())
    }

    /// Whether few names or numbers have the n-grams.
    fn push_few<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) < 2000 AS yes FROM (SELECT 1 FROM (");
        self.push_indexed(out.reborrow(), OF_CHATS, &self.name_ngrams)?;
        if let Some((_, ngrams)) = &self.number {
            out.push_sql(" UNION ALL ");
            self.push_indexed(out.reborrow(), OF_CHATS, ngrams)?;
        }
        out.push_sql(") of_chat UNION ALL SELECT 1 FROM (");
        self.push_indexed(out.reborrow(), OF_CONTACTS, &self.name_ngrams)?;
        out.push_sql(") of_contact LIMIT 2000) x");
        Ok(())
    }

    fn push_indexed<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        select: &str,
        ngrams: &'b Vec<String>,
    ) -> QueryResult<()> {
        out.push_sql(select);
        out.push_bind_param::<Array<Text>, _>(ngrams)?;
        out.push_sql(" AND ");
        self.push_org(out)
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
