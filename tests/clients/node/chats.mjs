// Reads and changes a chat with Periskope's own client, unmodified.
import assert from 'node:assert/strict';
import { PeriskopeApi } from '@periskope/periskope-client';
import { limitTime } from '../limits.mjs';

limitTime();

const { SERVICE, TOKEN, PHONE, CHAT, EMAIL, NOTE } = process.env;

// What the client calls a local service is http://localhost:8080, where another one may run.
const { fetch } = globalThis;
globalThis.fetch = (request) => fetch(new Request(request.url.replace('http://localhost:8080', SERVICE), request));

const client = new PeriskopeApi({ authToken: TOKEN, phone: PHONE, env: 'local' });

const read = await client.chat.getChatById({ chat_id: CHAT });
assert.equal(read.status, 200, read.error?.message);
assert.equal(read.data.chat_id, CHAT);
assert.equal(read.data.chat_name, 'Asha Rao');
assert.equal(read.data.org_phone, `${PHONE}@c.us`);
assert.deepEqual(read.data.label_ids, {});

const updated = await client.chat.updateChatById({
  chat_id: CHAT,
  labels: 'vip, new',
  assigned_to: EMAIL,
  custom_properties: { [NOTE]: 'hello' },
});
assert.equal(updated.status, 200, updated.error?.message);
assert.deepEqual(updated.data.labels, ['new', 'vip']);
assert.equal(updated.data.assigned_to, EMAIL);
assert.deepEqual(updated.data.custom_properties, { [NOTE]: 'hello' });

const again = await client.chat.getChatById({ chat_id: CHAT });
assert.equal(Object.keys(again.data.label_ids).length, 2);
assert.equal(again.data.assigned_to, EMAIL);

const listed = await client.chat.getChats({ offset: 0, limit: 10, chat_type: 'individual', label: 'VIP' });
assert.equal(listed.status, 200, listed.error?.message);
assert.deepEqual([listed.data.from, listed.data.to, listed.data.count], [1, 1, 1]);
assert.deepEqual(listed.data.chats, [again.data]);
const later = await client.chat.getChats({ start_time: '2100-01-01' });
assert.deepEqual(later.data, { from: 0, to: 0, count: 0, chats: [] });

for (const messages of [
  await client.chat.getMessages({ offset: 0, limit: 10, start_time: '2026-01-01T00:00:00Z' }),
  await client.chat.getChatMessages({ chat_id: CHAT, offset: 0, limit: 10 }),
]) {
  assert.equal(messages.status, 200, messages.error?.message);
  assert.deepEqual([messages.data.from, messages.data.to, messages.data.count], [1, 2, 2]);
  assert.deepEqual(messages.data.messages[0], again.data.latest_message);
}

assert.equal(again.data.message_unread_count, 2);
const marked = await client.chat.read({ chat_id: CHAT });
assert.equal(marked.status, 200, marked.error?.message);
assert.equal((await client.chat.getChatById({ chat_id: CHAT })).data.message_unread_count, 0);

const labelled = await client.chat.updateLabels({ labels: 'bulk', chat_ids: [CHAT] });
assert.equal(labelled.status, 204, labelled.error?.message);
const opened = await client.chat.updateChatOverrideAccess({ access: { [EMAIL]: true }, chat_ids: [CHAT] });
assert.equal(opened.status, 204, opened.error?.message);
const changed = await client.chat.getChatById({ chat_id: CHAT });
assert.deepEqual(changed.data.labels, ['bulk']);
assert.deepEqual(changed.data.chat_access, { [EMAIL]: true });

// Its own errors: what the client makes of ours.
const tooMany = await client.chat.getChats({ limit: 2001 });
assert.equal(tooMany.status, 422);
assert.match(tooMany.error.message, /limit/);

const refused = await client.chat.updateChatById({ chat_id: CHAT, assigned_to: 'nobody@acme.example' });
assert.equal(refused.status, 422);
assert.equal(refused.error.code, 'VALIDATION_ERROR');
assert.match(refused.error.message, /assigned_to/);

const missing = await client.chat.getChatById({ chat_id: '15550109999@c.us' });
assert.equal(missing.status, 404);
assert.equal(missing.error.code, 'NOT_FOUND_ERROR');

const stranger = new PeriskopeApi({ authToken: 'nonsense', phone: PHONE, env: 'local' });
const unknown = await stranger.chat.getChatById({ chat_id: CHAT });
assert.equal(unknown.status, 401);
assert.equal(unknown.error.code, 'UNAUTHORIZED_ERROR');

console.log('ok');
