// Messages that could not be sent, that are sent from elsewhere in a chat, or that are sent at the same time.
import assert from 'node:assert/strict';
import { resolvers } from '../limits.mjs';
import { ended, names, row, signIn, token } from './inbox-people.mjs';
import { accessible } from './inbox-views.mjs';

const UNAVAILABLE = ended('14', 'unavailable');

/** An agent who has left the chat is notified, and finds the message again. Closing the page asks first. */
export async function aFailedMessageIsShownInEveryChat() {
  const page = await signIn(token);
  const [first, second] = [resolvers(), resolvers()];
  const failures = [first.promise, second.promise];
  await page.route('**/SendMessage', async (route) => {
    const failure = failures.shift();
    await failure;
    await (failure ? route.fulfill(UNAVAILABLE) : route.continue());
  });
  await row(page, 'Bela Kovacs').click();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.fill('On Sundays, too');
  await box.press('Enter');
  await row(page, 'Chen Wei').click();
  await page.getByRole('heading', { name: 'Chen Wei' }).waitFor();
  first.resolve();
  await page.getByRole('alert').getByText('Not sent to Bela Kovacs').waitFor();
  const asked = [];
  page.on('dialog', (dialog) => asked.push(dialog.type()) && void dialog.dismiss());
  await page.evaluate(() => void setTimeout(() => location.reload()));
  const unsent = page.getByRole('button', { name: '1 message not sent to Bela Kovacs' });
  await unsent.waitFor();
  await accessible(page, 'a message that was not sent');
  await unsent.click();
  assert.deepEqual(asked, ['beforeunload']);
  const sent = page.locator('.bubble.ours').filter({ hasText: 'On Sundays, too' });
  await sent.getByText('Not sent:').waitFor();
  await page.getByText('message not sent to').waitFor({ state: 'detached' });
  await sent.getByRole('button', { name: 'Try again' }).click();
  await sent.getByText('Not sent:').waitFor({ state: 'detached' });
  second.resolve();
  await sent.getByText('Not sent:').waitFor();
  await sent.getByRole('button', { name: 'Try again' }).click();
  await sent.locator('.ticks.blue').waitFor();
  assert.equal(await sent.count(), 1);
  await page.close();
}

/** In the order in which they were written, however long each takes. */
export async function messagesAreSentInOrder() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  const texts = [];
  await page.route('**/SendMessage', async (route) => {
    const text = route.request().postDataBuffer().toString().match(/(first|second|third)/)[0];
    await page.waitForTimeout(text === 'first' ? 500 : 0);
    texts.push(text);
    await route.fulfill(UNAVAILABLE);
  });
  const box = page.getByRole('textbox', { name: 'Message' });
  for (const text of ['first', 'second', 'third']) {
    await box.fill(text);
    await box.press('Enter');
  }
  const failures = page.getByRole('button', { name: 'Discard' });
  await failures.nth(2).waitFor();
  assert.deepEqual(texts, ['first', 'second', 'third']);
  while ((await failures.count()) > 0) {
    await failures.first().click();
  }
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
}

/** A message that is sent while old ones are on screen leads to the newest. */
export async function aMessageFromAmongOldOnesIsShown() {
  const page = await signIn(token);
  await page.keyboard.press('/');
  await page.keyboard.type('"old question 7"');
  await names(page, ['Asha Rao']);
  await row(page, 'Asha Rao').click();
  await page.locator('.bubble.target').waitFor();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.fill('It is there today');
  await box.press('Enter');
  const sent = page.locator('.bubble.ours').filter({ hasText: 'It is there today' });
  await sent.locator('.ticks.blue').waitFor();
  assert.equal(await sent.count(), 1);
  await page.locator('.bubble').getByText('And today?').waitFor();
  await page.close();
}

/** Each attempt has a key of its own; one that is repeated because the line was cut keeps it. The reason is in words. */
export async function aFailedMessageIsSentAgainOnce() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  const same = (shown) => shown.locator('.bubble.ours').filter({ hasText: 'The number was wrong' });
  const failed = same(page).first();
  await failed.getByTitle('131047 Re-engagement message').getByText('Not sent: more than 24 hours have passed').waitFor();
  const keys = [];
  let isCut = true;
  await page.route('**/SendMessage', (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    return isCut ? route.fulfill(UNAVAILABLE) : route.continue();
  });
  // WhatsApp has nothing to edit, to delete or to reply to.
  await failed.hover();
  await failed.getByRole('button', { name: 'Message' }).click();
  assert.deepEqual(await page.getByRole('menuitem').allInnerTexts(), ['Copy text']);
  await page.keyboard.press('Escape');
  const again = failed.getByRole('button', { name: 'Send again' });
  await again.dblclick();
  await page.getByRole('button', { name: 'Discard' }).waitFor();
  await failed.getByText('Being sent again').waitFor();
  assert.equal(keys.length, 1);
  await accessible(page, 'a message that is being sent again');
  await page.getByRole('button', { name: 'Discard' }).click();
  await again.click();
  const retry = page.getByRole('button', { name: 'Try again' });
  await retry.waitFor();
  isCut = false;
  await retry.click();
  await same(page).nth(1).locator('.ticks.blue').waitFor();
  await failed.getByText('Sent again', { exact: true }).waitFor();
  assert.deepEqual([keys.length, new Set(keys).size, keys[1]], [3, 2, keys[2]]);
  await page.close();
  const later = await signIn(token);
  await row(later, 'Chen Wei').click();
  await same(later).first().getByText('Sent again', { exact: true }).waitFor();
  assert.equal(await later.getByRole('button', { name: 'Send again' }).count(), 0);
  await later.close();
}
