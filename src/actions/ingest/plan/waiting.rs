//! Which message an update is about, and updates that wait for theirs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::chats::Chats;
use super::context::Context;
use super::session_chats::SessionChats;
use crate::actions::ingest::change::{Change, MemberChange, Membership, MessageReference};
use crate::actions::ingest::message_state::Update;
use crate::ids::{AddressKind, ChatAddress, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Awaited, MessageKey, WaitingUpdate};
use crate::store::{StoreResult, Transaction};

const ME: &str = "me";
const OTHERS: &str = "others";

/// What a reference says about the sender: see `waiting_updates.sender`.
///
/// In a chat with one person every author other than the session is that person, by any address.
pub(super) fn sender(session: SessionId, reference: &MessageReference, context: &Context<'_>) -> String {
    let is_group = reference.chat.kind() == AddressKind::Group;
    let sender = match (reference.from_me, &reference.author) {
        (Some(true), _) => ME,
        (None, Some(author)) if context.is_own(session, author) => ME,
        (_, Some(author)) if is_group => context.canonical(author).as_str(),
        (Some(false), _) | (None, Some(_)) => OTHERS,
        (None, None) => "",
    };
    sender.to_owned()
}

/// The stored message that an update is about.
pub(super) enum Target {
    None,
    One(MessageKey),
    /// The update does not say which.
    Several,
}

/// The one among the messages with an id that an update is about.
///
/// Among several, a receipt is about the session's own.
pub(super) fn target<'k>(
    stored: impl Iterator<Item = &'k MessageKey>,
    sender: &str,
    update: &Update,
) -> Target {
    let is_meant = |key: &&MessageKey| match sender {
        "" => true,
        ME => key.from_me,
        OTHERS => !key.from_me,
        author => key.author == author,
    };
    let meant: Vec<&MessageKey> = stored.filter(is_meant).collect();
    match meant.as_slice() {
        [] => Target::None,
        [one] => Target::One((*one).clone()),
        several => {
            let own = several.iter().find(|key| key.from_me && update.event() == "receipt");
            own.map_or(Target::Several, |own| Target::One((*own).clone()))
        }
    }
}

/// Updates to store until what they wait for arrives.
///
/// Of two equal ones the one that counts.
#[derive(Default)]
pub(super) struct Waiting(BTreeMap<(Awaited, String, String, String), WaitingUpdate>);

impl Waiting {
    pub(super) fn add(&mut self, update: WaitingUpdate) {
        let WaitingUpdate { awaited, sender, kind, contact, .. } = update.clone();
        let kept = self.0.entry((awaited, sender, kind, contact)).or_insert_with(|| update.clone());
        if update.counts_before(kept) {
            *kept = update;
        }
    }

    pub(super) fn write(self, tx: &mut Transaction<'_>) -> StoreResult<()> {
        let (org, waiting) = (tx.org(), self.0.into_values().collect::<Vec<_>>());
        if waiting.is_empty() {
            return Ok(());
        }
        rows::add_waiting(tx, org, &waiting)?;
        let sessions: BTreeSet<SessionId> = waiting.iter().map(|update| update.awaited.session).collect();
        sessions.into_iter().try_for_each(|session| rows::limit_waiting(tx, org, session))
    }
}

/// Keeps read marks, marks as unread and changes of members until their chat arrives.
pub(super) fn keep_changes_of_chats(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    chats: &Chats,
    session_chats: &SessionChats,
) -> StoreResult<()> {
    let awaited = |session: SessionId, chat: &ChatAddress| Awaited {
        address: context.canonical(chat).clone(),
        session,
        id: String::new(),
    };
    let is_held =
        |session: SessionId, chat: &ChatAddress| session_chats.held(session, chats.find(chat)).is_some();
    let mut read_marks = waiting_read_marks(tx, context, is_held, awaited)?;
    let mut waiting = Waiting::default();
    for (session, change) in &context.changes {
        let mut keep = |awaited, kind: &str, contact: &str, at, value| {
            let (sender, kind, contact) = (String::new(), kind.to_owned(), contact.to_owned());
            waiting.add(WaitingUpdate { awaited, sender, kind, contact, at, value });
        };
        match change {
            Change::Read { chat, up_to } if !is_held(*session, chat) => {
                let awaited = awaited(*session, chat);
                let mark = read_marks.entry(awaited.clone()).or_insert(*up_to);
                *mark = (*mark).max(*up_to);
                keep(awaited, rows::READ_MARK, "", *up_to, None);
            }
            Change::Unread { chat, count } if !is_held(*session, chat) => {
                let awaited = awaited(*session, chat);
                let at = read_marks.get(&awaited).copied().unwrap_or(Instant::from_micros(0));
                // Zeros, so that a greater number is a greater text.
                keep(awaited, rows::UNREAD, "", at, Some(format!("{count:010}")));
            }
            Change::Members { chat, changes } if chats.find(chat).is_none() => {
                for MemberChange { contact, membership, at } in changes {
                    let value = Some((*membership as u8).to_string());
                    keep(awaited(*session, chat), rows::MEMBER, contact.as_str(), *at, value);
                }
            }
            Change::Read { .. }
            | Change::Unread { .. }
            | Change::Members { .. }
            | Change::Contact { .. }
            | Change::Chat { .. }
            | Change::Message { .. }
            | Change::Update { .. }
            | Change::Inbox { .. }
            | Change::Link(_)
            | Change::Status(_) => {}
        }
    }
    waiting.write(tx)
}

/// The read marks that wait for chats that the batch marks as unread.
fn waiting_read_marks(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    is_held: impl Fn(SessionId, &ChatAddress) -> bool,
    awaited: impl Fn(SessionId, &ChatAddress) -> Awaited,
) -> StoreResult<BTreeMap<Awaited, Instant>> {
    let unread = context.changes.iter().filter_map(|(session, change)| {
        let Change::Unread { chat, .. } = change else { return None };
        (!is_held(*session, chat)).then(|| awaited(*session, chat))
    });
    let unread: BTreeSet<Awaited> = unread.collect();
    if unread.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = rows::waiting_read_marks(tx, context.org, &unread.into_iter().collect::<Vec<_>>())?;
    Ok(found.into_iter().collect())
}

/// The changes of members that waited for the chats that the batch creates.
pub(super) fn take_member_changes(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    known_chats: &HashMap<ChatAddress, i64>,
) -> StoreResult<Vec<(SessionId, Change)>> {
    let created = context.changes.iter().filter_map(|(_, change)| change.created_chat());
    let created =
        created.filter(|chat| chat.kind() == AddressKind::Group && !known_chats.contains_key(*chat));
    let created: BTreeSet<&ChatAddress> = created.collect();
    if created.is_empty() {
        return Ok(Vec::new());
    }
    let taken = rows::take_waiting_members(tx, context.org, &created.into_iter().collect::<Vec<_>>())?;
    Ok(taken.into_iter().filter_map(change).collect())
}

/// Takes the updates at these addresses whose message or chat is stored.
pub(super) fn take_arrived(
    tx: &mut Transaction<'_>,
    addresses: &[&ChatAddress],
) -> StoreResult<Vec<(SessionId, Change)>> {
    let org = tx.org();
    let arrived = rows::arrived(tx, org, addresses)?;
    let awaited: BTreeSet<Awaited> = arrived.into_iter().map(|(awaited, _)| awaited).collect();
    let mut taken = match awaited.is_empty() {
        true => Vec::new(),
        false => rows::take_waiting(tx, org, &awaited.into_iter().collect::<Vec<_>>())?,
    };
    let stored = rows::chats_by_address(tx, org, addresses)?;
    if !stored.is_empty() {
        taken.extend(rows::take_waiting_members(tx, org, &stored.keys().collect::<Vec<_>>())?);
    }
    Ok(taken.into_iter().filter_map(change).collect())
}

/// The change with which an update arrived, and its session.
fn change(row: WaitingUpdate) -> Option<(SessionId, Change)> {
    let (session, chat) = (row.awaited.session, row.awaited.address.clone());
    let change = match row.kind.as_str() {
        rows::READ_MARK => Change::Read { chat, up_to: row.at },
        rows::UNREAD => Change::Unread { chat, count: row.value?.parse().ok()? },
        rows::MEMBER => {
            let membership = match row.value.as_deref() {
                Some("0") => Membership::No,
                Some("1") => Membership::Member,
                _ => Membership::Admin,
            };
            let contact = row.contact.parse().ok()?;
            Change::Members { chat, changes: vec![MemberChange { contact, membership, at: row.at }] }
        }
        _ => {
            let (from_me, author) = match row.sender.as_str() {
                "" => (None, None),
                ME => (Some(true), None),
                OTHERS => (Some(false), None),
                author => (Some(false), author.parse().ok()),
            };
            let message = MessageReference { chat, id: row.awaited.id.clone(), from_me, author };
            Change::Update { message, update: update(&row) }
        }
    };
    Some((session, change))
}

/// The update of a message.
pub(super) fn update(row: &WaitingUpdate) -> Update {
    let WaitingUpdate { kind, contact, at, value, .. } = row.clone();
    Update { kind, contact, at, value }
}

/// An update that waits for its message.
pub(super) fn waiting(awaited: Awaited, sender: String, update: Update) -> WaitingUpdate {
    let Update { kind, contact, at, value } = update;
    WaitingUpdate { awaited, sender, kind, contact, at, value }
}
