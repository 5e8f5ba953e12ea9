//! The view `chat_views` as a part of statements about one organization.

use std::sync::LazyLock;

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::Uuid;

use super::lists::push;
use super::org_views::{self, parts};
use switchboard_core::ids::OrgId;

/// The view's text between the values of `org_id`.
static PARTS: LazyLock<Vec<&str>> = LazyLock::new(|| parts(VIEW));
const VIEW: &str = include_str!("views/chat_views.sql");

/// The same with at most 100 members a chat, by contact id: a list of large groups would take too much memory.
static LISTED_PARTS: LazyLock<Vec<&str>> = LazyLock::new(|| parts(&LISTED_VIEW));
static LISTED_VIEW: LazyLock<String> = LazyLock::new(|| VIEW.replace("LIMIT 8192", "LIMIT 100"));

/// `LATERAL (…) chat_views`: the chat whose key that expression is.
pub(super) fn push_chat_view<'b>(
    out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    chat_key: &str,
) -> QueryResult<()> {
    push_lateral(out, org, chat_key, &PARTS)
}

/// [`push_chat_view`] with the first 100 of its members.
pub(super) fn push_listed_chat_view<'b>(
    out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    chat_key: &str,
) -> QueryResult<()> {
    push_lateral(out, org, chat_key, &LISTED_PARTS)
}

fn push_lateral<'b>(
    mut out: AstPass<'_, 'b, Pg>,
    org: &'b OrgId,
    chat_key: &str,
    parts: &[&str],
) -> QueryResult<()> {
    push!(out; "LATERAL (");
    org_views::push_parts(out.reborrow(), org, parts)?;
    push!(out; " WHERE c.chat_key = ", chat_key, r#" AND c."org_id" = "#, [Uuid] org, " OFFSET 0) chat_views");
    Ok(())
}
