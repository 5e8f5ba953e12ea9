//! Views in statements about one organization.
//!
//! A distributed planner finds the node of a statement only when every table in it, also in subqueries, is compared with the
//! organization's value; the views compare them with each other.

use std::sync::LazyLock;

use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sql_types::Uuid;

use super::lists::push;
use super::routing;
use switchboard_core::ids::OrgId;

/// A view of which a statement reads the rows of one organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// `message_views`
    Messages,
    /// `event_views`
    Events,
}

/// The texts of the views between the values of `org_id`.
static MESSAGES: LazyLock<Vec<&str>> = LazyLock::new(|| parts(include_str!("views/message_views.sql")));
static EVENTS: LazyLock<Vec<&str>> = LazyLock::new(|| parts(include_str!("views/event_views.sql")));

impl View {
    /// Name, text, and the alias of the table whose rows it shows.
    fn definition(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Messages => ("message_views", &MESSAGES, "m"),
            Self::Events => ("event_views", &EVENTS, "e"),
        }
    }
}

/// `WITH`, before the first common table expression of a statement that reads the view.
pub(super) fn push_with<'b>(mut out: AstPass<'_, 'b, Pg>, org: &'b OrgId, view: View) -> QueryResult<()> {
    push!(out; "WITH ");
    if routing::is_by_org() {
        push_definition(out.reborrow(), org, view)?;
        push!(out; ", ");
    }
    Ok(())
}

/// The view with the organization's value, in place of the one in the database.
fn push_definition<'b>(mut out: AstPass<'_, 'b, Pg>, org: &'b OrgId, view: View) -> QueryResult<()> {
    let (name, parts, alias) = view.definition();
    push!(out; name, " AS NOT MATERIALIZED (");
    push_parts(out.reborrow(), org, parts)?;
    push!(out; " WHERE ", alias, r#"."org_id" = "#, [Uuid] org, ")");
    Ok(())
}

/// A statement that reads a view; see [`of_org`].
#[derive(QueryId)]
pub(super) struct OfOrg<S> {
    org: OrgId,
    view: View,
    statement: S,
}

/// A statement without common table expressions that reads rows of one organization from the view.
pub(super) fn of_org<S>(org: OrgId, view: View, statement: S) -> OfOrg<S> {
    OfOrg { org, view, statement }
}

impl<S: QueryFragment<Pg>> QueryFragment<Pg> for OfOrg<S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if routing::is_by_org() {
            push!(out; "WITH ");
            push_definition(out.reborrow(), &self.org, self.view)?;
            push!(out; " ");
        }
        self.statement.walk_ast(out)
    }
}

impl<S: Query> Query for OfOrg<S> {
    type SqlType = S::SqlType;
}

impl<S> RunQueryDsl<PgConnection> for OfOrg<S> {}

/// Pushes the text of a view with the organization's value.
pub(super) fn push_parts<'b>(
    mut out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    parts: &[&str],
) -> QueryResult<()> {
    let (last, parts) = parts.split_last().unwrap_or((&"", &[]));
    for part in parts {
        push!(out; part, [Uuid] org);
    }
    push!(out; last);
    Ok(())
}

/// Splits at every value that an `org_id` is compared with.
pub(super) fn parts(view: &'static str) -> Vec<&'static str> {
    const COMPARED: &str = ".org_id = ";
    let mut parts = Vec::new();
    let mut rest = view;
    while let Some(at) = rest.find(COMPARED) {
        let (part, value) = rest.split_at(at + COMPARED.len());
        parts.push(part);
        rest = value.trim_start_matches(|letter: char| letter.is_ascii_lowercase() || letter == '_');
        rest = rest.strip_prefix(".org_id").unwrap_or(rest);
    }
    parts.push(rest);
    parts
}
