// An inbox of ten thousand chats: how long the list, each filter and a further page take, and how much memory they need. Prints
// once which chats it waits for messages of, and continues when the test confirms them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { limitTime, PATIENCE } from '../limits.mjs';
import { HEADROOM } from './inbox-cost.mjs';
import { browser, complaints, email, open, token } from './inbox-people.mjs';
import { ROW, scrollingBackShowsTheSameChats, theKeysReachBothEnds, whatComesInMovesNoVisibleRow } from './inbox-scroll.mjs';

/** What people may wait for on an idle machine with an optimized service, in ms; tests run on busy ones without. */
const LIMITS = { list: 1000, filter: 300, page: 100 };
const MOST_BYTES = 150_000_000;
/** What chats that were scrolled past may keep: of those before, only the last few hundred are in memory. */
const MOST_KEPT_BYTES = 3_000_000;
const MOST_SCRIPT_BYTES = 250_000;

limitTime();

/** The chats that are not archived, in the order of the list. */
const CHATS = Array.from({ length: 5000 }, (_, index) => 10_000 - 2 * index);

const page = await open({ width: 1440, height: 900 });
const took = {};

await page.getByLabel('API key or login token').fill(token);
await page.getByLabel('Your email').fill(email);
took.list = await page.evaluate(async (enter) => {
  const start = performance.now();
  document.querySelector(enter).click();
  while (document.querySelectorAll('#list .row').length < 10) {
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - start;
}, 'button.primary');

// The first chat differs from that before, each time.
const views = [
  ['Unread', 'Person 9996'], ['Unassigned', 'Person 9998'], ['Mine', 'Person 9996'], ['Closed', 'Person 10000'],
  ['Archived', 'Person 9999'], ['All', 'Person 10000'],
];
const press = (name) => [...document.querySelectorAll('#views button')].find((button) => button.textContent.startsWith(name)).click();
for (const [name, first] of views) {
  took[name] = await waitFor(first, press, name);
}
const choose = ([id, value]) => {
  const select = document.querySelector(id);
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
};
took.oldest = await waitFor('Person 2', choose, ['#sort', 'oldest']);
took.type = await waitFor('Person 100', choose, ['#type-filter', 'group']);
await waitFor('Person 2', choose, ['#type-filter', '']);
took.agent = await waitFor('Person 4', choose, ['#agent-filter', email]);
took.labelOfAgent = await waitFor('Person 100', choose, ['#label-filter', 'VIP']);
took.label = await waitFor('Person 50', choose, ['#agent-filter', '']);
took.newest = await waitFor('Person 10000', choose, ['#sort', '']);
await page.getByRole('button', { name: 'Also chats without VIP' }).click();
const counted = (text) => `[...document.querySelectorAll('#views button')].some((it) => it.textContent === '${text}')`;
await waitUntil(counted('All 999+'), () => {}, null);
took.counts = await waitUntil(counted('All 200'), choose, ['#label-filter', 'VIP']);
await page.getByRole('button', { name: 'Also chats without VIP' }).click();
await waitFor('Person 10000', () => {}, null);
took.search = await waitFor('Person 4321', (text) => {
  const field = document.querySelector('[type="search"]');
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}, 'person 4321');
await page.getByRole('searchbox').fill('');
await waitFor('Person 10000', () => {}, null);

// Down to the end of the list, page by page.
const session = await page.context().newCDPSession(page);
const usedBefore = await memory();
const pages = await page.evaluate(async (end) => {
  const [scroller, list] = [document.querySelector('#list-scroll'), document.querySelector('#list')];
  const [times, rows] = [[], []];
  while (list.offsetHeight < end) {
    const [height, start] = [list.offsetHeight, performance.now()];
    scroller.scrollTop = height;
    while (list.offsetHeight === height) {
      if (performance.now() - start > 60_000) {
        throw new Error(`the list ends at ${height} of ${end} px`);
      }
      await new Promise(requestAnimationFrame);
    }
    rows.push(document.querySelectorAll('#list .row').length);
    times.push(performance.now() - start);
  }
  return { times, rows: Math.max(...rows) };
}, CHATS.length * ROW);
const sorted = pages.times.toSorted((a, b) => a - b);
took.page = sorted[Math.floor(sorted.length / 2)];
took.slowestPage = sorted.at(-1);
assert.ok(pages.times.length >= 45, `${pages.times.length} pages`);
assert.ok(pages.rows < 60, `${pages.rows} rows exist at once`);

const used = await memory();
const names = CHATS.map((number) => `Person ${number}`);
await scrollingBackShowsTheSameChats(page, names);
await theKeysReachBothEnds(page, names);
await whatComesInMovesNoVisibleRow(page, (index) => `${15_552_000_000 + CHATS[index]}@c.us`);

const script = gzipSync(readFileSync(new URL('../../../assets/inbox/inbox.js', import.meta.url))).length;
const figures = Object.entries(took).map(([name, ms]) => `${name} ${Math.round(ms)} ms`);
console.log(`${figures.join(', ')}; ${pages.times.length} pages, ${Math.round(used / 1e6)} MB, script ${Math.round(script / 1000)} kB`);

for (const [name, ms] of Object.entries(took)) {
  const limit = (LIMITS[name] ?? LIMITS.filter) * HEADROOM;
  assert.ok(ms < limit, `${name}: ${ms} of ${limit} ms`);
}
assert.ok(used < MOST_BYTES, `${used} bytes`);
assert.ok(used - usedBefore < MOST_KEPT_BYTES, `${used - usedBefore} bytes of chats that were scrolled past`);
assert.ok(script < MOST_SCRIPT_BYTES, `${script} bytes`);
assert.deepEqual(complaints, []);
await browser.close();
console.log('ok');
process.exit(0);

/** The bytes that the page's objects have after a collection of garbage. */
async function memory() {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}

/** Does something, and waits until that chat is the first of the list. Returns the time in ms. */
function waitFor(first, act, argument) {
  const isFirst = `document.querySelector('#list .row strong')?.textContent === '${first}'`;
  return waitUntil(`${isFirst} && document.querySelector('#list').getAttribute('aria-busy') !== 'true'`, act, argument);
}

/** Does something, and waits until an expression is true. Returns the time in ms. As a text, which the page's policy allows. */
function waitUntil(expression, act, argument) {
  return page.evaluate(`(async () => {
    const start = performance.now();
    (${act})(${JSON.stringify(argument)});
    while (!(${expression})) {
      if (performance.now() - start > ${PATIENCE}) {
        throw new Error(${JSON.stringify(expression)} + ' is not true: ' + document.querySelector('#list-pane').innerText.slice(0, 300));
      }
      await new Promise(requestAnimationFrame);
    }
    return performance.now() - start;
  })()`);
}
