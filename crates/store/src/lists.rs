//! Lists with offset pagination: their shared types, and the parts that their statements share.
//!
//! The text of such a statement depends on the filters that are set; each text is prepared once per connection. Every
//! table is restricted to the organization by a bound value, which a distributed planner needs.

use std::sync::Arc;

use diesel::expression::Selectable;
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Text, Uuid};

use super::list_counts::List;
use switchboard_core::caller::{Caller, Claimant};
use switchboard_core::ids::{OrgId, Phone, PhoneId, PhoneSelector, SessionId};

/// A page ends after the row with which its rows have that size: as many bytes fit into a response.
pub(super) const MAX_PAGE_BYTES: i64 = 2 * 1024 * 1024;

/// The sessions a list covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionScope {
    /// Only the session with this phone; `None` for all in `sessions`.
    pub phone: Option<PhoneSelector>,
    /// Only these sessions; `None` for all of the organization.
    pub sessions: Option<Arc<[SessionId]>>,
    /// Whether the caller names the session: it must exist.
    pub is_named: bool,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
    /// The key that shares no chats that only it reported.
    pub claimant: Option<Claimant>,
}

impl SessionScope {
    /// What a caller sees of the session with that phone, or of all.
    pub fn of(caller: &Caller, phone: Option<PhoneSelector>) -> Self {
        let (sessions, viewer, claimant) =
            (caller.sessions.clone(), caller.viewer(), caller.claimant.clone());
        Self { phone, sessions, is_named: false, viewer, claimant }
    }

    /// What a caller sees of a session, which must be among the caller's.
    pub fn of_session(caller: &Caller, session: SessionId) -> Self {
        Self { sessions: Some([session].into()), is_named: true, ..Self::of(caller, None) }
    }
}

/// The page of a list to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageWindow {
    /// Number of items to skip.
    pub offset: i64,
    /// Maximum number of items.
    pub limit: i64,
    /// Whether to return the length of the list.
    pub with_count: bool,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// Length of the list, if requested.
    pub count: Option<i64>,
    /// The items of the page, in order.
    pub items: Vec<T>,
}

/// Splits a phone selector into the two arguments that SQL functions take.
pub(super) fn phone_arguments(selector: Option<&PhoneSelector>) -> (Option<&Phone>, Option<&PhoneId>) {
    match selector {
        None => (None, None),
        Some(PhoneSelector::Phone(phone)) => (Some(phone), None),
        Some(PhoneSelector::PhoneId(id)) => (None, Some(id)),
    }
}

/// The columns of a row type.
pub(super) type Columns<T> = <T as Selectable<Pg>>::SelectExpression;

pub(super) fn columns<T: Selectable<Pg>>() -> Columns<T> {
    T::construct_selection()
}

/// Pushes parts of a statement: SQL text, and values to bind as `[Type] value`.
macro_rules! push {
    ($out:ident;) => {};
    ($out:ident; [$kind:ty] $value:expr $(, $($rest:tt)*)?) => {{
        $out.push_bind_param::<$kind, _>($value)?;
        $($crate::lists::push!($out; $($rest)*);)?
    }};
    ($out:ident; $text:expr $(, $($rest:tt)*)?) => {{
        $out.push_sql($text);
        $($crate::lists::push!($out; $($rest)*);)?
    }};
}
pub(super) use push;

/// How the rows of a page are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the start of the list.
    Forward,
    /// From the end of the list, for pages in its second half: the last page costs as much as the first.
    Backward,
    /// By reading and sorting all rows.
    Sorted,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Forward => "'forward'",
            Self::Backward => "'backward'",
            Self::Sorted => "'sorted'",
        }
    }
}

impl PageWindow {
    /// The same page, without an overflow of the sum of offset and limit.
    pub(super) fn bounded(self) -> Self {
        Self { offset: self.offset.min(i64::MAX - self.limit), ..self }
    }

    /// Joins the columns `size`, the number of rows of the page, `behind`, the number of rows after it, and `way`, from
    /// `total`, the length of the list if known. `sorted` is the condition for [`Way::Sorted`].
    pub(super) fn push_columns<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, sorted: &str) -> QueryResult<()> {
        push!(out; " CROSS JOIN LATERAL (SELECT greatest(least(", [BigInt] &self.limit, ", counted.total - ",
            [BigInt] &self.offset, "), 0) AS size) fitting CROSS JOIN LATERAL (SELECT counted.total - ",
            [BigInt] &self.offset, " - size AS behind) beyond CROSS JOIN LATERAL (SELECT CASE WHEN ", sorted,
            " THEN 'sorted' WHEN behind < ", [BigInt] &self.offset, " THEN 'backward' ELSE 'forward' END AS way) chosen");
        Ok(())
    }

    /// `OFFSET` and `LIMIT` of the page; no row unless it is found that way.
    pub(super) fn push_limit<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way) -> QueryResult<()> {
        push!(out; " OFFSET ");
        self.push_offset(out.reborrow(), way)?;
        push!(out; " LIMIT CASE list.way WHEN ", way.name(), " THEN list.size ELSE 0 END");
        Ok(())
    }

    /// `LIMIT` of each of several sorted lists of which the page is a part.
    pub(super) fn push_merge_limit<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way) -> QueryResult<()> {
        push!(out; " LIMIT list.size + ");
        self.push_offset(out, way)
    }

    fn push_offset<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, way: Way) -> QueryResult<()> {
        match way {
            Way::Forward | Way::Sorted => push!(out; [BigInt] &self.offset),
            Way::Backward => out.push_sql("greatest(list.behind, 0)"),
        }
        Ok(())
    }
}

/// The sessions that a list covers, as parts of its statement.
#[derive(Clone, Copy)]
pub(super) struct ListScope<'a> {
    org: OrgId,
    phone: Option<&'a PhoneSelector>,
    sessions: Option<&'a [SessionId]>,
    is_named: bool,
    viewer: Option<&'a str>,
    claimant: Option<&'a Claimant>,
}

impl<'a> ListScope<'a> {
    pub(super) fn new(org: OrgId, scope: &'a SessionScope) -> Self {
        Self {
            org,
            phone: scope.phone.as_ref(),
            sessions: scope.sessions.as_deref(),
            is_named: scope.is_named,
            viewer: scope.viewer.as_deref(),
            claimant: scope.claimant.as_ref(),
        }
    }

    /// Whether it is all sessions of the organization.
    pub(super) const fn is_all(&self) -> bool {
        self.phone.is_none() && self.sessions.is_none()
    }

    /// The sessions, unless it is one session or all.
    pub(super) fn many(&self) -> Option<&'a [SessionId]> {
        self.sessions.filter(|sessions| self.phone.is_none() && sessions.len() != 1)
    }

    /// Whether chats may be hidden, so that stored lengths do not apply.
    pub(super) const fn hides_chats(&self) -> bool {
        self.viewer.is_some()
    }

    /// The condition that the chat of the row `l` is not hidden.
    pub(super) fn push_visible<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.viewer.map_or(Ok(()), |viewer| push_visible(out, &self.org, viewer, "l"))
    }

    /// The condition that the session's chat of the row is not only claimed; see [`super::claims`].
    pub(super) fn push_not_claimed<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>, row: &str) -> QueryResult<()> {
        if let Some(Claimant { key, sessions }) = self.claimant {
            push!(out; " AND (", row, ".claimed_by IS NULL OR ", row, ".claimed_by <> ", [Text] key.as_str(),
                r#" OR (SELECT true FROM session_chats o WHERE o."org_id" = "#, [Uuid] &self.org,
                " AND o.chat_key = ", row, ".chat_key AND o.session_id <> ALL (", [Array<Text>] &**sessions, ") LIMIT 1) IS NULL)");
        }
        Ok(())
    }

    /// That column of the session, unless there are many.
    pub(super) fn of_one(&self, column: &'static str) -> Option<&'static str> {
        self.many().is_none().then_some(column)
    }

    /// One row with the column `session_id`: the session if it is one, otherwise null. No row when the phone or the named
    /// session is unknown.
    pub(super) fn push_session<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match (self.phone, self.sessions) {
            (None, Some([session])) if self.is_named => {
                push!(out; r#"SELECT session_id FROM sessions WHERE "org_id" = "#, [Uuid] &self.org, " AND session_id = ", [Text] session);
            }
            (None, Some([session])) => push!(out; "SELECT ", [Text] session, "::text AS session_id"),
            (None, _) => push!(out; "SELECT NULL::text AS session_id"),
            (Some(phone), sessions) => {
                push!(out; r#"SELECT session_id FROM sessions WHERE "org_id" = "#, [Uuid] &self.org);
                push_phone(out.reborrow(), phone)?;
                if let Some(sessions) = sessions {
                    push!(out; " AND session_id = ANY (", [Array<Text>] sessions, ")");
                }
            }
        }
        Ok(())
    }

    /// The condition that the session in that column stored the row `l`, otherwise that any session of this scope did.
    pub(super) fn push_condition<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        session: Option<&str>,
    ) -> QueryResult<()> {
        match (session, self.sessions) {
            _ if self.is_all() => {}
            (Some(session), _) => push!(out; " AND l.session_id = ", session),
            (None, Some(sessions)) => push!(out; " AND l.session_id = ANY (", [Array<Text>] sessions, ")"),
            (None, None) => {}
        }
        Ok(())
    }

    /// A query of `total`, the sum of the stored lengths of the sessions' lists.
    pub(super) fn push_stored_total<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        list: List,
    ) -> QueryResult<()> {
        push!(out; r#"SELECT coalesce(sum(l.count), 0)::bigint AS total FROM list_counts l WHERE "org_id" = "#, [Uuid] &self.org,
            " AND list = '", list.as_str(), "'");
        match list {
            // The organization's list of chats is counted on its own: a chat may be in several sessions' lists.
            List::Chats if self.is_all() => push!(out; " AND l.session_id = ''"),
            List::IdempotencyBytes | List::MediaBytes => push!(out; " AND l.session_id = ''"),
            List::Chats | List::Messages => self.push_condition(out, self.of_one("one.session_id"))?,
        }
        Ok(())
    }
}

/// The condition that no entry hides the chat of that row from a member; always true for the empty key.
pub(super) fn push_visible<'b>(
    mut out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    viewer: &'b str,
    row: &str,
) -> QueryResult<()> {
    push!(out; r#" AND (SELECT true FROM chat_access x WHERE x."org_id" = "#, [Uuid] org, " AND x.chat_key = ", row,
        ".chat_key AND x.member_key = ", [Text] viewer, " AND NOT x.allowed) IS NULL");
    Ok(())
}

/// The condition that a session has that phone.
pub(super) fn push_phone<'b>(mut out: AstPass<'_, 'b, Pg>, phone: &'b PhoneSelector) -> QueryResult<()> {
    match phone {
        PhoneSelector::Phone(phone) => push!(out; " AND phone = ", [Text] phone),
        PhoneSelector::PhoneId(id) => push!(out; " AND phone_id = ", [Text] id),
    }
    Ok(())
}
