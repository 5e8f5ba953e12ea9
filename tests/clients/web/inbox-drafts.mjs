// What was written and not sent yet stays: through an edit, another chat, and a call that fails.
import assert from 'node:assert/strict';
import { resolvers } from '../limits.mjs';
import { answered, ended, row, signIn, token } from './inbox-people.mjs';

const REFUSED = ended('9', 'message_id: it is too late to change the message');
const BOX = { name: 'box.txt', mimeType: 'text/plain', buffer: Buffer.from('box') };

export async function anEditLeavesTheDraftAsItWas() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.fill('Half written');
  await page.getByLabel('Files', { exact: true }).setInputFiles(BOX);
  const choose = async (item) => {
    const bubble = page.locator('.bubble').filter({ hasText: 'The parcel is on its way' });
    await bubble.hover();
    await bubble.getByRole('button', { name: 'Message' }).click();
    await page.getByRole('menuitem', { name: item, exact: true }).click();
  };
  await choose('Edit');
  assert.equal(await box.inputValue(), 'The parcel is on its way');
  await box.press('Escape');
  assert.equal(await box.inputValue(), 'Half written');

  await page.route('**/EditMessage', (route) => route.fulfill(REFUSED));
  await choose('Edit');
  await box.fill('The parcel is late');
  await box.press('Enter');
  await page.getByRole('alert').getByText('it is too late').waitFor();
  assert.equal(await box.inputValue(), 'The parcel is late');
  await choose('Reply');
  assert.equal(await box.inputValue(), 'Half written');
  await page.unroute('**/EditMessage');
  await choose('Edit');
  await page.route('**/EditMessage', (route) => route.fulfill(answered()));
  await box.press('Enter');
  await page.getByText('Reply to').waitFor();
  assert.equal(await box.inputValue(), 'Half written');
  await page.getByText('box.txt').waitFor();
  await page.close();
}

/** The files, the reply and the note, too. */
export async function anotherChatKeepsTheDraft() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  const box = page.getByRole('textbox', { name: 'Message' });
  const note = page.getByRole('textbox', { name: 'Add a note' });
  await box.fill('Half written');
  await page.getByLabel('Files', { exact: true }).setInputFiles(BOX);
  const bubble = page.locator('.bubble').filter({ hasText: 'The parcel is on its way' });
  await bubble.hover();
  await bubble.getByRole('button', { name: 'Message' }).click();
  await page.getByRole('menuitem', { name: 'Reply' }).click();
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  await note.fill('Prefers');
  // At this width, it closes the panel.
  await note.press('Escape');
  await note.waitFor({ state: 'detached' });
  await row(page, 'Bela Kovacs').click();
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  assert.equal(await box.inputValue(), '');
  assert.equal(await page.getByText('box.txt').count(), 0);
  await row(page, 'Chen Wei').click();
  await page.getByText('Reply to').waitFor();
  await page.getByText('box.txt').waitFor();
  assert.equal(await box.inputValue(), 'Half written');
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  assert.equal(await note.inputValue(), 'Prefers');
  await page.close();
}

/** Once, however often one presses Enter; what is typed meanwhile is the next note. */
export async function aNoteIsAddedOnce() {
  const page = await signIn(token, { width: 1440, height: 780 });
  await row(page, 'Chen Wei').click();
  const note = page.getByRole('textbox', { name: 'Add a note' });
  const released = resolvers();
  let created = 0;
  await page.route('**/CreateNote', async (route) => {
    created += 1;
    await released.promise;
    await route.fulfill(created === 1 ? ended('14', '') : answered());
  });
  await note.fill('Prefers mornings');
  await note.press('Enter');
  await note.press('Enter');
  await page.keyboard.type('And coffee');
  await note.press('Enter');
  released.resolve();
  await page.getByRole('alert').getByText('Note not added').waitFor();
  assert.equal(created, 1);
  assert.equal(await note.inputValue(), 'Prefers mornings\nAnd coffee');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
}
