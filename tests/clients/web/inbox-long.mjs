// A conversation of twenty thousand messages, read upwards and back: no message moves while others are loaded, none is left out, and
// neither the page nor its memory grow with what was read. With HEADROOM=1, to its beginning.
import assert from 'node:assert/strict';
import { limitTime, until } from '../limits.mjs';
import { HEADROOM, Meter } from './inbox-cost.mjs';
import { browser, complaints, row, signIn, token } from './inbox-people.mjs';

const MESSAGES = Number(process.env.MESSAGES);
/** The messages that are read upwards, and then downwards. */
const [UP, DOWN] = HEADROOM > 1 ? [1500, 700] : [MESSAGES, 10_000];
/** Messages after which the conversation keeps as many as it ever does. */
const FILLED = 500;
const PAGE = 50;
/** Of the wheel, in pixels. */
const STEP = 800;
const MOST_ELEMENTS = 5000;
const MOST_BYTES = 50_000_000;
/** What may be kept of all the messages that were read before. */
const MOST_KEPT_BYTES = 2_000_000;
/** Processor time of script, styles and layout for a page: adding it, and all frames in which it is scrolled through. */
const MOST_PAGE_MS = 100;
/** The longest script, on an idle machine: the one that adds a page. */
const MOST_SCRIPT_MS = 100;

limitTime();

const page = await signIn(token, { width: 1440, height: 900 });
await row(page, 'Asha Rao').click();
await page.locator('.bubble').getByText(`Message ${MESSAGES}`, { exact: false }).first().waitFor();
await page.evaluate(watchForJumps);
const meter = await Meter.of(page);
const box = await page.locator('#messages').boundingBox();
await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);

await read(-STEP, (oldest) => oldest <= MESSAGES - FILLED);
const before = await meter.kept();
const up = await meter.frames(() => read(-STEP, (oldest) => oldest <= Math.max(1, MESSAGES - UP)));
const above = await meter.kept();
const lowest = await shown();
const down = await meter.frames(() => read(STEP, (_, newest) => newest >= Math.min(MESSAGES, lowest.at(-1) + DOWN)));
const below = await meter.kept();
const jumps = await page.evaluate(() => window.jumps);
await page.getByRole('button', { name: 'Newest messages' }).click();
await until(async () => (await shown()).at(-1) === MESSAGES);

const pages = { up: (UP - FILLED) / PAGE, down: DOWN / PAGE };
const figures = Object.entries({ up, down }).map(([name, frames]) => {
  const { count, own, longestScript, elements, slowest } = frames;
  frames.page = (own * count) / pages[name];
  return `${name}: ${Math.round(frames.page)} ms per page, ${own.toFixed(2)} ms per frame, longest script ${Math.round(longestScript)} ms, slowest frame ${Math.round(slowest)} ms, ${elements} elements`;
});
console.log(`${UP} messages; ${figures.join('; ')}; kept ${JSON.stringify([before, above, below])}; jumps ${JSON.stringify(jumps)}`);
for (const [name, { elements, longestScript, page: ms }] of Object.entries({ up, down })) {
  assert.ok(elements < MOST_ELEMENTS, `${name}: ${elements} elements`);
  assert.ok(ms < MOST_PAGE_MS * Math.min(HEADROOM, 2), `${name}: ${ms} ms of processor time per page`);
  assert.ok(HEADROOM > 1 || longestScript < MOST_SCRIPT_MS, `${name}: a script of ${longestScript} ms`);
}
for (const { bytes } of [above, below]) {
  assert.ok(bytes < MOST_BYTES && bytes - before.bytes < MOST_KEPT_BYTES, JSON.stringify([before, above, below]));
}
assert.deepEqual(jumps, []);
assert.deepEqual(complaints, []);
await browser.close();
console.log('ok');
process.exit(0);

/** Turns the wheel until enough messages are loaded. Those on the page follow each other, always. */
async function read(step, isEnough) {
  for (let numbers = []; ; ) {
    numbers = await shown();
    assert.deepEqual(numbers, Array.from(numbers, (_, index) => numbers[0] + index));
    if (isEnough(numbers[0], numbers.at(-1))) {
      return;
    }
    for (let turn = 0; turn < 5; turn += 1) {
      await page.mouse.wheel(0, step);
    }
  }
}

/** The numbers of the messages on the page. */
function shown() {
  return page.evaluate(() => [...document.querySelectorAll('.bubble')].map((bubble) => Number(bubble.innerText.match(/Message (\d+)/)[1])));
}

/** Notes the visible messages that move on screen when others are added or removed, in the page. */
function watchForJumps() {
  const [area, list] = [document.querySelector('#messages'), document.querySelector('#message-list')];
  let seen = new Map();
  const note = () => {
    const { top, bottom } = area.getBoundingClientRect();
    const entries = list.children;
    let [first, after] = [0, entries.length];
    while (first < after) {
      const middle = (first + after) >> 1;
      [first, after] = entries[middle].getBoundingClientRect().bottom > top ? [first, middle] : [middle + 1, after];
    }
    seen = new Map();
    for (let index = first; index < entries.length && entries[index].getBoundingClientRect().top < bottom; index += 1) {
      const { message } = entries[index].dataset;
      if (message) {
        seen.set(message, entries[index].getBoundingClientRect().top);
      }
    }
  };
  window.jumps = [];
  const frame = () => {
    note();
    requestAnimationFrame(frame);
  };
  frame();
  // Before the page's own listener, which may add messages.
  document.addEventListener('scroll', note, { capture: true });
  new MutationObserver(() => {
    const before = seen;
    note();
    const moved = [...seen].filter(([message, top]) => before.has(message) && Math.abs(top - before.get(message)) > 1);
    if (moved.length > 0 || ![...seen.keys()].some((message) => before.has(message))) {
      window.jumps.push([before.size, ...moved.slice(0, 3).map(([message, top]) => `${message}: ${before.get(message)} to ${top}`)].join(' '));
    }
  }).observe(list, { childList: true });
}
