// Addresses, staying signed in, and what every width and color scheme must hold: nothing that axe finds fault with.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { email, enter, line, names, open, row, signIn, token } from './inbox-people.mjs';

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const WIDTHS = [1440, 1024, 390];

/** Back, forward and reload lead to the view and the chat of the address. */
export async function everyViewHasAnAddress() {
  const page = await signIn(token);
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.getByRole('button', { name: 'Mine' }).click();
  await names(page, ['Bela Kovacs', 'Chen Wei']);
  await row(page, 'Bela Kovacs').click();
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  assert.match(page.url(), /#\/mine\/\d+\/\d+@c\.us$/);
  await page.goBack();
  await page.locator('#no-chat').waitFor();
  await page.goBack();
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.goForward();
  await page.goForward();
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  const address = page.url();
  await page.reload();
  await page.getByLabel('API key or login token').waitFor();
  await page.getByLabel('Stay signed in in this tab').check();
  await enter(page, token);
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  assert.equal(page.url(), address);
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('API key or login token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.goto(address.replace(/\d+@c\.us$/, '15550109999@c.us'));
  await page.reload();
  await enter(page, token);
  await page.getByText('This chat does not exist').waitFor();
  await page.close();
}

/** Also an address that names no number or no chat at all: no words of the API, no retry, no empty column of details. */
export async function anAddressWithoutAChatSaysSo() {
  const page = await open({ width: 1440, height: 900 });
  for (const chat of ['999/1@c.us', '15550100400/abc', '15550100400/15550109999@c.us']) {
    await page.goto('about:blank');
    await page.goto(`${line.url}/inbox#/all/${chat}`);
    await enter(page, token);
    await page.getByText('This chat does not exist').waitFor();
    await accessible(page, chat);
    assert.equal(await page.getByRole('alert').count(), 0, chat);
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0, chat);
    const pane = await page.locator('#chat-pane').boundingBox();
    assert.equal(pane.x + pane.width, 1440, chat);
  }
  await page.getByRole('button', { name: 'Back to the list' }).click();
  await page.getByText('Choose a chat.').waitFor();
  await page.close();
}

export async function archivingCanBeUndone(page) {
  await row(page, 'Asha Rao').click();
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  await page.getByRole('button', { name: 'Archive', exact: true }).click();
  await names(page, ['Bela Kovacs', 'Chen Wei']);
  await page.getByRole('status').getByText('Archived Asha Rao').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.keyboard.press('Escape');
}

/** Open work is what nobody or somebody has to do; what is closed leaves it. */
export async function whatIsDoneLeavesTheWork(page) {
  await page.keyboard.press('4');
  await names(page, ['Asha Rao']);
  await row(page, 'Asha Rao').click();
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await names(page, []);
  await page.keyboard.press('5');
  await names(page, ['Asha Rao']);
  await page.getByRole('button', { name: 'Reopen' }).click();
  await names(page, []);
  await page.keyboard.press('1');
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.locator('#agent-filter').selectOption(email);
  await names(page, ['Bela Kovacs', 'Chen Wei']);
  await page.locator('#agent-filter').selectOption('');
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.keyboard.press('Escape');
}

export async function severalChatsAreChangedTogether(page) {
  await row(page, 'Bela Kovacs').click({ modifiers: ['ControlOrMeta'] });
  await row(page, 'Asha Rao').click({ modifiers: ['Shift'] });
  await page.getByRole('toolbar', { name: 'Selected chats' }).getByText('3 selected').waitFor();
  assert.equal(await page.evaluate(() => getSelection().toString()), '');
  await page.getByRole('button', { name: 'End the selection' }).click();
  await row(page, 'Bela Kovacs').click({ modifiers: ['ControlOrMeta'] });
  await row(page, 'Chen Wei').click();
  await page.getByRole('toolbar', { name: 'Selected chats' }).getByText('2 selected').waitFor();
  await page.getByRole('combobox', { name: 'Label selected' }).selectOption('vip');
  await page.getByRole('status').getByText('Labelled: 2 chats').waitFor();
  await row(page, 'Chen Wei').locator('.label').getByText('vip').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await row(page, 'Chen Wei').locator('.label').getByText('vip').waitFor({ state: 'detached' });
  await row(page, 'Bela Kovacs').locator('.label').getByText('vip').waitFor();
  await severalChatsAreClosedTogether(page);
}

async function severalChatsAreClosedTogether(page) {
  const choose = async () => {
    await row(page, 'Bela Kovacs').click({ modifiers: ['ControlOrMeta'] });
    await row(page, 'Chen Wei').click();
  };
  await choose();
  await accessible(page, 'selected chats');
  await page.getByRole('button', { name: 'Close selected' }).click();
  await page.getByRole('status').getByText('Closed: 2 chats').waitFor();
  const closed = row(page, 'Chen Wei').getByText('closed', { exact: true });
  await closed.waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await closed.waitFor({ state: 'detached' });
  await choose();
  await page.getByRole('button', { name: 'Close selected' }).click();
  await closed.waitFor();
  await row(page, 'Bela Kovacs').getByText('closed', { exact: true }).waitFor();
  await choose();
  await page.getByRole('button', { name: 'Reopen selected' }).click();
  await page.getByRole('status').getByText('Reopened: 2 chats').waitFor();
  await closed.waitFor({ state: 'detached' });
}

/** A message that a search finds is shown among those around it. */
export async function aFoundMessageIsShownWhereItIs(page) {
  await page.keyboard.press('/');
  await page.keyboard.type('"parcel is on its way"');
  await names(page, ['Chen Wei']);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  const found = page.locator('.bubble.target').getByText('The parcel is on its way');
  await found.waitFor();
  assert.ok(await found.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top > 0 && bottom < innerHeight;
  }));
  const messages = page.getByRole('log', { name: 'Messages' });
  await messages.getByText('Hello?').first().waitFor();
  // The newer ones arrive on the way to the end.
  await page.getByRole('button', { name: 'Newest messages' }).click();
  await messages.getByText('Thanks a lot').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.press('Escape');
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
}

export async function everyWidthAndSchemeIsAccessible() {
  for (const width of WIDTHS) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ width, height: 780 });
      await page.emulateMedia({ colorScheme });
      await accessible(page, `${width} ${colorScheme}: sign-in`);
      await enter(page, token);
      await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
      await accessible(page, `${width} ${colorScheme}: list`);
      await row(page, 'Chen Wei').click();
      await page.locator('.bubble').first().waitFor();
      await accessible(page, `${width} ${colorScheme}: chat`);
      if (await page.locator('#panel').isHidden()) {
        await page.getByRole('button', { name: 'Details', exact: true }).click();
      }
      await page.locator('#panel').waitFor();
      await accessible(page, `${width} ${colorScheme}: details`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      await page.close();
    }
  }
}

/** Fails on anything that axe finds fault with. */
export async function accessible(page, what) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { rules: { 'label-content-name-mismatch': { enabled: true } } }));
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], what);
}
