//! What decides whether a login token is accepted: its organization, and the member with its email.

use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::schema::{members, orgs, removed_members};
use switchboard_core::ids::OrgId;
use switchboard_core::instant::Instant;

/// The organization and the member of a login token.
#[derive(Debug, Queryable)]
pub struct LoginRecord {
    /// When the organization was disabled.
    pub org_disabled_at: Option<Instant>,
    /// Tokens issued before this time are rejected.
    pub not_before: Option<Instant>,
    /// The role of the member; `None` when the organization has no such member.
    pub role: Option<String>,
    /// When a member with this email was removed, even if it was added again.
    pub removed_at: Option<Instant>,
}

impl LoginRecord {
    /// Whether the organization has revoked tokens issued then. A token without that time is revoked by any revocation.
    pub fn is_revoked(&self, issued_at: Option<Instant>) -> bool {
        self.not_before.is_some_and(|not_before| issued_at.is_none_or(|at| at < not_before))
    }
}

/// The record of an organization and a normalized email; `None` when the organization does not exist. One statement.
pub fn find(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<Option<LoginRecord>> {
    // diesel's joins own their bound values.
    let key = member_key.to_owned();
    let member = members::org_id.eq(orgs::org_id).and(members::member_key.eq(key.clone()));
    let removed = removed_members::org_id.eq(orgs::org_id).and(removed_members::member_key.eq(key));
    Ok(orgs::table
        .left_join(members::table.on(member))
        .left_join(removed_members::table.on(removed))
        .filter(orgs::org_id.eq(org))
        .select((
            orgs::disabled_at,
            orgs::logins_not_before,
            members::role.nullable(),
            removed_members::removed_at.nullable(),
        ))
        .first(connection)
        .optional()?)
}
