// The details of a chat while its fields are edited faster than the service answers, and its history.
import assert from 'node:assert/strict';
import { resolvers, until } from '../limits.mjs';
import { ended, row, signIn, token } from './inbox-people.mjs';
import { call } from './inbox-sends.mjs';
import { accessible } from './inbox-views.mjs';

const WIDE = { width: 1440, height: 900 };

async function details() {
  const page = await signIn(token, WIDE);
  await row(page, 'Chen Wei').click();
  await page.locator('#panel').waitFor();
  return page;
}

/** Half-typed text stays while the chat changes; a text that cannot be saved stays, too. */
export async function aPropertyKeepsWhatIsTyped() {
  const [page, other] = [await details(), await details()];
  const field = page.getByRole('textbox', { name: 'note', exact: true });
  await field.pressSequentially('Cu');
  await other.getByRole('button', { name: 'Pin', exact: true }).click();
  await page.getByRole('button', { name: 'Unpin', exact: true }).waitFor();
  assert.equal(await field.inputValue(), 'Cu');
  await field.pressSequentially('stoms');
  await page.route('**/UpdateChat', (route) => route.fulfill(ended('14', 'unavailable')));
  await field.press('Enter');
  await page.locator('.property').getByText('Not saved').waitFor();
  await accessible(page, 'a property that was not saved');
  assert.equal(await field.inputValue(), 'Customs');
  await page.unroute('**/UpdateChat');
  await field.press('Enter');
  await page.locator('.property').getByText('Not saved').waitFor({ state: 'detached' });
  await until(async () => (await other.getByRole('textbox', { name: 'note', exact: true }).inputValue()) === 'Customs');
  await other.getByRole('textbox', { name: 'note', exact: true }).fill('Left at customs');
  await other.getByRole('heading', { name: 'Properties' }).click();
  await until(async () => (await field.inputValue()) === 'Left at customs');
  // A date is complete once its field is left.
  await page.getByLabel('since').pressSequentially('03022026');
  await field.focus();
  await until(async () => (await other.getByLabel('since').inputValue()) === '2026-03-02');
  await other.getByRole('button', { name: 'Unpin', exact: true }).click();
  await page.getByRole('button', { name: 'Pin', exact: true }).waitFor();
  await page.close();
  await other.close();
}

/** Each click counts, however long the one before takes. */
export async function quickChangesDoNotOverwriteEachOther() {
  const page = await details();
  await page.route('**/UpdateChat', async (route) => {
    await page.waitForTimeout(300);
    await route.continue();
  });
  for (const option of ['red', 'blue']) {
    await page.getByRole('checkbox', { name: option }).click();
  }
  for (const label of ['first', 'second']) {
    await page.getByLabel('Add a label').fill(label);
    await page.getByRole('button', { name: 'Add', exact: true }).first().click();
  }
  const labels = page.getByRole('list', { name: 'Labels' });
  await labels.getByText('first').waitFor();
  await labels.getByText('second').waitFor();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
  const later = await details();
  await labelsOf(later, ['first', 'second']);
  assert.deepEqual(await later.locator('fieldset.property input').evaluateAll((boxes) => boxes.map(({ checked }) => checked)), [true, false, true]);
  await later.close();
}

/** The history has one's own changes, and many messages hide none. */
export async function theHistoryHasEveryKindOfChange() {
  const page = await details();
  await page.getByText('History').click();
  for (const change of ['Label second added', 'note: Left at customs', 'since: 2026-03-02', 'needs: red, blue']) {
    await page.locator('.history li').filter({ hasText: change }).getByText('by you', { exact: true }).waitFor();
  }
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await page.locator('.history li').filter({ hasText: /^Closed/ }).waitFor();
  await page.getByRole('button', { name: 'Reopen', exact: true }).click();
  await page.locator('.history li').filter({ hasText: /^Reopened/ }).waitFor();
  const chat = await row(page, 'Chen Wei').getAttribute('data-chat');
  await page.close();
  const { data } = await call('/api/v1/sessions');
  for (let times = 0; times < 20; times += 1) {
    await call(`/api/v1/sessions/${data[0].id}/chats/${chat}/unread`, {});
    await call(`/api/v1/sessions/${data[0].id}/chats/${chat}/read`, {});
  }
  const later = await details();
  await later.getByText('History').click();
  await later.locator('.history li').filter({ hasText: /^Reopened/ }).waitFor();
  await later.close();
}

export async function theHistoryGoesBackToItsBeginning() {
  const page = await details();
  const chat = await row(page, 'Chen Wei').getAttribute('data-chat');
  for (let times = 0; times < 25; times += 1) {
    await call(`/v1/chats/${chat}/close`, {});
    await call(`/v1/chats/${chat}/reopen`, {});
  }
  await page.getByText('History').click();
  const entries = page.locator('.history li');
  const has = (count) => until(async () => (await entries.count()) === count);
  await has(30);
  const earlier = page.getByRole('button', { name: 'Show earlier' });
  // The chat changes while earlier changes are loaded.
  const [held, released] = [resolvers(), resolvers()];
  await page.route('**/ListChatAuditLogs', async (route) => {
    held.resolve();
    await released.promise;
    await route.continue();
  });
  await earlier.click();
  await held.promise;
  await call(`/v1/chats/${chat}/close`, {});
  await page.getByRole('button', { name: 'Reopen', exact: true }).waitFor();
  released.resolve();
  await until(async () => (await entries.count()) === 60 && (await entries.first().innerText()).startsWith('Closed'));
  await page.unroute('**/ListChatAuditLogs');
  await page.getByRole('button', { name: 'Reopen', exact: true }).click();
  await entries.first().getByText(/^Reopened/).waitFor();
  assert.equal(await entries.count(), 60);
  while ((await earlier.count()) > 0) {
    const before = await entries.count();
    await earlier.click();
    await until(async () => (await entries.count()) > before);
  }
  await entries.last().getByText('The chat was added').waitFor();
  assert.ok(await entries.first().locator('time').evaluate((time) => time.getClientRects().length === 1));
  await page.close();
}

/** A failure stops no other chat; what was done can be taken back, without the changes of others. */
export async function bulkChangesThatFailInPartCanBeUndone() {
  const page = await signIn(token, WIDE);
  const bela = await row(page, 'Bela Kovacs').getAttribute('data-chat');
  await page.route('**/UpdateChat', (route) => (
    route.request().postDataBuffer().includes(bela) ? route.fulfill(ended('14', 'unavailable')) : route.continue()
  ));
  await row(page, 'Bela Kovacs').click({ modifiers: ['ControlOrMeta'] });
  await row(page, 'Chen Wei').click();
  await row(page, 'Asha Rao').click();
  await page.getByRole('combobox', { name: 'Label selected' }).selectOption('first');
  await page.getByRole('alert').getByText('Only 2 of 3 chats were changed').waitFor();
  const toolbar = page.getByRole('toolbar', { name: 'Selected chats' });
  await toolbar.getByText('1 selected').waitFor();
  assert.equal(await row(page, 'Bela Kovacs').getAttribute('aria-selected'), 'true');
  await row(page, 'Asha Rao').locator('.label').getByText('first').waitFor();

  const other = await signIn(token, WIDE);
  await row(other, 'Asha Rao').click();
  await other.getByLabel('Add a label').fill('urgent');
  await other.getByLabel('Add a label').press('Enter');
  await row(page, 'Asha Rao').locator('.label').getByText('urgent').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await row(page, 'Asha Rao').locator('.label').getByText('first').waitFor({ state: 'detached' });
  await row(page, 'Asha Rao').locator('.label').getByText('urgent').waitFor();
  // It was there before.
  await row(page, 'Chen Wei').locator('.label').getByText('first').waitFor();
  await page.close();
  await other.close();
}

async function labelsOf(page, expected) {
  await until(async () => String((await page.locator('#labels li span').allInnerTexts()).toSorted()) === String(expected));
}
