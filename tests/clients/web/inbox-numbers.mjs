// The dialog about the numbers: those who manage see what waits to be sent and what failed, cancel what waits, and are led to what
// failed; others see only whether the numbers are connected.
import assert from 'node:assert/strict';
import { limitTime } from '../limits.mjs';
import { agent, browser, calls, complaints, line, open, enter, reader, signIn, token } from './inbox-people.mjs';
import { call } from './inbox-sends.mjs';
import { accessible } from './inbox-views.mjs';

limitTime();

const { data: sessions } = await call('/api/v1/sessions');

try {
  await whoManagesSeesQueuesAndErrors();
  await whatWaitsIsCancelled();
  await whatFailedIsShownInItsChat();
  await whoMayNotSendCancelsNothing();
  await whoDoesNotManageSeesNeither();
  await everyWidthShowsAllOfIt();
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);

async function whoManagesSeesQueuesAndErrors() {
  const page = await signIn(token);
  const [first, second] = await numbers(page);
  await first.getByText('Connected through: Own connector').waitFor();
  await first.getByText('2 waiting to be sent').waitFor();
  assert.equal(await waiting(first).count(), 2);
  await failed(first).getByText('Message to Asha Rao').waitFor();
  await failed(first).getByText('it cannot be delivered to this number').waitFor();
  await second.getByText('Connected through: WAHA').waitFor();
  await second.getByText('1 waiting to be sent').waitFor();
  // Why the last attempt failed.
  await waiting(second).getByText('Message to +15550107777').waitFor();
  await waiting(second).locator('.failure').waitFor();
  await waiting(second).getByText(/[1-9]\d* attempts?/).waitFor();
  assert.equal(await failed(second).count(), 0);
  await accessible(page, 'queues and errors');
  // What is queued meanwhile is shown without closing the dialog.
  await call(`/api/v1/sessions/${sessions[0].id}/messages`, { jid: process.env.CHAT, text: 'Or at five' });
  await first.getByText('3 waiting to be sent').waitFor();
  await page.close();
}

async function whatWaitsIsCancelled() {
  const page = await signIn(token);
  const [first] = await numbers(page);
  await first.getByText('3 waiting to be sent').waitFor();
  await waiting(first).first().getByRole('button', { name: 'Cancel' }).click();
  await first.getByText('2 waiting to be sent').waitFor();
  // The newest is first.
  const { data } = await call(`/api/v1/sessions/${sessions[0].id}/chats/${process.env.CHAT}/messages`);
  assert.deepEqual(data.map(({ body, failureReason }) => [body, failureReason]).slice(0, 2), [['Or at five', 'cancelled'], ['Or at four', null]]);
  await page.close();
}

async function whatFailedIsShownInItsChat() {
  const page = await signIn(token);
  const [first] = await numbers(page);
  await failed(first).getByRole('link', { name: 'Message to Asha Rao' }).click();
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  await page.getByRole('dialog', { name: 'Your numbers' }).waitFor({ state: 'hidden' });
  const message = page.locator('.bubble.target').filter({ hasText: 'The number was wrong' });
  await message.getByRole('button', { name: 'Send again' }).waitFor();
  await page.close();
}

async function whoMayNotSendCancelsNothing() {
  const page = await signIn(reader);
  const [first] = await numbers(page);
  await first.getByText('2 waiting to be sent').waitFor();
  await waiting(first).first().waitFor();
  assert.equal(await first.getByRole('button', { name: 'Cancel' }).count(), 0);
  await page.close();
}

async function whoDoesNotManageSeesNeither() {
  const page = await open();
  const called = calls(page);
  await enter(page, agent);
  const [first, second] = await numbers(page);
  await second.getByText('not connected').waitFor();
  await page.waitForTimeout(1000);
  for (const one of [first, second]) {
    assert.equal(await one.getByText('waiting to be sent').count(), 0);
    assert.equal(await one.locator('.rows li, .failure').count(), 0);
  }
  assert.deepEqual(called.filter((name) => /^List(SessionSends|Connections)$/.test(name)), []);
  await page.close();
}

async function everyWidthShowsAllOfIt() {
  for (const width of [1440, 1024, 390]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ width, height: 780 }, line.url);
      await page.emulateMedia({ colorScheme });
      await enter(page, token);
      const [first] = await numbers(page);
      await first.getByText('2 waiting to be sent').waitFor();
      await failed(first).waitFor();
      await accessible(page, `${width} ${colorScheme}: queues and errors`);
      const dialog = page.getByRole('dialog', { name: 'Your numbers' });
      assert.ok(await dialog.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth), `${width}`);
      if (process.env.SHOTS) {
        await page.screenshot({ path: `${process.env.SHOTS}/numbers-${width}-${colorScheme}.png` });
      }
      await page.close();
    }
  }
}

/** Opens the dialog; returns what it has of each number. */
async function numbers(page) {
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Your numbers' }).click();
  const dialog = page.getByRole('dialog', { name: 'Your numbers' });
  const sections = sessions.map(({ label, phoneNumber }) => dialog.locator('.number').filter({ hasText: label || `+${phoneNumber}` }));
  await sections[0].waitFor();
  return sections;
}

function waiting(number) {
  return number.getByRole('list', { name: 'Waiting to be sent' }).getByRole('listitem');
}

function failed(number) {
  return number.getByRole('list', { name: 'Last errors' }).getByRole('listitem');
}
