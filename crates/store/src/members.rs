//! Members of organizations.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::org_rows::{org_rows, page_after};
use super::schema::{members, removed_members};
use super::transaction::Transaction;
use super::{chat_access, chats};
use switchboard_core::config::Quota;
use switchboard_core::ids::OrgId;
use switchboard_core::instant::Instant;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of members, documented in the migrations
pub struct MemberRow {
    pub email: String,
    pub name: Option<String>,
    pub role: String,
    pub created_at: Instant,
}

/// A member to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = members)]
#[allow(missing_docs)] // columns of members, documented in the migrations
pub struct NewMemberRow {
    pub member_key: String,
    pub email: String,
    pub name: Option<String>,
    pub role: &'static str,
}

/// Changes of a member; `None` keeps a column.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = members)]
pub struct MemberChanges {
    /// The person's name; `Some(None)` removes it.
    pub name: Option<Option<String>>,
    /// `owner`, `admin` or `member`.
    pub role: Option<&'static str>,
}

/// Inserts a member; `None` when the key exists.
pub fn insert(tx: &mut Transaction<'_>, org: OrgId, row: &NewMemberRow) -> StoreResult<Option<MemberRow>> {
    tx.added(Quota::Members);
    let connection: &mut Connection = tx;
    Ok(diesel::insert_into(members::table)
        .values((members::org_id.eq(org), row))
        .on_conflict((members::org_id, members::member_key))
        .do_nothing()
        .returning(MemberRow::as_returning())
        .get_result(connection)
        .optional()?)
}

/// Locks the member FOR UPDATE, so that nothing is assigned to it until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<Option<MemberRow>> {
    let found = org_rows!(members, org, member_key = member_key).select(MemberRow::as_select());
    Ok(found.for_update().first(connection).optional()?)
}

/// Returns those of the keys that exist, and prevents the deletion of these members until the transaction ends.
pub fn lock_existing(
    connection: &mut Connection,
    org: OrgId,
    member_keys: &[&str],
) -> StoreResult<BTreeSet<String>> {
    let found: Vec<String> = org_rows!(members, org)
        .filter(members::member_key.eq_any(member_keys))
        .order(members::member_key)
        .select(members::member_key)
        .for_key_share()
        .load(connection)?;
    Ok(found.into_iter().collect())
}

/// Whether the organization has another owner than that member.
pub fn has_other_owner(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<bool> {
    let others = org_rows!(members, org, role = "owner").filter(members::member_key.ne(member_key));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(connection)?)
}

/// Updates an existing member. `changes` must not be empty.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    member_key: &str,
    changes: &MemberChanges,
) -> StoreResult<MemberRow> {
    let member = org_rows!(members, org, member_key = member_key);
    Ok(diesel::update(member).set(changes).returning(MemberRow::as_returning()).get_result(connection)?)
}

/// The organization's members, ordered by key.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<MemberRow>> {
    let all = org_rows!(members, org).order(members::member_key);
    Ok(all.select(MemberRow::as_select()).load(connection)?)
}

/// Up to `limit` members, ordered by key, after the key `after`.
pub fn page(connection: &mut Connection, org: OrgId, after: &str, limit: i64) -> StoreResult<Vec<MemberRow>> {
    let page = page_after!(members, org, member_key, after, limit).select(MemberRow::as_select());
    Ok(page.load(connection)?)
}

/// Deletes a member that [`lock`] has locked: unassigns its chats, removes its access, and touches these chats. Its login
/// tokens are rejected from now on.
pub fn delete(tx: &mut Transaction<'_>, member_key: &str, email: &str) -> StoreResult<()> {
    chats::unassign(tx, member_key, email)?;
    chat_access::remove_member(tx, member_key)?;
    let org = tx.org();
    diesel::delete(org_rows!(members, org, member_key = member_key)).execute(&mut **tx)?;
    diesel::insert_into(removed_members::table)
        .values((removed_members::org_id.eq(org), removed_members::member_key.eq(member_key)))
        .on_conflict_do_nothing()
        .execute(&mut **tx)?;
    Ok(())
}
