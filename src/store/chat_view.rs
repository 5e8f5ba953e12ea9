//! The view `chat_views` as a part of statements about one organization.

use std::sync::LazyLock;

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::Uuid;

use super::lists::push;
use crate::ids::OrgId;

/// The view's text between the values of `org_id`. A distributed planner finds the node of a statement only when every table in
/// it, also in subqueries, is compared with the organization's value; the view compares them with each other.
static PARTS: LazyLock<Vec<&str>> = LazyLock::new(|| parts(VIEW));
const VIEW: &str = include_str!("views/chat_views.sql");

/// The same with at most 100 members a chat, by contact id: a list of large groups would take too much memory.
static LISTED_PARTS: LazyLock<Vec<&str>> = LazyLock::new(|| parts(&LISTED_VIEW));
static LISTED_VIEW: LazyLock<String> =
    LazyLock::new(|| VIEW.replace(") AS members,", "ORDER BY cm.contact_id LIMIT 100) AS members,"));

/// `LATERAL (…) chat_views`: the chat whose key that expression is.
pub(super) fn push_chat_view<'b>(
    out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    chat_key: &str,
) -> QueryResult<()> {
    push_parts(out, org, chat_key, &PARTS)
}

/// [`push_chat_view`] with the first 100 of its members.
pub(super) fn push_listed_chat_view<'b>(
    out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    chat_key: &str,
) -> QueryResult<()> {
    push_parts(out, org, chat_key, &LISTED_PARTS)
}

fn push_parts<'b>(
    mut out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    chat_key: &str,
    parts: &[&str],
) -> QueryResult<()> {
    push!(out; "LATERAL (");
    let (last, parts) = parts.split_last().unwrap_or((&"", &[]));
    for part in parts {
        push!(out; part, [Uuid] org);
    }
    push!(out; last, " WHERE c.chat_key = ", chat_key, r#" AND c."org_id" = "#, [Uuid] org, " OFFSET 0) chat_views");
    Ok(())
}

/// Splits at every value that an `org_id` is compared with.
fn parts(view: &'static str) -> Vec<&'static str> {
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
