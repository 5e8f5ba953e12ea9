// A list of a hundred thousand chats, scrolled by the wheel and by its scrollbar through thousands of rows: frames are even, and
// neither elements nor memory grow. With HEADROOM=1, through all of them.
import assert from 'node:assert/strict';
import { limitTime, PATIENCE, until } from '../limits.mjs';
import { HEADROOM, Meter } from './inbox-cost.mjs';
import { browser, complaints, signIn, token } from './inbox-people.mjs';
import { agrees, ROW } from './inbox-scroll.mjs';

const CHATS = Number(process.env.CHATS);
/** Rows after which the list keeps as many chats as it ever does. */
const FILLED = 700;
const ROWS = HEADROOM > 1 ? 3000 : CHATS;
/** Of the wheel, in pixels: at 60 frames/s, 500 rows a second. */
const STEP = 600;
/** What may be kept of all the chats that were scrolled past. */
const MOST_KEPT_BYTES = 1_000_000;
/** Most elements of the page while it scrolls. */
const MOST_ELEMENTS = 1500;
/** Processor time of script, styles and layout per frame: half of the 16.7 ms that a frame has. */
const MOST_FRAME_MS = 8;
/** The longest script and the share of late frames, on an idle machine. */
const MOST_SCRIPT_MS = 50;
const MOST_LATE = 0.05;
/** The width of the scrollbar, and the height of the buttons at its ends. */
const BUTTON = 15;

limitTime();

const expected = Array.from({ length: CHATS }, (_, index) => `Person ${CHATS - index}`);
const page = await signIn(token, { width: 1440, height: 900 });
await page.locator('#list .row').first().waitFor();
const meter = await Meter.of(page);
const box = await page.locator('#list-scroll').boundingBox();
await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);

await wheelTo(FILLED);
const before = await meter.kept();
const wheel = await meter.frames(() => wheelTo(ROWS));
const after = await meter.kept();
await agrees(page, expected);
const dragged = await meter.frames(drag);
await settled();
await agrees(page, expected);
const end = await meter.kept();

const kept = Math.max(after.bytes, end.bytes) - before.bytes;
const figures = Object.entries({ wheel, drag: dragged }).map(([name, frames]) => `${name}: ${Object.entries(frames).map(([what, value]) => `${what} ${Number(value.toFixed(3))}`).join(', ')}`);
console.log(`${ROWS} rows; ${figures.join('; ')}; kept ${JSON.stringify([before, after, end])}`);
for (const [name, { elements, own, longestScript, late }] of Object.entries({ wheel, drag: dragged })) {
  assert.ok(elements < MOST_ELEMENTS, `${name}: ${elements} elements`);
  assert.ok(own < MOST_FRAME_MS * Math.min(HEADROOM, 2), `${name}: ${own} ms of processor time per frame`);
  assert.ok(HEADROOM > 1 || longestScript < MOST_SCRIPT_MS, `${name}: a script of ${longestScript} ms`);
  assert.ok(HEADROOM > 1 || late < MOST_LATE, `${name}: ${late * 100} % of the frames are late`);
}
assert.ok(kept < MOST_KEPT_BYTES, `${kept} bytes`);
assert.ok(Math.max(after.nodes, end.nodes) < before.nodes * 1.5, JSON.stringify([before, after, end]));
assert.deepEqual(complaints, []);
await browser.close();
console.log('ok');
process.exit(0);

/** Turns the wheel until that many rows are above, however often the next ones are still to be loaded. */
async function wheelTo(rows) {
  for (const ends = Date.now() + rows * PATIENCE / 1000; (await top()) < rows * ROW; ) {
    assert.ok(Date.now() < ends, `${(await top()) / ROW} of ${rows} rows`);
    for (let turn = 0; turn < 10; turn += 1) {
      await page.mouse.wheel(0, STEP);
    }
  }
  await settled();
}

/** Drags the thumb of the scrollbar from the start down, and back. */
async function drag() {
  await page.getByRole('listbox', { name: 'Chats' }).focus();
  await page.keyboard.press('Home');
  await until(async () => (await top()) === 0);
  const [x, from, to] = [box.x + box.width - BUTTON / 2, box.y + BUTTON + 4, box.y + box.height];
  await page.mouse.move(x, from);
  await page.mouse.down();
  for (let y = from; y < to; y += 4) {
    await page.mouse.move(x, y);
  }
  await until(async () => (await top()) > (ROWS / 2) * ROW);
  // As people do, on until the list is at its start: when the list has become longer meanwhile, that is above where the drag began.
  let y = to;
  await until(async () => {
    await page.mouse.move(x, (y -= 4));
    return (await top()) === 0;
  });
  await page.mouse.up();
  await until(async () => (await top()) === 0);
}

function top() {
  return page.locator('#list-scroll').evaluate(({ scrollTop }) => scrollTop);
}

/** Waits until all visible rows are loaded. */
async function settled() {
  await page.waitForFunction(() => document.querySelector('#list').getAttribute('aria-busy') !== 'true' && !document.querySelector('#list .blank'));
}
