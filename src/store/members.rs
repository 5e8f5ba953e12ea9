//! Members of organizations.

use diesel::prelude::*;

use super::chats::clock_timestamp;
use super::schema::{chat_access, chats, members};
use super::touch::touch_chats;
use super::{Connection, StoreResult};
use crate::ids::OrgId;
use crate::instant::Instant;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(diesel::pg::Pg))]
pub struct MemberRow {
    /// The email as it was given first.
    pub email: String,
    /// The person's name.
    pub name: Option<String>,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// When the member was added.
    pub created_at: Instant,
}

/// A member to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = members)]
pub struct NewMemberRow {
    /// The email in the form it is compared in.
    pub member_key: String,
    /// The email.
    pub email: String,
    /// The person's name.
    pub name: Option<String>,
    /// `owner`, `admin` or `member`.
    pub role: &'static str,
}

/// What changes of a member: what is not `None`.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = members)]
pub struct MemberChanges {
    /// The person's name; `Some(None)` removes it.
    pub name: Option<Option<String>>,
    /// `owner`, `admin` or `member`.
    pub role: Option<&'static str>,
}

/// Inserts a member; `None` when there is one with that key.
pub fn insert(connection: &mut Connection, org: OrgId, row: &NewMemberRow) -> StoreResult<Option<MemberRow>> {
    Ok(diesel::insert_into(members::table)
        .values((members::org_id.eq(org), row))
        .on_conflict((members::org_id, members::member_key))
        .do_nothing()
        .returning(MemberRow::as_returning())
        .get_result(connection)
        .optional()?)
}

/// The member with that key, locked until the transaction ends: nothing can be assigned to it meanwhile.
pub fn lock(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<Option<MemberRow>> {
    Ok(members::table
        .filter(members::org_id.eq(org))
        .filter(members::member_key.eq(member_key))
        .select(MemberRow::as_select())
        .for_update()
        .first(connection)
        .optional()?)
}

/// Whether the organization has an owner beside the member with that key.
pub fn has_other_owner(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<bool> {
    let others = members::table
        .filter(members::org_id.eq(org))
        .filter(members::role.eq("owner"))
        .filter(members::member_key.ne(member_key));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(connection)?)
}

/// Changes the member with that key, which is there. At least one thing changes.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    member_key: &str,
    changes: &MemberChanges,
) -> StoreResult<MemberRow> {
    let member = members::table.filter(members::org_id.eq(org)).filter(members::member_key.eq(member_key));
    Ok(diesel::update(member).set(changes).returning(MemberRow::as_returning()).get_result(connection)?)
}

/// The organization's members, by email.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<MemberRow>> {
    Ok(members::table
        .filter(members::org_id.eq(org))
        .order(members::member_key)
        .select(MemberRow::as_select())
        .load(connection)?)
}

/// At most that many of the organization's members, by key: those after that one.
pub fn page(connection: &mut Connection, org: OrgId, after: &str, limit: i64) -> StoreResult<Vec<MemberRow>> {
    Ok(members::table
        .filter(members::org_id.eq(org))
        .filter(members::member_key.gt(after))
        .order(members::member_key)
        .limit(limit)
        .select(MemberRow::as_select())
        .load(connection)?)
}

/// Deletes the member with that key, whom [`lock`] has locked. Chats assigned to it become unassigned, access to chats is
/// forgotten, and both kinds of chats have changed now.
pub fn delete(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<()> {
    let assigned = chats::table.filter(chats::org_id.eq(org)).filter(chats::assignee.eq(member_key));
    diesel::update(assigned)
        .set((chats::assignee.eq(None::<String>), chats::updated_at.eq(clock_timestamp())))
        .execute(connection)?;
    let open = chat_access::table
        .filter(chat_access::org_id.eq(org))
        .filter(chat_access::member_key.eq(member_key))
        .select(chat_access::chat_key);
    touch_chats!(connection, org, open)?;
    let member = members::table.filter(members::org_id.eq(org)).filter(members::member_key.eq(member_key));
    // Cascades to chat_access.
    diesel::delete(member).execute(connection)?;
    Ok(())
}
