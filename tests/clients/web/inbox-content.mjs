// What people see of messages of every type, and of WhatsApp's notices: from tests/data/inbox_messages.json.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { limitTime } from '../limits.mjs';
import { asked, browser, complaints, line, row, signIn, token } from './inbox-people.mjs';

limitTime();

const cases = JSON.parse(readFileSync(process.env.CASES, 'utf8')).messages;
const page = await signIn(token, { width: 1440, height: 900 });
await row(page, 'Team').click();
await page.locator('[data-message*="_N1"]').first().waitFor();
while (!(await page.getByText('The conversation begins here.').isVisible())) {
  await page.locator('#messages').evaluate((messages) => messages.scrollTo(0, 0));
  await page.waitForTimeout(50);
}
const wrong = [];
for (const { message, shown, absent = [] } of cases) {
  const entry = page.locator(`[data-message$="_${message.id}"], [data-message*="_${message.id}_"]`);
  const there = await entry.count();
  const words = there > 0 ? (await entry.innerText()).replace(/\s+/g, ' ') : '';
  const isRight = there === Math.min(1, shown.length) && shown.every((part) => words.includes(part)) && absent.every((part) => !words.includes(part));
  if (!isRight) {
    wrong.push({ message, shown, absent, words });
  }
}
assert.deepEqual(wrong, []);
// Names that are written from right to left leave the words around them in their order.
for (const id of ['R1', 'R2', 'R3']) {
  const parts = await page.locator(`[data-message*="_${id}"] > span`).evaluate((notice) => [...notice.childNodes].filter(({ data }) => data !== '').map((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getBoundingClientRect().left;
  }));
  assert.ok(parts.length > 1, id);
  assert.deepEqual(parts, parts.toSorted((a, b) => a - b), id);
}
// A quote leads to the message that it quotes.
await page.locator('.quote').click();
await page.locator('.bubble.target').getByText('A good offer').waitFor();
assert.deepEqual(complaints, []);
assert.deepEqual([...asked], [line.url]);
await browser.close();
console.log('ok');
process.exit(0);
