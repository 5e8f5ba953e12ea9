// Sends messages with Periskope's own client, unmodified. A connector on the other side carries them out.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { PeriskopeApi } from '@periskope/periskope-client';
import { limitTime } from '../limits.mjs';

limitTime();

const { SERVICE, TOKEN, PHONE, CHAT } = process.env;

// What the client calls a local service is http://localhost:8080, where another one may run.
const { fetch } = globalThis;
globalThis.fetch = (request) => fetch(new Request(request.url.replace('http://localhost:8080', SERVICE), request));

const client = new PeriskopeApi({ authToken: TOKEN, phone: PHONE, env: 'local' });

async function accepted(id) {
  for (;;) {
    const { data, status, error } = await client.message.getById({ message_id: id });
    assert.equal(status, 200, error?.message);
    if (data.ack === '1') return data;
    await pause(50);
  }
}

const sent = await client.message.send({ chat_id: CHAT, message: 'See you at three' });
assert.equal(sent.status, 200, sent.error?.message);
assert.equal(sent.data.queue_position, '1');
const message = await accepted(sent.data.queue_id);
assert.equal(message.body, 'See you at three');
assert.equal(message.chat_id, CHAT);
assert.equal(message.org_phone, `${PHONE}@c.us`);

const media = await client.message.send({
  chat_id: CHAT,
  message: 'Our offer',
  media: { type: 'document', filedata: Buffer.from('%PDF-1.7').toString('base64'), filename: 'offer.pdf', mimetype: 'application/pdf' },
  reply_to: message.message_id,
  options: { hide_url_preview: true },
});
assert.equal(media.status, 200, media.error?.message);
const file = await accepted(media.data.queue_id);
assert.equal(file.message_type, 'document');
assert.equal(file.has_media, true);
assert.equal(file.quoted_message_id, message.unique_id);

const poll = await client.message.send({
  chat_id: CHAT,
  poll: { pollName: 'Which day?', pollOptions: ['Monday', 'Tuesday'], options: { allowMultipleAnswers: true } },
});
assert.equal(poll.status, 200, poll.error?.message);
assert.deepEqual((await accepted(poll.data.queue_id)).poll_info.pollOptions, ['Monday', 'Tuesday']);

for (const done of [
  await client.message.react({ message_id: sent.data.queue_id, reaction: '👍' }),
  await client.message.edit({ message_id: message.message_id, edited_body: 'See you at four' }),
  await client.message.delete({ message_id: message.message_id }),
]) {
  assert.equal(done.status, 200, done.error?.message);
}

const wrong = await client.message.send({ chat_id: CHAT });
assert.equal(wrong.status, 422);
assert.match(wrong.error.message, /message/);
const missing = await client.message.getById({ message_id: '019b0000-0000-7000-8000-000000000000' });
assert.equal(missing.status, 404);

console.log('ok');
