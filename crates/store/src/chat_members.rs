//! The members of groups.

use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::org_rows::org_rows;
use super::schema::{chat_addresses, chat_members};
use switchboard_core::ids::{ChatAddress, OrgId};

/// The contact ids of a group's members in their order, at most that many.
pub fn contact_ids(
    connection: &mut Connection,
    org: OrgId,
    group: &ChatAddress,
    limit: i64,
) -> StoreResult<Vec<String>> {
    let chat = org_rows!(chat_addresses, org, address = group).select(chat_addresses::chat_key);
    let members = org_rows!(chat_members, org).filter(chat_members::chat_key.eq_any(chat));
    let ids = members.order(chat_members::contact_id).limit(limit).select(chat_members::contact_id);
    Ok(ids.load(connection)?)
}
