//! What all steps of a plan need: the changes, their time, and the persons that they name.

use std::collections::BTreeSet;

use super::versions::Reported;
use crate::actions::ingest::change::Change;
use crate::actions::ingest::persons::Persons;
use crate::actions::ingest::scope::SessionScope;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, DeletedChat};
use crate::store::{StoreResult, Transaction};

/// The changes of one transaction.
pub(super) struct Context<'c> {
    pub(super) org: OrgId,
    pub(super) now: Instant,
    /// Whether they are what a gateway lists.
    pub(super) is_of_lists: bool,
    /// In the order of arrival.
    pub(super) changes: Vec<(SessionId, &'c Change)>,
    /// The indexes of their events.
    pub(super) indexes: Vec<usize>,
    persons: Persons,
    /// The phone numbers and LIDs of the sessions whose updates name authors in chats with one person.
    own: BTreeSet<(SessionId, ChatAddress)>,
}

impl<'c> Context<'c> {
    /// Looks up the persons that the changes name.
    ///
    /// Messages that were deleted with their chats are left out, and chats that are deleted and only listed.
    pub(super) fn new(
        tx: &mut Transaction<'_>,
        scope: &SessionScope,
        changes: Changes<'c>,
    ) -> StoreResult<Self> {
        let (org, is_of_lists) = (scope.org, scope.is_of_lists);
        let mut seen = BTreeSet::new();
        let addresses = changes.iter().flat_map(|(.., change)| addresses(change));
        let addresses: Vec<&ChatAddress> = addresses.filter(|address| seen.insert(*address)).collect();
        let persons = Persons::find_or_link(tx, org, &addresses)?;
        let changes = without_deleted(tx, scope, &persons, changes)?;
        let own = own_addresses(tx, org, &changes)?;
        let (indexes, changes) =
            changes.into_iter().map(|(index, session, change)| (index, (session, change))).unzip();
        Ok(Self { org, now: Instant::now(), is_of_lists, changes, indexes, persons, own })
    }

    /// The address under which an address is stored: the one by which its person is known.
    pub(super) fn canonical<'a>(&'a self, address: &'a ChatAddress) -> &'a ChatAddress {
        self.persons.of(address)
    }

    /// Whether it is the session's own address.
    pub(super) fn is_own(&self, session: SessionId, address: &ChatAddress) -> bool {
        self.own.contains(&(session, address.clone()))
    }

    /// When the fields of the event at that place of the batch were reported. Later events of a batch have later times.
    pub(super) fn reported(&self, given: Option<Instant>, place: usize) -> Reported {
        let place = i64::try_from(place).unwrap_or_default();
        Reported::new(given, Instant::from_micros(self.now.micros() + place))
    }
}

/// Changes of sessions with the indexes of their events.
type Changes<'c> = Vec<(usize, SessionId, &'c Change)>;

fn own_addresses(
    tx: &mut Transaction<'_>,
    org: OrgId,
    changes: &Changes<'_>,
) -> StoreResult<BTreeSet<(SessionId, ChatAddress)>> {
    let named = changes.iter().filter(|(.., change)| {
        matches!(change, Change::Update { message, .. } if message.author.is_some() && message.from_me.is_none())
    });
    let sessions: BTreeSet<SessionId> = named.map(|(_, session, _)| *session).collect();
    if sessions.is_empty() {
        return Ok(BTreeSet::new());
    }
    let own = rows::own_addresses(tx, org, &sessions.into_iter().collect::<Vec<_>>())?;
    let parsed = |(session, address): (SessionId, String)| Some((session, address.parse().ok()?));
    Ok(own.into_iter().filter_map(parsed).collect())
}

/// Leaves out messages that were sent before their chat was deleted.
///
/// A caller deleted it from the session. A later chat event ends that, unless the chat is only listed: then it is left out
/// while the session does not hold the chat.
fn without_deleted<'c>(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    persons: &Persons,
    mut changes: Changes<'c>,
) -> StoreResult<Changes<'c>> {
    let chat_of = |session: SessionId, change: &Change| -> Option<DeletedChat> {
        let is_named = matches!(change, Change::Message { .. } | Change::Chat { .. });
        Some((session, persons.of(change.chat().filter(|_| is_named)?).clone()))
    };
    let chats = changes.iter().filter_map(|(_, session, change)| chat_of(*session, change));
    let chats: BTreeSet<DeletedChat> = chats.collect();
    if chats.is_empty() {
        return Ok(changes);
    }
    let mut deleted = rows::deletions(tx, scope.org, &chats.iter().collect::<Vec<_>>())?;
    if deleted.is_empty() {
        return Ok(changes);
    }
    let held = match scope.is_of_lists {
        true => held(tx, scope.org, deleted.keys())?,
        false => BTreeSet::new(),
    };
    let mut back = BTreeSet::new();
    changes.retain(|(_, session, change)| {
        let Some(chat) = chat_of(*session, change) else { return true };
        let Some(deleted_at) = deleted.get(&chat) else { return true };
        if let Change::Message { message, .. } = change {
            return message.sent_at >= *deleted_at;
        }
        if scope.is_of_lists {
            return held.contains(&chat);
        }
        deleted.remove(&chat);
        back.insert(chat);
        true
    });
    if !back.is_empty() {
        rows::remove_deletions(tx, scope.org, &back.iter().collect::<Vec<_>>())?;
    }
    Ok(changes)
}

/// Those of the chats that their sessions hold.
fn held<'d>(
    tx: &mut Transaction<'_>,
    org: OrgId,
    chats: impl Iterator<Item = &'d DeletedChat> + Clone,
) -> StoreResult<BTreeSet<DeletedChat>> {
    let addresses: BTreeSet<&ChatAddress> = chats.clone().map(|(_, address)| address).collect();
    let keys = rows::chats_by_address(tx, org, &addresses.into_iter().collect::<Vec<_>>())?;
    let holders = rows::session_chat_keys(tx, org, &keys.values().copied().collect::<Vec<_>>())?;
    let is_held = |(session, address): &&DeletedChat| {
        keys.get(address).is_some_and(|chat_key| {
            holders.iter().any(|held| (held.session, held.chat_key) == (*session, *chat_key))
        })
    };
    Ok(chats.filter(is_held).cloned().collect())
}

/// The chat and the persons that a change names.
fn addresses(change: &Change) -> impl Iterator<Item = &ChatAddress> {
    let contact = if let Change::Contact { id, .. } = change { Some(id) } else { None };
    let author = if let Change::Message { author, .. } = change { author.as_ref() } else { None };
    let named = if let Change::Update { message, .. } = change { message.author.as_ref() } else { None };
    let members = if let Change::Chat { change, .. } = change { change.members.as_deref() } else { None };
    let members = members.unwrap_or_default().iter().map(|member| &member.contact);
    let changed = if let Change::Members { changes, .. } = change { changes.as_slice() } else { &[] };
    let changed = changed.iter().map(|change| &change.contact);
    change.chat().into_iter().chain(contact).chain(author).chain(named).chain(members).chain(changed)
}
