// Staying signed in over a reload, and one chat that two numbers hold.
import assert from 'node:assert/strict';
import { resolvers, until } from '../limits.mjs';
import { email, ended, enter, open, row, signIn, token } from './inbox-people.mjs';
import { accessible } from './inbox-views.mjs';

/** A failure keeps the token, unless that is no longer accepted; who signs in without keeping it leaves none behind. */
export async function aReloadThatFailsKeepsTheSession() {
  const page = await open();
  await page.getByLabel('Stay signed in in this tab').check();
  await enter(page, token);
  await page.route('**/GetCaller', (route) => route.fulfill(ended('14', 'unavailable')));
  await page.reload();
  await page.getByRole('status').getByText('the service does not answer').waitFor();
  await accessible(page, 'a reload that failed');
  await page.unroute('**/GetCaller');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('#inbox').waitFor();

  await page.route('**/GetCaller', (route) => route.fulfill(ended('16', 'the token is not accepted')));
  await page.reload();
  await page.locator('#sign-in-error').getByText('the token is not accepted').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.unroute('**/GetCaller');

  await page.evaluate((entry) => sessionStorage.setItem('switchboard-inbox', entry), JSON.stringify({ token, email }));
  await enter(page, token);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.close();
}

/** Drafts and settings stay in the tab that keeps the session; where they would be lost, the browser asks. Signing out leaves none. */
export async function aReloadKeepsWhatWasWritten() {
  const page = await open();
  const asked = [];
  page.on('dialog', (dialog) => asked.push(dialog.type()) && void dialog.dismiss());
  const box = page.getByRole('textbox', { name: 'Message' });
  const marksRead = async (change) => {
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
    const setting = page.getByLabel('Opening a chat marks it as read');
    await change?.(setting);
    const isChecked = await setting.isChecked();
    await page.keyboard.press('Escape');
    return isChecked;
  };
  await page.getByLabel('Stay signed in in this tab').check();
  await enter(page, token);
  await reply(page, box);
  await marksRead((setting) => setting.uncheck());
  await page.reload();
  await page.getByText('Reply to').waitFor();
  assert.equal(await box.inputValue(), 'Half written');
  assert.ok(!(await marksRead()));
  await accessible(page, 'a draft that was kept');
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('API key or login token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.deepEqual(asked, []);

  await enter(page, token);
  assert.ok(await marksRead());
  await reply(page, box);
  await page.evaluate(() => void setTimeout(() => location.reload()));
  await until(() => asked.length > 0);
  assert.equal(await box.inputValue(), 'Half written');
  assert.deepEqual(asked, ['beforeunload']);
  await page.close();
}

async function reply(page, box) {
  await row(page, 'Chen Wei').click();
  const bubble = page.locator('.bubble').filter({ hasText: 'The parcel is on its way' });
  await bubble.hover();
  await bubble.getByRole('button', { name: 'Message' }).click();
  await page.getByRole('menuitem', { name: 'Reply' }).click();
  await page.getByText('Reply to').waitFor();
  assert.equal(await box.inputValue(), '');
  await box.fill('Half written');
}

/** While the chat of the other number loads, nothing can be sent from the one before. */
export async function anotherNumberOfAChatHasItsOwnDraft() {
  const page = await signIn(token, { width: 1440, height: 900 });
  await row(page, 'Dora Diaz').click();
  await page.locator('.bubble').getByText('To the first number').waitFor();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.fill('From the first');
  const released = resolvers();
  await page.route('**/GetChat', async (route) => {
    await released.promise;
    await route.continue();
  });
  await page.locator('#panel').getByRole('button', { name: /^\+\d+$/ }).click();
  await page.locator('#chat-pane').getByText('Loading…').first().waitFor();
  assert.equal(await box.count(), 0);
  released.resolve();
  await page.locator('.bubble').getByText('To the second number').waitFor();
  await page.goBack();
  await page.locator('.bubble').getByText('To the first number').waitFor();
  assert.equal(await box.inputValue(), 'From the first');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
}

/** One number has pinned the chat, another one has its newest message. */
export async function aPinnedChatKeepsItsPlace() {
  const page = await signIn(token, { width: 1440, height: 900 });
  const first = page.locator('#list .row').filter({ hasText: 'Dora Diaz' });
  await first.getByText('pinned').waitFor();
  await row(page, 'Dora Diaz').click();
  await page.getByLabel('Add a label').fill('late');
  await page.getByLabel('Add a label').press('Enter');
  await first.locator('.label').getByText('late').waitFor();
  await first.getByText('pinned').waitFor();
  assert.equal(await page.locator('#list strong').first().innerText(), 'Dora Diaz');
  await page.close();
}
