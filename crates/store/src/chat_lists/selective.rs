//! Filters that few chats may pass, which have an index of their own.
//!
//! The planner cannot estimate which way is cheaper. Chats that pass a rare filter are looked up by it and sorted; without a rare
//! one, they are found soon by reading the list in order.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Text, Uuid};

use super::filter::{AssigneeFilter, ChatFilter};
use crate::lists::push;
use crate::name_part::NamePart;
use switchboard_core::ids::OrgId;

/// A filter that fewer chats pass is rare.
const RARE: &str = "2000";

/// A filter that few chats may pass.
#[derive(Clone, Copy)]
pub(crate) enum Selective<'a> {
    /// The label of those asked for that the fewest chats have.
    Label,
    /// The assignee, and whether the chat is closed.
    Work(Option<&'a AssigneeFilter>, Option<bool>),
    /// A part of the name or the number.
    Name(&'a NamePart),
    /// Archived by a session.
    Archived,
}

/// The constants by which statements name the index of a filter.
const DRIVERS: [&str; 4] = ["0", "1", "2", "3"];

/// Names of the columns of the labels that are asked for, and of the rarest of them.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(super) labels: &'static str,
    pub(super) rarest: &'static str,
}

/// In the row `list`, which has the columns that [`push_driver`] joins.
pub(crate) const LISTED: Asked = Asked { labels: "list.labels", rarest: "list.rarest" };

/// Beside the query that [`push_driver`] joins them to.
pub(super) const BESIDE: Asked = Asked { labels: "asked.labels", rarest: "of_labels.rarest" };

impl<'a> Selective<'a> {
    /// Those of a filter, each with its `driver`. Archived chats are none where an index has them in the order of the list.
    pub(super) fn all(
        filter: &'a ChatFilter,
        name: Option<&'a NamePart>,
        archived_is_ordered: bool,
    ) -> Vec<(&'static str, Self)> {
        let ChatFilter { labels, assigned, closed, archived, .. } = filter;
        let work = assigned.is_some() || closed.is_some();
        let all = [
            (!labels.ids.is_empty()).then_some(Self::Label),
            work.then_some(Self::Work(assigned.as_ref(), *closed)),
            name.map(Self::Name),
            (*archived == Some(true) && !archived_is_ordered).then_some(Self::Archived),
        ];
        DRIVERS.into_iter().zip(all.into_iter().flatten()).collect()
    }

    /// A query of the column `chat_key`: the chats that pass it, some maybe twice.
    pub(super) fn push_keys(
        self,
        mut out: AstPass<'_, 'a, Pg>,
        org: &'a OrgId,
        asked: Asked,
    ) -> QueryResult<()> {
        match self {
            Self::Label => {
                push!(out; r#"SELECT chat_key FROM chat_labels WHERE "org_id" = "#, [Uuid] org, " AND label_id = ", asked.rarest);
            }
            Self::Work(assigned, closed) => {
                push!(out; r#"SELECT chat_key FROM chats WHERE "org_id" = "#, [Uuid] org);
                match assigned {
                    Some(AssigneeFilter::Nobody) => out.push_sql(" AND assignee IS NULL"),
                    Some(AssigneeFilter::Member(key)) => push!(out; " AND assignee = ", [Text] key),
                    None => {}
                }
                out.push_sql(match closed {
                    Some(true) => " AND closed_at IS NOT NULL",
                    Some(false) => " AND closed_at IS NULL",
                    None => "",
                });
            }
            Self::Name(name) => name.push_found(out)?,
            Self::Archived => {
                push!(out; r#"SELECT h.chat_key FROM sessions s CROSS JOIN LATERAL (SELECT h.chat_key FROM session_chats h
                    WHERE h."org_id" = "#, [Uuid] org, r#" AND h.session_id = s.session_id AND h.archived OFFSET 0) h
                    WHERE s."org_id" = "#, [Uuid] org);
            }
        }
        Ok(())
    }

    /// A query of at least as many rows as chats pass it.
    fn push_candidates(self, out: AstPass<'_, 'a, Pg>, org: &'a OrgId, asked: Asked) -> QueryResult<()> {
        match self {
            Self::Name(name) => name.push_matches(out),
            Self::Label | Self::Work(..) | Self::Archived => self.push_keys(out, org, asked),
        }
    }
}

/// Joins the labels that are asked for, as `asked` and `of_labels`, and the `driver`: the first rare filter, or null.
pub(super) fn push_driver<'a>(
    all: &[(&'static str, Selective<'a>)],
    filter: &'a ChatFilter,
    mut out: AstPass<'_, 'a, Pg>,
    org: &'a OrgId,
) -> QueryResult<()> {
    if !filter.labels.ids.is_empty() {
        // A missing label is an empty id, which no chat has.
        push!(out; r#" CROSS JOIN LATERAL (SELECT ARRAY(SELECT DISTINCT coalesce((SELECT label_id FROM labels WHERE "org_id" = "#,
            [Uuid] org, " AND (label_id = w.id OR label_key = w.key) LIMIT 1), '') FROM unnest(", [Array<Text>] &filter.labels.ids,
            ", ", [Array<Text>] &filter.labels.keys, r#") w (id, key)) AS labels) asked
            CROSS JOIN LATERAL (SELECT w.id AS rarest FROM unnest(asked.labels) w (id) CROSS JOIN LATERAL (
                SELECT count(*) FROM (SELECT FROM chat_labels WHERE "org_id" = "#, [Uuid] org, " AND label_id = w.id LIMIT ", RARE,
            ") few) n ORDER BY n.count LIMIT 1) of_labels");
    }
    if !all.is_empty() {
        push!(out; " CROSS JOIN LATERAL (SELECT CASE");
        for (driver, selective) in all {
            push!(out; " WHEN (SELECT count(*) FROM (SELECT FROM (");
            selective.push_candidates(out.reborrow(), org, BESIDE)?;
            push!(out; ") candidates LIMIT ", RARE, ") few) < ", RARE, " THEN ", driver);
        }
        push!(out; " END AS driver) of_filter");
    }
    Ok(())
}
