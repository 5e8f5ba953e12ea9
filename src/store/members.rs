//! Members of organizations.

use diesel::prelude::*;

use super::schema::members;
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

/// What changes of a member that exists: what is not `None`.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = members)]
pub struct MemberChanges {
    /// The person's name.
    pub name: Option<String>,
    /// `owner`, `admin` or `member`.
    pub role: Option<&'static str>,
}

/// Inserts a member, or changes the one with that key.
pub fn upsert(
    connection: &mut Connection,
    org: OrgId,
    row: &NewMemberRow,
    changes: &MemberChanges,
) -> StoreResult<()> {
    let insert = diesel::insert_into(members::table)
        .values((members::org_id.eq(org), row))
        .on_conflict((members::org_id, members::member_key));
    if changes.name.is_none() && changes.role.is_none() {
        insert.do_nothing().execute(connection)?;
    } else {
        insert.do_update().set(changes).execute(connection)?;
    }
    Ok(())
}

/// The organization's members, by email.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<MemberRow>> {
    Ok(members::table
        .filter(members::org_id.eq(org))
        .order(members::member_key)
        .select(MemberRow::as_select())
        .load(connection)?)
}

/// Deletes a member; `false` when there is none with that key.
pub fn delete(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<bool> {
    Ok(diesel::delete(members::table.find((org, member_key))).execute(connection)? == 1)
}
