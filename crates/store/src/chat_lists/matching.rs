//! The chats that pass a filter, as parts of statements.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid};

use super::filter::{AssigneeFilter, ChatFilter};
use super::selective::{Asked, Selective, push_driver};
use crate::lists::{ListScope, push};
use crate::name_part::NamePart;
use switchboard_core::ids::OrgId;

/// The chats of the sessions in scope that pass a filter, each once, with the state of the session with the newest activity.
pub(crate) struct Matching<'a> {
    pub(crate) org: OrgId,
    pub(crate) scope: ListScope<'a>,
    pub(crate) filter: &'a ChatFilter,
    name: Option<NamePart>,
    archived_is_ordered: bool,
}

impl<'a> Matching<'a> {
    pub(super) fn new(org: OrgId, scope: ListScope<'a>, filter: &'a ChatFilter) -> Self {
        let name = filter.name.as_deref().and_then(|text| NamePart::new(org, text));
        Self { org, scope, filter, name, archived_is_ordered: false }
    }

    /// For the list of one session, in whose order there is an index of archived chats.
    pub(crate) fn of_session(org: OrgId, scope: ListScope<'a>, filter: &'a ChatFilter) -> Self {
        Self { archived_is_ordered: true, ..Self::new(org, scope, filter) }
    }

    /// Its filters that few chats may pass.
    pub(crate) fn selectives(&self) -> Vec<(&'static str, Selective<'_>)> {
        Selective::all(self.filter, self.name.as_ref(), self.archived_is_ordered)
    }

    /// Joins what decides how its chats are found: see [`push_driver`].
    pub(crate) fn push_driver<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_driver(&self.selectives(), self.filter, out, &self.org)
    }

    /// The table that lists the chats.
    pub(super) const fn source(&self) -> &'static str {
        if self.scope.is_all() { "chat_activity" } else { "session_chats" }
    }

    /// The listed rows `l` of the chats that pass the selective filter.
    pub(crate) fn push_selected<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        selective: Selective<'b>,
        asked: Asked,
        session: &'static str,
    ) -> QueryResult<()> {
        push!(out; "(SELECT DISTINCT chat_key FROM (");
        selective.push_keys(out.reborrow(), &self.org, asked)?;
        push!(out; ") keys) selected CROSS JOIN LATERAL (SELECT * FROM ", self.source(), " l WHERE l.chat_key = selected.chat_key AND ");
        self.push_conditions(out.reborrow(), asked, self.scope.of_one(session))?;
        push!(out; " OFFSET 0) l");
        Ok(())
    }

    /// The conditions of a listed row `l`; its session is in the column `session`, if given.
    pub(crate) fn push_conditions<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        asked: Asked,
        session: Option<&str>,
    ) -> QueryResult<()> {
        let ChatFilter { chat_type, labels, start, end, unread, assigned, closed, archived, .. } =
            self.filter;
        push!(out; r#"l."org_id" = "#, [Uuid] &self.org);
        self.scope.push_condition(out.reborrow(), session)?;
        self.scope.push_visible(out.reborrow())?;
        let is_by_shared = !labels.ids.is_empty() || assigned.is_some() || closed.is_some();
        if is_by_shared || self.name.is_some() {
            self.scope.push_not_claimed(out.reborrow(), "l")?;
        }
        if let Some(sessions) = self.scope.many() {
            // The session with the newest activity.
            push!(out; r#" AND l.session_id = (SELECT o.session_id FROM session_chats o WHERE o."org_id" = "#, [Uuid] &self.org,
                " AND o.chat_key = l.chat_key AND o.session_id = ANY (", [Array<Text>] sessions,
                ") ORDER BY o.active_at DESC, o.session_id LIMIT 1)");
        }
        if let Some(chat_type) = chat_type {
            push!(out; " AND l.listed_type = ", [Text] chat_type);
        }
        if let Some(start) = start {
            push!(out; " AND l.active_at >= ", [Timestamptz] start);
        }
        if let Some(end) = end {
            push!(out; " AND l.active_at > '-infinity' AND l.active_at < ", [Timestamptz] end);
        }
        let ChatFilter { group, pinned, muted, .. } = self.filter;
        // A boolean column itself: then the planner recognizes that a partial index has all rows.
        for (flag, column) in [(unread, "l.is_unread"), (group, "l.is_group"), (pinned, "l.pinned")] {
            if let Some(is) = flag {
                push!(out; if *is { " AND " } else { " AND NOT " }, column);
            }
        }
        out.push_sql(match muted {
            None => "",
            Some(true) => " AND l.muted_until IS NOT NULL AND l.muted_until > now()",
            Some(false) => " AND (l.muted_until IS NULL OR l.muted_until <= now())",
        });
        if let Some(archived) = archived {
            out.push_sql(if *archived { " AND " } else { " AND NOT " });
            self.push_archived(out.reborrow())?;
        }
        if assigned.is_some() || closed.is_some() {
            self.push_work(out.reborrow())?;
        }
        if !labels.ids.is_empty() {
            push!(out; r#" AND (SELECT count(*) FROM chat_labels c WHERE c."org_id" = "#, [Uuid] &self.org,
                " AND c.chat_key = l.chat_key AND c.label_id = ANY (", asked.labels, ")) = cardinality(", asked.labels, ")");
        }
        if let Some(name) = &self.name {
            push!(out; " AND (SELECT ");
            name.push_condition(out.reborrow())?;
            push!(out; r#" FROM chats c LEFT JOIN LATERAL (SELECT * FROM contacts WHERE "org_id" = "#, [Uuid] &self.org,
                r#" AND contacts.contact_id = c.chat_id OFFSET 0) p ON true WHERE c."org_id" = "#, [Uuid] &self.org,
                " AND c.chat_key = l.chat_key)");
        }
        Ok(())
    }

    /// Whether the session of the listed row `l` has archived the chat.
    fn push_archived<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if self.scope.is_all() {
            push!(out; r#"(SELECT h.archived FROM session_chats h WHERE h."org_id" = "#, [Uuid] &self.org,
                " AND h.session_id = l.session_id AND h.chat_key = l.chat_key)");
        } else {
            out.push_sql("l.archived");
        }
        Ok(())
    }

    /// The conditions of the chat's assignee, and whether it is closed.
    fn push_work<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; " AND (SELECT ");
        match &self.filter.assigned {
            Some(AssigneeFilter::Nobody) => out.push_sql("c.assignee IS NULL"),
            Some(AssigneeFilter::Member(key)) => push!(out; "c.assignee = ", [Text] key),
            None => out.push_sql("true"),
        }
        out.push_sql(match self.filter.closed {
            Some(true) => " AND c.closed_at IS NOT NULL",
            Some(false) => " AND c.closed_at IS NULL",
            None => "",
        });
        push!(out; r#" FROM chats c WHERE c."org_id" = "#, [Uuid] &self.org, " AND c.chat_key = l.chat_key)");
        Ok(())
    }
}
