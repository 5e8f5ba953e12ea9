//! The statement of a search.
//! It is assembled of the filters that are set, because an index serves `column = $1` but not `$1 IS NULL OR column = $1`.
//! Every part is found in `messages_search`, whose keys are the organization, the words, and `search_keys`.
//! If there are more matches than are ranked, the newest ones are read from spans of months, each twice as long as the one
//! after it: few spans, since each reads all words with a wanted beginning, and at most about twice the matches that count.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query as SqlQuery, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Float, Nullable, Text, Timestamptz, Uuid};

use super::types::{Filter, Hit, Page};
use crate::full_text::{SearchQuery, Tsquery};
use crate::message_views::MessageView;
use crate::org_views::{View, push_with};
use switchboard_core::full_text::Query;
use switchboard_core::ids::{OrgId, PhoneSelector};
use switchboard_core::instant::Instant;

type ViewColumns = <MessageView as Selectable<Pg>>::SelectExpression;

/// Whether the phone and the chat are known, the number of matches, at most one more than the maximum, and a hit.
pub(super) type Row = (bool, bool, i64, Option<Hit>);
type RowType =
    (Bool, Bool, BigInt, Nullable<(Float, Text, Text, Nullable<Text>, diesel::dsl::SqlTypeOf<ViewColumns>)>);

/// Future messages are found up to this number of months from now, where the newest are wanted.
const MONTHS_AHEAD: i64 = 12;
/// Longest range of time, in months, that is looked up month by month.
const MAX_MONTHS: i64 = 600;

/// What the index has of a message besides organization and words.
const KEYS: &str = "search_keys(m.session_id, m.chat_key, m.sender, m.sent_at)";

/// Never evaluated, but the planner takes it for expensive: it reads as few rows as possible, which only `messages_search`
/// promises. With few rows for an average organization it would otherwise read all messages of a large one.
const ONLY_WITH_INDEX: &str =
    "(m.search IS NOT NULL OR (SELECT count(*) FROM generate_series(1, 100000) n WHERE n = m.chat_key) = 0)";

/// The statement. No [`QueryId`]: it is cached by its text.
pub(super) struct Statement<'f> {
    org: OrgId,
    query: SearchQuery,
    filter: &'f Filter,
    page: Page,
    /// The newest month that may have matches, see `search_keys`.
    newest: i64,
    /// The months of the range of time, if it has a start.
    months: Option<Vec<String>>,
    columns: ViewColumns,
}

impl<'f> Statement<'f> {
    pub(super) fn new(org: OrgId, query: &Query, filter: &'f Filter, page: Page) -> Self {
        let now = Instant::now();
        let end = filter.sent_before.filter(|end| *end < now);
        let newest = end.map_or_else(|| now.month() + MONTHS_AHEAD, Instant::month);
        let months = filter.sent_from.map(|start| start.month()..=newest);
        let months = months.filter(|months| newest - months.start() < MAX_MONTHS);
        let months = months.map(|months| months.map(|month| format!("m{month}")).collect());
        Self {
            org,
            query: SearchQuery::new(org, query),
            filter,
            page,
            newest,
            months,
            columns: <MessageView as Selectable<Pg>>::construct_selection(),
        }
    }
}

impl SqlQuery for Statement<'_> {
    type SqlType = RowType;
}

impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_with(out.reborrow(), &self.org, View::Messages)?;
        self.push_matches(out.reborrow())?;
        self.push_known(out.reborrow())?;
        out.push_sql(", (SELECT count(*) FROM unordered), ");
        self.push_rank(out.reborrow())?;
        out.push_sql(", (SELECT s.phone FROM sessions s WHERE s.");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND s.session_id = hit.session_id), (SELECT c.chat_id FROM chats c WHERE c.");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND c.chat_key = hit.chat_key), message_views.details #>> '{media,filename}', ");
        self.columns.walk_ast(out.reborrow())?;
        // More than identifies it: every index leads directly to the message.
        out.push_sql(" FROM (SELECT 1 AS one) AS header LEFT JOIN LATERAL (");
        self.push_page(out.reborrow())?;
        out.push_sql(") AS hit ON true LEFT JOIN LATERAL (SELECT * FROM message_views v WHERE v.");
        self.push_org(out.reborrow())?;
        out.push_sql(
            " AND v.session_id = hit.session_id AND v.chat_key = hit.chat_key AND v.sent_at = hit.sent_at
            AND v.message_id = hit.message_id AND v.arrival = hit.arrival OFFSET 0) AS message_views ON true ORDER BY hit.place",
        );
        Ok(())
    }
}

impl Statement<'_> {
    /// Common table expressions: `matches` are the newest matches up to the maximum.
    fn push_matches<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("unordered AS MATERIALIZED (");
        self.push_scan(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.page.max_matches)?;
        out.push_sql(" + 1), is_over AS MATERIALIZED (SELECT count(*) > ");
        out.push_bind_param::<BigInt, _>(&self.page.max_matches)?;
        out.push_sql(
            " AS yes FROM unordered), newest AS MATERIALIZED (SELECT x.* FROM (
                SELECT ARRAY(SELECT 'm' || (",
        );
        out.push_bind_param::<BigInt, _>(&self.newest)?;
        // The first span is the months ahead and the present one.
        out.push_sql(
            " - back) FROM generate_series(CASE span WHEN 0 THEN 0 ELSE 11 + (1 << span) END, 10 + (2 << span)) back)
                    AS months FROM generate_series(0, 9) span) AS spans CROSS JOIN LATERAL (",
        );
        self.push_scan(out.reborrow())?;
        out.push_sql(" AND ");
        out.push_sql(KEYS);
        out.push_sql(" && spans.months ORDER BY m.sent_at DESC, m.arrival DESC LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.page.max_matches)?;
        out.push_sql(") AS x WHERE (SELECT yes FROM is_over) LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.page.max_matches)?;
        out.push_sql(
            "), matches AS (SELECT * FROM unordered WHERE NOT (SELECT yes FROM is_over) UNION ALL SELECT * FROM newest) SELECT ",
        );
        Ok(())
    }

    /// All matches.
    fn push_scan<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Filter { sessions, viewer: _, phone, chat, sender, from_me, sent_from, sent_before } =
            self.filter;
        out.push_sql(
            "SELECT m.session_id, m.chat_key, m.sent_at, m.message_id, m.arrival, m.search FROM messages m WHERE m.",
        );
        self.push_org(out.reborrow())?;
        out.push_sql(" AND m.search @@ ");
        out.push_bind_param::<Tsquery, _>(&self.query)?;
        out.push_sql(" AND ");
        out.push_sql(ONLY_WITH_INDEX);
        if sessions.is_some() || phone.is_some() {
            push_key(&mut out, " && ARRAY(");
            self.push_sessions(out.reborrow())?;
            out.push_sql(")");
        }
        if chat.is_some() {
            push_key(&mut out, " @> ARRAY['c' || (");
            self.push_chat(out.reborrow())?;
            out.push_sql(")::text]");
        }
        if sender.is_some() {
            push_key(&mut out, " && ARRAY(");
            self.push_senders(out.reborrow())?;
            out.push_sql(")");
        }
        if let Some(months) = &self.months {
            push_key(&mut out, " && ");
            out.push_bind_param::<Array<Text>, _>(months)?;
        }
        self.push_visible(out.reborrow(), "m.chat_key")?;
        if let Some(from_me) = from_me {
            out.push_sql(" AND m.from_me = ");
            out.push_bind_param::<Bool, _>(from_me)?;
        }
        for (operator, instant) in [(" AND m.sent_at >= ", sent_from), (" AND m.sent_at < ", sent_before)] {
            if let Some(instant) = instant {
                out.push_sql(operator);
                out.push_bind_param::<Timestamptz, _>(instant)?;
            }
        }
        Ok(())
    }

    /// The hits of the page. Only what counts is ranked, since that takes most of the time.
    fn push_page<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT *, row_number() OVER (ORDER BY ");
        if !self.page.newest_first {
            self.push_rank(out.reborrow())?;
            out.push_sql(" DESC, ");
        }
        out.push_sql("sent_at DESC, arrival DESC) AS place FROM matches ORDER BY place OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.page.offset)?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.page.limit)
    }

    fn push_rank<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("ts_rank_cd(search, ");
        out.push_bind_param::<Tsquery, _>(&self.query)?;
        out.push_sql(")");
        Ok(())
    }

    /// Whether the phone and the chat are known.
    fn push_known<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self.filter.phone {
            None => out.push_sql("true, "),
            Some(_) => {
                out.push_sql("EXISTS (");
                self.push_sessions(out.reborrow())?;
                out.push_sql("), ");
            }
        }
        if self.filter.chat.is_none() {
            out.push_sql("true");
            return Ok(());
        }
        out.push_sql("EXISTS (SELECT FROM session_chats sc WHERE sc.");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND sc.chat_key = (");
        self.push_chat(out.reborrow())?;
        out.push_sql(") AND sc.session_id IN (");
        self.push_sessions(out.reborrow())?;
        out.push_sql("))");
        Ok(())
    }

    /// The sessions in scope.
    fn push_sessions<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT s.session_id FROM sessions s WHERE s.");
        self.push_org(out.reborrow())?;
        match &self.filter.phone {
            None => {}
            Some(PhoneSelector::Phone(phone)) => {
                out.push_sql(" AND s.phone = ");
                out.push_bind_param::<Text, _>(phone)?;
            }
            Some(PhoneSelector::PhoneId(id)) => {
                out.push_sql(" AND s.phone_id = ");
                out.push_bind_param::<Text, _>(id)?;
            }
        }
        if let Some(sessions) = &self.filter.sessions {
            out.push_sql(" AND s.session_id = ANY (");
            out.push_bind_param::<Array<Text>, _>(sessions)?;
            out.push_sql(")");
        }
        Ok(())
    }

    /// The key of the chat.
    fn push_chat<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT a.chat_key FROM chat_addresses a WHERE a.");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND a.address = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.filter.chat)?;
        self.push_visible(out, "a.chat_key")
    }

    /// That the chat is not hidden from the viewer, if there is one. OFFSET 0 makes it a lookup for each row.
    fn push_visible<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, chat_key: &str) -> QueryResult<()> {
        let Some(viewer) = self.filter.viewer.as_deref() else { return Ok(()) };
        out.push_sql(" AND NOT EXISTS (SELECT FROM chat_access x WHERE x.");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND NOT x.allowed AND x.member_key = ");
        out.push_bind_param::<Text, _>(viewer)?;
        out.push_sql(" AND x.chat_key = ");
        out.push_sql(chat_key);
        out.push_sql(" OFFSET 0)");
        Ok(())
    }

    /// All addresses of the sender: a contact may have a LID besides its phone number.
    fn push_senders<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let sender = &self.filter.sender;
        out.push_sql("WITH asked AS (SELECT ");
        out.push_bind_param::<Nullable<Text>, _>(sender)?;
        out.push_sql(" AS address UNION ALL SELECT l.person FROM person_links l WHERE l.");
        self.push_org(out.reborrow())?;
        out.push_sql(" AND l.address = ");
        out.push_bind_param::<Nullable<Text>, _>(sender)?;
        out.push_sql(") SELECT address FROM asked UNION ALL SELECT l.address FROM asked JOIN person_links l ON l.person = asked.address AND l.");
        self.push_org(out.reborrow())
    }

    fn push_org<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("\"org_id\" = ");
        out.push_bind_param::<Uuid, _>(&self.org)
    }
}

fn push_key(out: &mut AstPass<'_, '_, Pg>, operator: &str) {
    out.push_sql(" AND ");
    out.push_sql(KEYS);
    out.push_sql(operator);
}
