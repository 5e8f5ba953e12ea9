//! Notes about chats: who may write, change and delete them.

use super::Precondition;
use super::chats::{check_shared, missing};
use super::idempotency::IdempotentWrite;
use super::name::check_no_nul;
use super::sessions::{chat_not_found, missing_chat};
use crate::caller::{Actor, Caller, Capability};
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, NoteId, OrgId, PhoneSelector};
use crate::store::chat_selector::ChatSelector;
use crate::store::lists::{ListPage, PageWindow, SessionScope};
pub use crate::store::note_lists::NoteFilter;
pub use crate::store::notes::NoteView;
use crate::store::notes::{self, LockedNote};
use crate::store::{Connection, Store, StoreResult, Transaction, chats, note_lists};

/// The longest text, in characters.
const MAX_TEXT: usize = 16384;

/// Rejects a text that no note may have.
pub fn check_text(text: &str) -> Result<()> {
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return Err(Error::invalid("message", format_args!("must be 1 to {MAX_TEXT} characters")));
    }
    check_no_nul("message", text)
}

/// Writes a note about a chat that the selected number holds.
pub async fn create<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    (address, number): (ChatAddress, Option<PhoneSelector>),
    body: String,
    idempotent: IdempotentWrite<NoteView, R>,
) -> Result<R> {
    let org = caller.org;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let scope = SessionScope::of(caller, number.clone());
    let selector = ChatSelector::of(caller, address, number);
    let author = Editor::of(caller).author;
    let write = move |tx: &mut Transaction<'_>| {
        let locked = chats::lock(tx, org, &selector.address)?;
        let held = chats::find_session(tx, org, &selector)?;
        let Some(chat) = locked.filter(|_| held.is_some()) else {
            return Err(missing(tx, org, &selector)?.into());
        };
        check_shared(tx, org, &selector)?;
        let id = notes::insert(tx, chat.key, &body, &author)?;
        find(tx, org, &scope, &id)
    };
    idempotent.write(store, org, write).await
}

/// A page of the notes of one chat or of all, about chats that the selected number or any number holds.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: NoteFilter,
    page: PageWindow,
) -> Result<ListPage<NoteView>> {
    let (org, scope) = (caller.org, SessionScope::of(caller, number));
    let read =
        move |connection: &mut Connection| match note_lists::list(connection, org, &scope, &filter, page)? {
            Some(listed) => Ok(listed),
            None => {
                Err(missing_chat(connection, org, scope.phone.as_ref(), scope.sessions.as_deref())?.into())
            }
        };
    store.read(read).await
}

/// The note.
pub async fn get(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    id: NoteId,
) -> Result<NoteView> {
    let (org, scope) = (caller.org, SessionScope::of(caller, number));
    store.read(move |connection| find(connection, org, &scope, &id)).await
}

/// Replaces the text of the note, and returns it.
pub async fn update<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    (id, number): (NoteId, Option<PhoneSelector>),
    body: String,
    precondition: Precondition<NoteView>,
    idempotent: IdempotentWrite<NoteView, R>,
) -> Result<R> {
    let (org, scope, editor) = (caller.org, SessionScope::of(caller, number), Editor::of(caller));
    let idempotent = about_note(idempotent, org, scope.clone(), id.clone());
    let write = move |tx: &mut Transaction<'_>| {
        let note = editor.lock(tx, &scope, &id, &precondition)?;
        notes::update(tx, &note, &body)?;
        find(tx, org, &scope, &id)
    };
    idempotent.write(store, org, write).await
}

/// Deletes the note.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    (id, number): (NoteId, Option<PhoneSelector>),
    precondition: Precondition<NoteView>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let (org, scope, editor) = (caller.org, SessionScope::of(caller, number), Editor::of(caller));
    let idempotent = about_note(idempotent, org, scope.clone(), id.clone());
    let write = move |tx: &mut Transaction<'_>| {
        let note = editor.lock(tx, &scope, &id, &precondition)?;
        notes::delete(tx, &note)
    };
    idempotent.write(store, org, write).await
}

/// A stored response is not returned once the caller may not see the note.
fn about_note<V, R>(
    write: IdempotentWrite<V, R>,
    org: OrgId,
    scope: SessionScope,
    id: NoteId,
) -> IdempotentWrite<V, R> {
    write.rechecked(move |tx, _| {
        let stored = note_lists::find(tx, org, &SessionScope::default(), &id)?;
        match stored.is_some_and(|stored| !stored.items.is_empty()) {
            true => find(tx, org, &scope, &id).map(drop),
            false => Ok(()),
        }
    })
}

/// Who changes notes.
struct Editor {
    /// The caller as the author of notes.
    author: String,
    /// Whether the caller may change the notes of others.
    manages: bool,
}

impl Editor {
    fn of(caller: &Caller) -> Self {
        let principal = || Actor::Principal(caller.principal.clone()).to_string().replace('\0', "");
        let author = caller.member.as_ref().map_or_else(principal, ToString::to_string);
        Self { author, manages: caller.capabilities.contains(Capability::Manage) }
    }

    /// Locks the note, and checks that it may be changed.
    fn lock(
        &self,
        tx: &mut Transaction<'_>,
        scope: &SessionScope,
        id: &NoteId,
        precondition: &Precondition<NoteView>,
    ) -> StoreResult<LockedNote> {
        let org = tx.org();
        let locked = notes::lock(tx, org, id)?;
        let view = find(tx, org, scope, id)?;
        if !self.manages && view.note.author != self.author {
            return Err(Error::new(Kind::Forbidden, "only its author may change or delete a note").into());
        }
        precondition.check(&view)?;
        Ok(locked.ok_or_else(not_found)?)
    }
}

fn find(connection: &mut Connection, org: OrgId, scope: &SessionScope, id: &NoteId) -> StoreResult<NoteView> {
    let found =
        note_lists::find(connection, org, scope, id)?.ok_or_else(|| Error::not_found("phone not found"))?;
    Ok(found.items.into_iter().next().ok_or_else(not_found)?)
}

fn not_found() -> Error {
    Error::not_found("note not found")
}
