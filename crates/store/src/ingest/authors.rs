//! Statements of ingest for messages whose persons become known by other addresses.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::messages::{MessageKey, message_key};
use super::session_chats::SessionChatKey;
use crate::bulk::{has_key_of, update_rows};
use crate::connection::{Connection, StoreResult};
use crate::schema::{messages, person_links};
use switchboard_core::ids::{ChatAddress, OrgId};

/// The messages of these authors that their new addresses have, too.
pub fn duplicates_by_author(
    connection: &mut Connection,
    org: OrgId,
    renamed: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<Vec<MessageKey>> {
    let kept = diesel::alias!(messages as kept_messages);
    let same_message = kept
        .field(messages::org_id)
        .eq(messages::org_id)
        .and(kept.field(messages::session_id).eq(messages::session_id))
        .and(kept.field(messages::chat_key).eq(messages::chat_key))
        .and(kept.field(messages::message_id).eq(messages::message_id))
        .and(kept.field(messages::from_me).eq(false))
        .and(kept.field(messages::author).eq(person_links::person));
    let person = person_links::org_id.eq(messages::org_id).and(person_links::address.eq(messages::author));
    Ok(messages::table
        .inner_join(person_links::table.on(person))
        .inner_join(kept.on(same_message))
        .filter(has_key_of!(org, messages, renamed, |pair| { author: pair.0.as_str() }))
        .filter(messages::author.ne(""))
        .select(message_key!())
        .load(connection)?)
}

/// Makes answers look up the persons of those messages of these chats that name one of these addresses.
pub fn mark_linked(
    connection: &mut Connection,
    org: OrgId,
    chats: &[SessionChatKey],
    addresses: &[&ChatAddress],
) -> StoreResult<()> {
    let names: Vec<&str> = addresses.iter().map(|address| address.as_str()).collect();
    let has_receipt =
        |list: &'static str| messages::delivery.retrieve_as_object(list).has_any_key(names.clone());
    let is_named = messages::sender
        .eq_any(&names)
        .or(messages::details.retrieve_as_text("author").eq_any(&names))
        .or(messages::details.retrieve_as_object("mentioned_ids").has_any_key(names.clone()))
        .or(messages::reactions.has_any_key(names.clone()))
        .or(has_receipt("delivered"))
        .or(has_receipt("read"))
        .or(has_receipt("pending"));
    let of_chats = has_key_of!(org, messages, chats, |chat| {
        session_id: chat.session,
        chat_key: chat.chat_key,
    });
    diesel::update(messages::table.filter(of_chats).filter(messages::has_links.eq(false)).filter(is_named))
        .set(messages::has_links.eq(true))
        .execute(connection)?;
    Ok(())
}

/// Replaces the authors of messages; none is stored under the new address, too.
pub fn rename_authors(
    connection: &mut Connection,
    org: OrgId,
    renamed: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    let keys: Vec<MessageKey> = messages::table
        .filter(has_key_of!(org, messages, renamed, |pair| { author: pair.0.as_str() }))
        .filter(messages::author.ne(""))
        .select(message_key!())
        .load(connection)?;
    let persons: BTreeMap<&str, &str> =
        renamed.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let update = update_rows!(org, messages, keys, |key| {
        session_id: key.chat.session,
        chat_key: key.chat.chat_key,
        message_id: key.id.as_str(),
        from_me: key.from_me,
        author: key.author.as_str(),
    } set {
        author: persons[&*key.author],
        // Their senders still have the former addresses.
        has_links: true,
    });
    update.execute(connection)?;
    Ok(())
}
