// Writes and reads notes with Periskope's own client, unmodified.
import assert from 'node:assert/strict';
import { PeriskopeApi } from '@periskope/periskope-client';
import { limitTime } from '../limits.mjs';

limitTime();

const { SERVICE, TOKEN, PHONE, CHAT } = process.env;

// What the client calls a local service is http://localhost:8080, where another one may run.
const { fetch } = globalThis;
globalThis.fetch = (request) => fetch(new Request(request.url.replace('http://localhost:8080', SERVICE), request));

const client = new PeriskopeApi({ authToken: TOKEN, phone: PHONE, env: 'local' });

const created = await client.note.createInternalNote({ chat_id: CHAT, message: 'Prefers *mornings*' });
assert.equal(created.status, 200, created.error?.message);
assert.equal(created.data.success, true);
const note = created.data.data;
assert.equal(note.body, 'Prefers *mornings*');
assert.equal(note.is_private_note, true);

const again = await client.note.getNoteById({ note_id: note.message_id });
assert.equal(again.status, 200, again.error?.message);
assert.deepEqual(again.data, note);

for (const notes of [
  await client.note.getNotes({ offset: 0, limit: 10, start_time: '2025-01-01T00:00:00Z' }),
  await client.chat.getNotesByChat({ chat_id: CHAT }, { offset: 0, limit: 10 }),
]) {
  assert.equal(notes.status, 200, notes.error?.message);
  assert.deepEqual(notes.data, { from: 1, to: 1, count: 1, notes: [note] });
}

const missing = await client.note.getNoteById({ note_id: 'note-aaaaaaaaaaaaaaaa' });
assert.equal(missing.status, 404);
assert.equal(missing.error.code, 'NOT_FOUND_ERROR');

console.log('ok');
