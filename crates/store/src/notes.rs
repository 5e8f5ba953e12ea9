//! Notes about chats.

use diesel::pg::Pg;
use diesel::prelude::*;

use super::bulk::insert_rows;
use super::connection::{Connection, StoreResult};
use super::events::{EventKind, FieldChanges, NewEvent};
use super::org_rows::org_rows;
use super::prepared::prepared;
use super::schema::notes;
use super::touch::touched;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{NoteId, OrgId};
use switchboard_core::instant::Instant;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = notes, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of notes, documented in the migrations
pub struct NoteRow {
    pub note_id: NoteId,
    pub body: String,
    pub author: String,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A note with its chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteView {
    /// The note.
    pub note: NoteRow,
    /// The chat's canonical address.
    pub chat_id: String,
    /// Phone number of the selected session that holds the chat, in digits.
    pub phone: String,
}

/// A note whose row is locked until the transaction ends.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct LockedNote {
    note_id: NoteId,
    chat_key: i64,
    body: String,
}

/// Inserts a note about the chat, whose row is locked.
pub fn insert(tx: &mut Transaction<'_>, chat_key: i64, body: &str, author: &str) -> StoreResult<NoteId> {
    tx.added(Quota::Notes);
    let note_id = NoteId::generate();
    let values = (
        notes::org_id.eq(tx.org()),
        notes::note_id.eq(&note_id),
        notes::chat_key.eq(chat_key),
        notes::body.eq(body),
        notes::author.eq(author),
    );
    diesel::insert_into(notes::table).values(values).execute(&mut **tx)?;
    record(tx, EventKind::NoteCreated, chat_key, &note_id, (None, Some(body)));
    Ok(note_id)
}

/// Inserts notes that were written elsewhere, each with the key of its chat. Those that exist stay as they are.
pub fn import(tx: &mut Transaction<'_>, rows: &[(i64, &NoteRow)]) -> StoreResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.added(Quota::Notes);
    let inserted: Vec<String> = insert_rows!(tx.org(), notes, rows, |row| {
        note_id: row.1.note_id.as_str(),
        chat_key: row.0,
        body: row.1.body.as_str(),
        author: row.1.author.as_str(),
        created_at: row.1.created_at,
        updated_at: row.1.updated_at,
    })
    .on_conflict_do_nothing()
    .returning(notes::note_id)
    .get_results(&mut **tx)?;
    for (chat_key, note) in rows.iter().filter(|row| inserted.iter().any(|id| id == row.1.note_id.as_str())) {
        record(tx, EventKind::NoteCreated, *chat_key, &note.note_id, (None, Some(&note.body)));
    }
    Ok(())
}

/// Locks the note FOR UPDATE.
pub fn lock(connection: &mut Connection, org: OrgId, id: &NoteId) -> StoreResult<Option<LockedNote>> {
    let columns = (notes::note_id, notes::chat_key, notes::body);
    let found = org_rows!(notes, org, note_id = id).select(columns);
    Ok(found.for_update().first(connection).optional()?)
}

/// Replaces the text of a locked note.
pub fn update(tx: &mut Transaction<'_>, note: &LockedNote, body: &str) -> StoreResult<()> {
    if note.body == body {
        return Ok(());
    }
    let update = diesel::update(org_rows!(notes, tx.org(), note_id = &note.note_id))
        .set((notes::body.eq(body), notes::updated_at.eq(touched!(notes::updated_at))));
    prepared(update.returning(notes::chat_key)).get_result::<i64>(&mut **tx)?;
    record(tx, EventKind::NoteUpdated, note.chat_key, &note.note_id, (Some(&note.body), Some(body)));
    Ok(())
}

/// Deletes a locked note.
pub fn delete(tx: &mut Transaction<'_>, note: &LockedNote) -> StoreResult<()> {
    diesel::delete(org_rows!(notes, tx.org(), note_id = &note.note_id)).execute(&mut **tx)?;
    record(tx, EventKind::NoteDeleted, note.chat_key, &note.note_id, (Some(&note.body), None));
    Ok(())
}

fn record(
    tx: &mut Transaction<'_>,
    kind: EventKind,
    chat_key: i64,
    id: &NoteId,
    (before, after): (Option<&str>, Option<&str>),
) {
    let changes = FieldChanges::default().field(&format!("notes.{id}"), &before, &after);
    tx.record(NewEvent { chat_key, session: None, kind, changes, message: None });
}
