// Reads and changes a chat, and sends a message, with the clients that hey-api and openapi-typescript generated.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import { client } from './generated/hey-api/client.gen';
import { getChat, getSessionChat, listChats, sendMessage, updateChat } from './generated/hey-api';
import type { OnMessageCreatedWebhookPayload } from './generated/hey-api';
import type { components, paths, webhooks } from './generated/openapi-typescript';

const { SERVICE = '', TOKEN = '', PHONE = '', SESSION = '', CHAT = '', EMAIL = '' } = process.env;
const headers = { 'x-phone': PHONE };
const path = { chat_id: CHAT };
const body = { chat_id: CHAT, message: 'See you at three' };

client.setConfig({ baseUrl: SERVICE, auth: TOKEN, throwOnError: true });
const listed = await listChats({ query: { limit: 5 }, headers, throwOnError: true });
assert.ok(listed.data.chats.some(({ chat_id }) => chat_id === CHAT));
const changed = await updateChat({ path, body: { labels: ['VIP'], assigned_to: EMAIL }, throwOnError: true });
assert.deepEqual([changed.data.labels, changed.data.assigned_to], [['VIP'], EMAIL]);
const ofSession = await getSessionChat({ path: { sessionId: SESSION, jid: CHAT }, throwOnError: true });
assert.equal(ofSession.data.name, 'Asha Rao');
const sent = await sendMessage({ body, headers, throwOnError: true });
assert.equal(sent.data.chat_id, CHAT);
const missing = await getChat({ path: { chat_id: '15550109999@c.us' }, throwOnError: false });
assert.equal(missing.error && 'code' in missing.error && missing.error.code, 'NOT_FOUND_ERROR');

const { GET, PATCH, POST } = createClient<paths>({ baseUrl: SERVICE, headers: { Authorization: `Bearer ${TOKEN}` } });
const { data: page } = await GET('/v1/chats', { params: { query: { limit: 5 }, header: headers } });
assert.ok(page?.chats.some(({ chat_id }) => chat_id === CHAT));
const { data: chat } = await GET('/v1/chats/{chat_id}', { params: { path } });
assert.equal(chat?.latest_message?.body, 'See you at three');
const { data: unassigned } = await PATCH('/v1/chats/{chat_id}', { params: { path }, body: { assigned_to: null } });
assert.equal(unassigned?.assigned_to, null);
const { error } = await POST('/v1/message/send', { body: { ...body, message: '' } });
assert.equal(error?.status, 422);

// The bodies of webhooks have types, too.
type Event = webhooks['message.created']['post']['requestBody']['content']['application/json'];
export const describe = (event: Event | OnMessageCreatedWebhookPayload): 'message.created' => event.type;
export const stored = (event: Event): components['schemas']['WebhookEvent'] => event;
console.log('ok');
process.exit(0);
