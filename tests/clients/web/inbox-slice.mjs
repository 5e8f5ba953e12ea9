// The inbox loads only a part of the list of chats. Here the service is an array: while chats change at random and the list is
// scrolled at random, the loaded chats are those that the service has at one place, without a gap.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '../../../assets/inbox/src/model/chats.ts');
const nodePaths = [join(here, '../node_modules')];
const { outputFiles } = await build({ entryPoints: [source], bundle: true, format: 'esm', write: false, nodePaths });
const { ChatList } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);

const FILTER = { view: 'all', label: '', number: '', type: '', agent: '', search: '', sort: '' };
const HEIGHT = 25;
const MOST = 520;

async function theRowsAreThoseOfTheService(seed, sort) {
  const random = randomOf(seed);
  const service = new Service(random, 2000);
  const list = new ChatList(service, '');
  await list.show({ ...FILTER, sort });
  let top = 0;
  for (let step = 0; step < 80; step += 1) {
    const { count } = list.rows.value;
    const action = random(10);
    if (action < 5) {
      top += random(500) - 150;
    } else if (action === 5) {
      top = [0, random(count), count][random(3)];
    } else if (action === 6) {
      await list.reload();
    } else if (action === 7) {
      await list.show({ ...FILTER, sort });
      top = 0;
    } else {
      const changed = service.change(['move', 'archive', 'pin', 'add', 'delete'][random(5)]);
      const chat = service.chats.find(({ chatId }) => chatId === changed);
      chat ? list.put(chat) : list.drop(changed);
    }
    top = await settle(list, top);
    check(list, service.expected(sort), top, `seed ${seed}, ${sort || 'newest'}, step ${step}`);
  }
}

/** Another view or sort has the same pinned chats: one call shows it. */
async function aViewIsOneCall() {
  const service = new Service(randomOf(1), 2000);
  const list = new ChatList(service, '');
  await list.show(FILTER);
  service.calls = 0;
  await list.show({ ...FILTER, view: 'unread' });
  await list.show({ ...FILTER, sort: 'oldest' });
  assert.equal(service.calls, 2);
  // Changes may have been missed before a reload.
  service.chats.filter(({ isPinned }) => isPinned).forEach((chat) => (chat.isPinned = false));
  await list.reload();
  assert.equal(list.rows.value.pinned.length, 0);
}

/** It is read there and then: its row stays until another chat is opened or another view is shown. */
async function anOpenedChatStaysAmongTheUnread() {
  const service = new Service(randomOf(1), 3);
  service.chats.forEach((chat) => Object.assign(chat, { isPinned: false, messageUnreadCount: 1n, latestMessage: message(5) }));
  const unread = { ...FILTER, view: 'unread' };
  const list = new ChatList(service, '');
  const listed = () => list.rows.value.chats.map(({ chatId }) => chatId);
  const put = (index, change) => list.put((service.chats[index] = { ...service.chats[index], ...change }));
  await list.show(unread);
  for (const isPinned of [false, true]) {
    put(1, { isPinned, messageUnreadCount: 1n });
    list.stay('1@c.us');
    put(1, { messageUnreadCount: 0n });
    await list.reload();
    const { pinned, chats } = list.rows.value;
    assert.deepEqual([...pinned, ...chats].map(({ chatId }) => chatId).sort(), ['0@c.us', '1@c.us', '2@c.us']);
    list.stay('2@c.us');
    assert.equal(list.rows.value.pinned.length, 0);
    assert.deepEqual(listed(), ['0@c.us', '2@c.us']);
  }
  // What leaves the view for another reason leaves it at once.
  put(2, { isArchived: true });
  assert.deepEqual(listed(), ['0@c.us']);
  list.stay('0@c.us');
  put(0, { messageUnreadCount: 0n });
  assert.deepEqual(listed(), ['0@c.us']);
  await list.show({ ...unread });
  assert.deepEqual(listed(), []);
}

/** Loads until nothing is missing around the visible rows, and returns the first of them. */
async function settle(list, wanted) {
  for (let loads = 0; loads < 60; loads += 1) {
    const before = list.rows.value;
    const top = Math.max(0, Math.min(wanted, before.count - HEIGHT));
    await list.near(top, Math.min(top + HEIGHT, before.count));
    if (before === list.rows.value) {
      return top;
    }
  }
  assert.fail('it loads for ever');
}

function check({ rows: { value: rows } }, expected, top, step) {
  const ids = (chats) => chats.map(({ chatId }) => chatId);
  const pinned = ids(expected.filter(({ isPinned }) => isPinned));
  const others = ids(expected.filter(({ isPinned }) => !isPinned));
  assert.deepEqual(ids(rows.pinned), pinned, step);
  assert.ok(rows.chats.length <= MOST, `${step}: ${rows.chats.length} chats`);
  const start = others.indexOf(rows.chats[0]?.chatId);
  assert.deepEqual(ids(rows.chats), others.slice(start, start + rows.chats.length), step);
  // What is visible is loaded, and the start and the end of the list are exact.
  const end = rows.pinned.length + rows.before + rows.chats.length;
  assert.ok(top < pinned.length || top >= pinned.length + rows.before, `${step}: ${top} is not loaded`);
  assert.ok(Math.min(top + HEIGHT, rows.count) <= end, `${step}: ${top} is not loaded`);
  assert.ok(top > 0 || start === 0, `${step}: the list starts with ${start}`);
  const isEnd = top + HEIGHT >= rows.count;
  assert.ok(!isEnd || start + rows.chats.length === others.length, `${step}: the list ends early`);
}

/** Answers as the service does. Many chats have the same time, some have no messages, a few are pinned. */
class Service {
  sessions = [];
  now = 10_000;
  calls = 0;

  constructor(random, count) {
    this.random = random;
    this.chats = Array.from({ length: count }, (_, index) => this.chat(index, [undefined, 700, 1 + random(400), 800 + random(400)][Math.min(3, random(8))]));
    this.chats.filter((_, index) => index % 301 === 5).forEach((chat) => (chat.isPinned = true));
  }

  chat(index, second) {
    const latestMessage = second === undefined ? undefined : message(second);
    return { chatId: `${index}@c.us`, orgPhone: '1@c.us', latestMessage, labels: [], members: {}, chatType: 'user', isPinned: false, isArchived: false };
  }

  /** Changes a chat at random, and returns its id. */
  change(kind) {
    const index = this.random(this.chats.length);
    const chat = kind === 'add' ? this.chat(100_000 + (this.now += 1), this.now) : { ...this.chats[index] };
    if (kind === 'add') {
      this.chats.push(chat);
    } else if (kind === 'delete') {
      this.chats.splice(index, 1);
    } else {
      this.chats[index] = chat;
    }
    if (kind === 'move') {
      chat.latestMessage = message((this.now += 1));
    } else if (kind === 'archive') {
      chat.isArchived = !chat.isArchived;
    } else if (kind === 'pin') {
      chat.isPinned = !chat.isPinned;
    }
    return chat.chatId;
  }

  expected(sort) {
    return this.list({ sort: sort || 'newest', archived: false, startTime: sort === 'oldest' ? '1970-01-01' : undefined });
  }

  list({ sort, archived, unread, startTime, endTime }) {
    const [from, until] = [startTime && Date.parse(startTime), endTime && Date.parse(endTime)];
    const isListed = (chat) => {
      const at = time(chat);
      const isUnread = (chat.messageUnreadCount ?? 0n) > 0n;
      return chat.isArchived === archived && (unread === undefined || isUnread === unread) && (from === undefined || at >= from) && (until === undefined || (at >= 0 && at < until));
    };
    const newest = (a, b) => time(b) - time(a) || (a.chatId < b.chatId ? -1 : 1);
    return this.chats.filter(isListed).sort((a, b) => (sort === 'oldest' ? newest(b, a) : newest(a, b)));
  }

  async listChats(wanted, offset, limit) {
    this.calls += 1;
    const startTime = wanted.startTime ?? (wanted.sort === 'oldest' ? '1970-01-01' : undefined);
    return this.list({ ...wanted, startTime }).slice(offset, offset + limit);
  }

  async pinnedChats() {
    this.calls += 1;
    return this.chats.filter(({ isPinned }) => isPinned).map(({ chatId }) => ({ chatId, number: '1' }));
  }

  async findChat(chatId) {
    this.calls += 1;
    return this.chats.find((chat) => chat.chatId === chatId);
  }
}

function time({ latestMessage }) {
  return latestMessage ? Number(latestMessage.timestamp.seconds) * 1000 : -1;
}

function message(second) {
  return { author: '', timestamp: { seconds: BigInt(second), nanos: 0 } };
}

/** Numbers below a limit that are the same in each run. */
function randomOf(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

await anOpenedChatStaysAmongTheUnread();
await aViewIsOneCall();
for (let seed = 1; seed <= 12; seed += 1) {
  for (const sort of ['', 'oldest']) {
    await theRowsAreThoseOfTheService(seed, sort);
  }
}
console.log('ok');
