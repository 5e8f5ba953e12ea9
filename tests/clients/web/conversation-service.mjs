// The model of the open chat on a service that is an array.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '../../../assets/inbox/src/model/conversation.ts');
const nodePaths = [join(here, '../node_modules')];
const { outputFiles } = await build({ entryPoints: [source], bundle: true, format: 'esm', write: false, nodePaths });
const { Conversation } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);

/** Messages of a page; larger ones than the limit alone. */
const PAGE_BYTES = 100;
/** Most messages that are loaded at a time. */
export const MOST = 300;

/** The loaded messages follow each other, and are not too many. */
export function isConsecutive(service, conversation) {
  const ids = shown(conversation);
  const start = service.messages.findIndex(({ messageId }) => messageId === ids[0]);
  assert.deepEqual(ids, service.messages.slice(start, start + ids.length).map(({ messageId }) => messageId));
  assert.ok(ids.length <= MOST, `${ids.length} messages`);
}

/** The ids of the loaded messages, newest first. */
export function shown(conversation) {
  return conversation.messages.value.map(({ messageId }) => messageId).toReversed();
}

export async function toTheBeginning(conversation, check = () => {}) {
  for (let pages = 0; conversation.hasOlder.value; pages += 1) {
    assert.ok(pages < 100, 'it loads for ever');
    await conversation.older();
    check();
  }
}

export async function toTheEnd(conversation, check) {
  for (let pages = 0; conversation.hasNewer.value; pages += 1) {
    assert.ok(pages < 100, 'it loads for ever');
    await conversation.newer();
    check();
  }
}

export function start(count, bytes = 0) {
  const service = new Service(count, bytes);
  return { service, conversation: new Conversation(service) };
}

/** A chat that is open at its newest message, or at the one after so many others. */
export async function opened(count, at, unread = 0) {
  const { service, conversation } = start(count);
  service.unread = unread;
  await conversation.open(...service.address, at === undefined ? '' : service.messages[at].messageId);
  return { service, conversation };
}

/** One chat of the service; its messages are newest first and have that size each. */
class Service {
  address = ['15550101000@c.us', '15550100400'];
  messages = [];
  calls = 0;
  unread = 0;

  constructor(count, bytes) {
    this.bytes = bytes;
    this.add(count);
  }

  chat() {
    return { chatId: this.address[0], orgPhone: `${this.address[1]}@c.us`, messageUnreadCount: BigInt(this.unread) };
  }

  /** Adds new messages and returns the newest. */
  add(count, fields = {}) {
    for (let added = 0; added < count; added += 1) {
      const number = this.messages.length + 1;
      const timestamp = { seconds: BigInt(1_767_225_600 + number), nanos: 0 };
      this.messages.unshift({ messageId: `m${number}`, uniqueId: `u${String(number).padStart(5, '0')}`, orgPhone: this.chat().orgPhone, timestamp, fromMe: false, ...fields });
    }
    return this.messages[0];
  }

  newest(count) {
    return this.messages.slice(0, count).map(({ messageId }) => messageId);
  }

  /** Runs something whose next call is answered only after its release, with what the service had before. */
  hold(method, run) {
    let [release, reach] = [];
    const released = new Promise((resolve) => (release = resolve));
    const reached = new Promise((resolve) => (reach = resolve));
    this[method] = async (...values) => {
      delete this[method];
      const answer = await this[method](...values);
      reach();
      await released;
      return answer;
    };
    return { done: run(), reached, release };
  }

  async findChat() {
    return this.chat();
  }

  async listMessages(_, offset, limit) {
    this.calls += 1;
    const most = this.bytes > 0 ? Math.max(1, Math.floor(PAGE_BYTES / this.bytes)) : limit;
    return this.messages.slice(offset, offset + Math.min(limit, most));
  }
}
