//! Changes of many chats at once: a statement each, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Uuid};
use diesel::upsert::excluded;

use super::chats::clock_timestamp;
use super::ingest::bulk::{array, texts, unnest};
use super::lists::SessionScope;
use super::schema::{chat_access, chat_addresses, chat_labels, chats, members, session_chats, sessions};
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, LabelId, OrgId, PhoneSelector, SessionId};

/// Which chat each address leads to, as far as those numbers hold it; `None` when the selected one is not there.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[ChatAddress],
    reach: &SessionScope,
) -> StoreResult<Option<BTreeMap<ChatAddress, i64>>> {
    let sessions = match &reach.number {
        None => reach.sessions.as_deref().map(<[SessionId]>::to_vec),
        Some(number) => match session(connection, org, number)? {
            Some(session) if reach.sessions.as_ref().is_none_or(|some| some.contains(&session)) => {
                Some(vec![session])
            }
            _ => return Ok(None),
        },
    };
    let found = chat_addresses::table
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq_any(addresses))
        .select((chat_addresses::address, chat_addresses::chat_key))
        .into_boxed::<Pg>();
    let held = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq(chat_addresses::chat_key));
    let found = match sessions {
        None => found,
        Some(some) => found.filter(exists(held.filter(session_chats::session_id.eq_any(some)))),
    };
    let found: Vec<(ChatAddress, i64)> = found.load(connection)?;
    Ok(Some(found.into_iter().collect()))
}

/// The session of that number.
fn session(
    connection: &mut Connection,
    org: OrgId,
    number: &PhoneSelector,
) -> StoreResult<Option<SessionId>> {
    let selected = sessions::table.filter(sessions::org_id.eq(org)).select(sessions::session_id);
    let session = match number {
        PhoneSelector::Phone(phone) => selected.filter(sessions::phone.eq(phone)).first(connection),
        PhoneSelector::PhoneId(id) => selected.filter(sessions::phone_id.eq(id)).first(connection),
    };
    Ok(session.optional()?)
}

/// Locks the chats against other changes of what the organization attached to them, in the order in which everybody
/// does. Says how many there still are.
pub fn lock(connection: &mut Connection, org: OrgId, keys: &BTreeSet<i64>) -> StoreResult<usize> {
    let keys: Vec<i64> = keys.iter().copied().collect();
    let locked: Vec<i64> = chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.eq_any(keys))
        .order(chats::chat_key)
        .select(chats::chat_key)
        .for_no_key_update()
        .load(connection)?;
    Ok(locked.len())
}

/// Gives the chats these labels and no others. Answers the chats that changed.
pub fn replace_labels(
    connection: &mut Connection,
    org: OrgId,
    keys: &BTreeSet<i64>,
    label_ids: &[LabelId],
) -> StoreResult<BTreeSet<i64>> {
    let others = chat_labels::table
        .filter(chat_labels::org_id.eq(org))
        .filter(chat_labels::chat_key.eq_any(keys.iter().copied().collect::<Vec<_>>()))
        .filter(chat_labels::label_id.ne_all(label_ids));
    let removed: Vec<i64> =
        diesel::delete(others).returning(chat_labels::chat_key).get_results(connection)?;
    let pairs = keys.iter().flat_map(|key| label_ids.iter().map(move |id| (*key, id.as_str())));
    let (chat_keys, ids): (Vec<i64>, Vec<&str>) = pairs.unzip();
    let added: Vec<i64> =
        diesel::select((org.into_sql::<Uuid>(), unnest(array::<BigInt, _>(chat_keys)), unnest(texts(ids))))
            .insert_into(chat_labels::table)
            .into_columns((chat_labels::org_id, chat_labels::chat_key, chat_labels::label_id))
            .on_conflict_do_nothing()
            .returning(chat_labels::chat_key)
            .get_results(connection)?;
    Ok(removed.into_iter().chain(added).collect())
}

/// Which of these are members. Their rows are kept from being deleted until the transaction ends.
pub fn hold_members(
    connection: &mut Connection,
    org: OrgId,
    member_keys: &[&str],
) -> StoreResult<BTreeSet<String>> {
    let held: Vec<String> = members::table
        .filter(members::org_id.eq(org))
        .filter(members::member_key.eq_any(member_keys))
        .order(members::member_key)
        .select(members::member_key)
        .for_key_share()
        .load(connection)?;
    Ok(held.into_iter().collect())
}

/// Says whom the chats are open to; what is said of others goes when it is replaced. Answers the chats that changed.
pub fn set_access(
    connection: &mut Connection,
    org: OrgId,
    keys: &BTreeSet<i64>,
    access: &[(&str, bool)],
    replace: bool,
) -> StoreResult<BTreeSet<i64>> {
    let mut changed = BTreeSet::new();
    if replace {
        let named: Vec<&str> = access.iter().map(|(member, _)| *member).collect();
        let others = chat_access::table
            .filter(chat_access::org_id.eq(org))
            .filter(chat_access::chat_key.eq_any(keys.iter().copied().collect::<Vec<_>>()))
            .filter(chat_access::member_key.ne_all(named));
        let removed: Vec<i64> =
            diesel::delete(others).returning(chat_access::chat_key).get_results(connection)?;
        changed.extend(removed);
    }
    let rows = || keys.iter().flat_map(|key| access.iter().map(move |access| (*key, access)));
    let upsert = diesel::select((
        org.into_sql::<Uuid>(),
        unnest(array::<BigInt, _>(rows().map(|(key, _)| key).collect::<Vec<_>>())),
        unnest(texts(rows().map(|(_, (member, _))| *member).collect::<Vec<_>>())),
        unnest(array::<Bool, _>(rows().map(|(_, (_, allowed))| *allowed).collect::<Vec<_>>())),
    ))
    .insert_into(chat_access::table)
    .into_columns((chat_access::org_id, chat_access::chat_key, chat_access::member_key, chat_access::allowed))
    .on_conflict((chat_access::org_id, chat_access::chat_key, chat_access::member_key))
    .do_update()
    .set(chat_access::allowed.eq(excluded(chat_access::allowed)));
    // Not `QueryDsl`, which has no `filter` for an upsert.
    let upsert = diesel::query_dsl::methods::FilterDsl::filter(
        upsert,
        chat_access::allowed.ne(excluded(chat_access::allowed)),
    );
    let written: Vec<i64> = upsert.returning(chat_access::chat_key).get_results(connection)?;
    changed.extend(written);
    Ok(changed)
}

/// Stores that the chats changed now.
pub fn touch(connection: &mut Connection, org: OrgId, keys: &BTreeSet<i64>) -> StoreResult<()> {
    let keys: Vec<i64> = keys.iter().copied().collect();
    let changed = chats::table.filter(chats::org_id.eq(org)).filter(chats::chat_key.eq_any(keys));
    diesel::update(changed).set(chats::updated_at.eq(clock_timestamp())).execute(connection)?;
    Ok(())
}
