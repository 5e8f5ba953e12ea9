//! Names and pictures: a chat shows those of its contact, and its own only when the contact has none.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::bulk::has_key_of;
use crate::connection::{Connection, StoreResult};
use crate::events::FieldChanges;
use crate::schema::{chats, contacts};
use switchboard_core::ids::{ChatAddress, OrgId};

/// The name and picture of a contact, or a chat's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable)]
pub(super) struct Look {
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
}

impl Look {
    /// What a chat shows whose contact has this name and picture.
    fn over<'a>(&'a self, chat: &'a Self) -> [Option<&'a str>; 2] {
        [self.name.as_deref().or(chat.name.as_deref()), self.image.as_deref().or(chat.image.as_deref())]
    }
}

/// The changes of the shown name and picture, from the contact's and the chat's own.
pub(super) fn changes(before: (&Look, &Look), after: (&Look, &Look)) -> FieldChanges {
    let ([name, image], [new_name, new_image]) = (before.0.over(before.1), after.0.over(after.1));
    FieldChanges::default().field("name", &name, &new_name).field("image", &image, &new_image)
}

/// The names and pictures of these contacts.
pub(super) fn of_contacts(
    connection: &mut Connection,
    org: OrgId,
    ids: &[&ChatAddress],
) -> StoreResult<BTreeMap<ChatAddress, Look>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(ChatAddress, Look)> = contacts::table
        .filter(has_key_of!(org, contacts, ids, |id| { contact_id: id.as_str() }))
        .select((contacts::contact_id, (contacts::name, contacts::image)))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// The chats of these contacts, with their own names and pictures.
pub(super) fn of_chats(
    connection: &mut Connection,
    org: OrgId,
    contacts: &[&ChatAddress],
) -> StoreResult<Vec<(i64, ChatAddress, Look)>> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    Ok(chats::table
        .filter(has_key_of!(org, chats, contacts, |id| { chat_id: id.as_str() }))
        .order(chats::chat_key)
        .select((chats::chat_key, chats::chat_id, (chats::name, chats::image)))
        .load(connection)?)
}
