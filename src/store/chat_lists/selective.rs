//! Filters that few chats may pass, which have an index of their own.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text, Uuid};

use super::filter::{AssigneeFilter, ChatFilter, LabelFilter};
use crate::ids::OrgId;
use crate::store::lists::push;

/// A label or an assignee that fewer chats have is read from those chats, any other from the list.
const RARE: i64 = 2000;

/// A filter that few chats may pass.
#[derive(Clone, Copy)]
pub(super) enum Selective<'a> {
    Label(&'a LabelFilter),
    Assignee(&'a String),
}

impl<'a> Selective<'a> {
    pub(super) fn of(filter: &'a ChatFilter) -> Option<Self> {
        match (&filter.label, &filter.assigned) {
            (Some(label), _) => Some(Self::Label(label)),
            (None, Some(AssigneeFilter::Member(key))) => Some(Self::Assignee(key)),
            (None, Some(AssigneeFilter::Nobody) | None) => None,
        }
    }

    /// The keys of the chats that pass it, as `selected`. The labels are in `labels`.
    pub(super) fn push_keys(
        self,
        mut out: AstPass<'_, 'a, Pg>,
        org: &'a OrgId,
        labels: &str,
    ) -> QueryResult<()> {
        match self {
            Self::Label(_) => {
                push!(out; r#"(SELECT DISTINCT chat_key FROM chat_labels WHERE "org_id" = "#, [Uuid] org,
                    " AND label_id = ANY (", labels, ")) selected");
            }
            Self::Assignee(key) => {
                push!(out; r#"(SELECT chat_key FROM chats WHERE "org_id" = "#, [Uuid] org,
                    " AND assignee = ", [Text] key, ") selected");
            }
        }
        Ok(())
    }

    /// Joins the labels that are asked for, and whether few chats pass it.
    pub(super) fn push_rarity(self, mut out: AstPass<'_, 'a, Pg>, org: &'a OrgId) -> QueryResult<()> {
        if let Self::Label(LabelFilter { id, key }) = self {
            push!(out; r#" CROSS JOIN LATERAL (SELECT ARRAY(SELECT label_id FROM labels WHERE "org_id" = "#, [Uuid] org,
                " AND (label_id = ", [Text] id, " OR label_key = ", [Text] key, ")) AS labels) asked");
        }
        push!(out; " CROSS JOIN LATERAL (SELECT count(*) < ", [BigInt] &RARE, " AS is_rare FROM (SELECT FROM ");
        match self {
            Self::Label(_) => {
                push!(out; r#"chat_labels WHERE "org_id" = "#, [Uuid] org, " AND label_id = ANY (asked.labels)");
            }
            Self::Assignee(key) => {
                push!(out; r#"chats WHERE "org_id" = "#, [Uuid] org, " AND assignee = ", [Text] key);
            }
        }
        push!(out; " LIMIT ", [BigInt] &RARE, ") first) of_filter");
        Ok(())
    }
}
