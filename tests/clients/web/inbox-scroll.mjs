// Scrolling a long list: chats that were left behind come back in the same order, and what comes in moves no visible row.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from '../limits.mjs';

/** The height of a row in pixels. */
export const ROW = 72;
/** The visible rows from above; one that is not loaded has no name. */
const VISIBLE = `(() => {
  const { top, bottom } = document.querySelector('#list-scroll').getBoundingClientRect();
  const rows = [...document.querySelectorAll('#list .row')].map((row) => {
    const box = row.getBoundingClientRect();
    const name = row.querySelector('strong')?.textContent;
    return { index: Number(row.getAttribute('aria-posinset')), name, id: row.dataset.chat, top: box.top, bottom: box.bottom };
  });
  return rows.filter((row) => row.bottom > top && row.top < bottom).sort((a, b) => a.top - b.top);
})()`;

/** Scrolls back from the end, then to the start: `expected` is the name of the chat at each index, from 1. */
export async function scrollingBackShowsTheSameChats(page, expected) {
  const scrollHeight = await page.locator('#list-scroll').evaluate((element) => element.scrollHeight);
  for (let back = 1000; back < 70_000; back += 7000) {
    await scrollTo(page, scrollHeight - back);
    await agrees(page, expected);
  }
  for (const index of [expected.length / 2, 0]) {
    await scrollTo(page, index * ROW);
    await agrees(page, expected);
  }
  assert.equal((await page.evaluate(VISIBLE))[0].index, 1);
}

/** The keys lead to the ends of a list that is loaded in part. */
export async function theKeysReachBothEnds(page, expected) {
  await page.getByRole('listbox', { name: 'Chats' }).focus();
  const count = expected.length;
  for (const [key, index] of [['End', count], ['ArrowUp', count - 1], ['PageUp', count - 9], ['Home', 1], ['PageDown', 9]]) {
    await page.keyboard.press(key);
    await page.waitForFunction(({ index, name }) => {
      const id = document.querySelector('#list').getAttribute('aria-activedescendant');
      const row = id && document.getElementById(id);
      return row?.getAttribute('aria-posinset') === String(index) && row.querySelector('strong')?.textContent === name;
    }, { index, name: expected[index - 1] });
  }
}

/** Messages reach chats before, among and after the visible ones: they move to the start, and the other rows stay. */
export async function whatComesInMovesNoVisibleRow(page, idOf) {
  await scrollTo(page, 2000.5 * ROW);
  const before = await page.evaluate(VISIBLE);
  const among = before[4];
  // The third one is loaded, below the visible rows.
  const chats = [idOf(801), among.id, idOf(2031), idOf(3901)];
  const read = new Set();
  page.on('response', (response) => response.url().endsWith('/GetChat') && read.add(response));
  console.log(`waiting for messages of ${chats.join(' ')}`);
  await once(createInterface(process.stdin), 'line');
  await page.waitForFunction((name) => ![...document.querySelectorAll('#list strong')].some((it) => it.textContent === name), among.name);
  await until(() => read.size >= chats.length);
  await page.waitForTimeout(300);
  const after = new Map((await page.evaluate(VISIBLE)).map(({ name, top }) => [name, top]));
  const moved = before.filter(({ name, top }) => after.has(name) && Math.abs(after.get(name) - top) > 1);
  // The gap that the chat leaves is closed from one side.
  assert.ok(moved.length <= 4, JSON.stringify({ before, after: [...after] }));
  await scrollTo(page, 0);
  const first = (await page.evaluate(VISIBLE)).slice(0, chats.length).map(({ id }) => id);
  assert.deepEqual(first.toSorted(), chats.toSorted());
}

export async function agrees(page, expected) {
  const rows = await page.evaluate(VISIBLE);
  assert.ok(rows.length >= 8, `${rows.length} rows`);
  assert.deepEqual(rows.map(({ name }) => name), rows.map(({ index }) => expected[index - 1]));
}

/** Scrolls there, and waits until all visible rows are loaded. */
async function scrollTo(page, top) {
  await page.locator('#list-scroll').evaluate((element, to) => {
    element.scrollTop = to;
  }, top);
  await until(async () => {
    const rows = await page.evaluate(VISIBLE);
    const isBusy = await page.locator('#list').getAttribute('aria-busy');
    return isBusy !== 'true' && rows.length >= 8 && rows.every(({ name }) => name !== undefined);
  });
}
