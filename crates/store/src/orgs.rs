//! Organizations.

use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::schema::orgs;
use switchboard_core::ids::OrgId;
use switchboard_core::instant::Instant;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = orgs, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of orgs, documented in the migrations
pub struct OrgRow {
    pub org_id: OrgId,
    pub name: String,
    pub disabled_at: Option<Instant>,
    pub created_at: Instant,
}

/// Inserts an organization; `false` when the id exists.
pub fn insert(connection: &mut Connection, org: OrgId, name: &str) -> StoreResult<bool> {
    let inserted = diesel::insert_into(orgs::table)
        .values((orgs::org_id.eq(org), orgs::name.eq(name)))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(inserted == 1)
}

/// All organizations, oldest first.
pub fn list(connection: &mut Connection) -> StoreResult<Vec<OrgRow>> {
    Ok(orgs::table.order((orgs::created_at, orgs::org_id)).select(OrgRow::as_select()).load(connection)?)
}

/// Whether the organization exists.
pub fn exists(connection: &mut Connection, org: OrgId) -> StoreResult<bool> {
    Ok(diesel::select(diesel::dsl::exists(orgs::table.find(org))).get_result(connection)?)
}

/// Locks the organization FOR NO KEY UPDATE; `false` when it does not exist.
pub fn lock(connection: &mut Connection, org: OrgId) -> StoreResult<bool> {
    let found = orgs::table.find(org).select(orgs::org_id).for_no_key_update();
    Ok(found.first::<OrgId>(connection).optional()?.is_some())
}

/// Disables or enables an organization; `disabled_at` of a disabled one is kept. `false` when it does not exist.
pub fn set_disabled(connection: &mut Connection, org: OrgId, disabled: bool) -> StoreResult<bool> {
    let found = orgs::table.find(org).for_update().select(orgs::disabled_at);
    let Some(disabled_at) = found.first::<Option<Instant>>(connection).optional()? else { return Ok(false) };
    if disabled_at.is_some() != disabled {
        let disabled_at = disabled.then(Instant::now);
        diesel::update(orgs::table.find(org)).set(orgs::disabled_at.eq(disabled_at)).execute(connection)?;
    }
    Ok(true)
}

/// Rejects login tokens issued before that time; `false` when the organization does not exist.
pub fn set_logins_not_before(connection: &mut Connection, org: OrgId, time: Instant) -> StoreResult<bool> {
    let update = diesel::update(orgs::table.find(org)).set(orgs::logins_not_before.eq(time));
    Ok(update.execute(connection)? == 1)
}
