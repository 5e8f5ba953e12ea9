// Notes of a chat in the panel: written, changed and deleted, and seen by others at once.
import assert from 'node:assert/strict';
import { reader, row, signIn, token } from './inbox-people.mjs';

export async function notesAreSeenByTheTeam() {
  const [page, other] = [await signIn(token), await signIn(reader)];
  for (const one of [page, other]) {
    await row(one, 'Asha Rao').click();
    await one.getByRole('heading', { name: 'Asha Rao' }).waitFor();
    await one.evaluate(() => document.activeElement?.blur());
  }
  await other.keyboard.press('i');
  await page.keyboard.press('n');
  const field = page.getByRole('textbox', { name: 'Add a note' });
  await page.waitForFunction(() => document.activeElement?.id === 'note');
  await page.keyboard.type('Prefers *mornings*');
  await page.keyboard.press('Enter');
  const [notes, theirs] = [page, other].map((one) => one.locator('.notes li'));
  await notes.locator('strong').getByText('mornings').waitFor();
  assert.equal(await field.inputValue(), '');
  await theirs.getByText('Prefers').waitFor();
  assert.equal(await theirs.getByRole('button').count(), 0);

  await notes.getByRole('button', { name: 'Change the note' }).click();
  await page.waitForFunction(() => document.activeElement?.id === 'edited-note');
  await page.keyboard.press('Escape');
  await notes.getByRole('button', { name: 'Change the note' }).click();
  const edited = page.getByRole('textbox', { name: 'Change the note' });
  await edited.fill('Prefers evenings');
  await page.keyboard.press('Enter');
  await theirs.getByText('Prefers evenings').waitFor();
  await theirs.getByText(', edited').waitFor();

  await notes.getByRole('button', { name: 'Delete the note' }).click();
  await theirs.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await theirs.getByText('Prefers evenings').waitFor();
  // Nobody but the team: the conversation does not have it.
  assert.equal(await page.locator('.bubble').getByText('Prefers').count(), 0);
  await row(other, 'Bela Kovacs').click();
  await theirs.waitFor({ state: 'detached' });
  await page.close();
  await other.close();
}
