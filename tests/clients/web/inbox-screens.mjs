// What has its place on which screen: a phone shows one thing at a time, and what comes up covers neither messages nor buttons.
import assert from 'node:assert/strict';
import { line, names, open, row, signIn, token } from './inbox-people.mjs';
import { accessible } from './inbox-views.mjs';

const PHONE = { width: 390, height: 780 };

export async function aPhoneShowsOneThingAtATime() {
  const page = await signIn(token, PHONE);
  assert.ok(await page.locator('#chat-pane').isHidden());
  await row(page, 'Asha Rao').click();
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  assert.ok(await page.getByRole('listbox').isHidden());
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await page.getByRole('button', { name: 'Back to the list' }).click();
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  assert.ok(await page.locator('#chat-pane').isHidden());
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await filtersAreBehindAButton(page);
  await page.close();
}

async function filtersAreBehindAButton(page) {
  const { y } = await page.getByRole('listbox').boundingBox();
  assert.ok(y < 200, `the list begins at ${y} px`);
  assert.ok(await page.locator('#sort').isHidden());
  await page.getByRole('button', { name: 'Filters' }).click();
  await page.locator('#sort').selectOption('oldest');
  await names(page, ['Bela Kovacs', 'Asha Rao', 'Chen Wei']);
  await page.getByRole('button', { name: 'Filters (1 set)' }).click();
  assert.ok(await page.locator('#sort').isHidden());
}

/** On a phone, "back" leads from the details to the conversation, and another chat is opened at its conversation. */
export async function detailsOnAPhoneAreAStep() {
  const page = await signIn(token, PHONE);
  await row(page, 'Asha Rao').click();
  await page.locator('.bubble').first().waitFor();
  const details = page.getByRole('button', { name: 'Details', exact: true });
  const panel = page.locator('#panel');
  for (const leave of [() => page.goBack(), () => page.getByRole('button', { name: 'Close the details' }).click(), () => page.keyboard.press('Escape')]) {
    await details.click();
    await panel.waitFor();
    await leave();
    await panel.waitFor({ state: 'detached' });
    await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  }
  await page.goBack();
  await page.getByRole('listbox').waitFor();
  await page.goForward();
  await details.click();
  await panel.waitFor();
  await page.goBack();
  await page.goBack();
  await row(page, 'Chen Wei').click();
  await page.getByRole('heading', { name: 'Chen Wei' }).waitFor();
  assert.equal(await panel.count(), 0);
  await page.close();
}

/** Neither the box to write in, nor the newest message. */
export async function aNoticeCoversNoMessage() {
  for (const viewport of [{ width: 1440, height: 900 }, PHONE]) {
    const page = await signIn(token, viewport);
    await row(page, 'Chen Wei').click();
    await page.locator('.bubble').first().waitFor();
    if (viewport === PHONE) {
      await page.getByRole('button', { name: 'More', exact: true }).click();
    }
    await page.getByRole(viewport === PHONE ? 'menuitem' : 'button', { name: 'Archive', exact: true }).click();
    await page.getByRole('status').getByText('Archived Chen Wei').waitFor();
    const [notice, box, newest] = await Promise.all(
      [page.locator('#notice'), page.locator('#compose-form'), page.locator('.bubble').last()].map((shown) => shown.boundingBox()),
    );
    assert.ok(!overlap(notice, box) && !overlap(notice, newest), JSON.stringify([viewport, notice, box, newest]));
    assert.ok(notice.x >= 0 && notice.x + notice.width <= viewport.width, JSON.stringify(notice));
    const undone = page.waitForResponse('**/UpdateSessionChat');
    await page.getByRole('button', { name: 'Undo' }).click();
    await undone;
    await page.close();
  }
}

/** Nor the chosen chat, however long the name in it is. */
export async function aNoticeCoversNoChosenChat() {
  const page = await signIn(token, { width: 1440, height: 460 });
  await row(page, 'Asha Rao').click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByLabel('Files', { exact: true }).setInputFiles({ name: `${'long '.repeat(40)}.txt`, mimeType: 'text/plain', buffer: Buffer.alloc(0) });
  await page.getByRole('status').getByText('long long').waitFor();
  const [notice, chosen] = await Promise.all([page.locator('#notice'), row(page, 'Asha Rao')].map((shown) => shown.boundingBox()));
  assert.ok(!overlap(notice, chosen) && notice.y > 0 && notice.height < 120, JSON.stringify([notice, chosen]));
  await page.close();
}

/** Without scrolling sideways: 320 px are a small phone, or a large one at 400 %. */
export async function aNarrowScreenHasRoomForAll() {
  const page = await signIn(token, { width: 320, height: 640 });
  const fits = async () => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await fits();
  await row(page, 'Chen Wei').click();
  const name = 'the minutes of the meeting of last Monday.txt';
  await page.getByLabel('Files', { exact: true }).setInputFiles([0, 1, 2].map(() => ({ name, mimeType: 'text/plain', buffer: Buffer.from('x') })));
  await page.getByText('3 files').waitFor();
  await fits();
  for (const button of [page.getByRole('button', { name: 'Send', exact: true }), page.getByRole('button', { name: `Remove ${name}` }).first()]) {
    const { x, width } = await button.boundingBox();
    assert.ok(x + width <= 320, `${x} + ${width}`);
  }
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  await page.locator('#panel').waitFor();
  await fits();
  await page.close();
}

export async function theDetailsLeaveRoomToWrite() {
  for (const width of [1200, 1024, 768]) {
    const page = await signIn(token, { width, height: 760 });
    await row(page, 'Chen Wei').click();
    await page.getByRole('button', { name: 'Details', exact: true }).click();
    const [panel, chat] = [await page.locator('#panel').boundingBox(), await page.locator('#chat-pane').boundingBox()];
    assert.ok(!overlap(panel, chat) && chat.width > 340, JSON.stringify([width, panel, chat]));
    await accessible(page, `${width} px: the details`);
    await page.close();
  }
}

/** Where the keyboard is on the screen, as in WhatsApp. */
export async function onATouchScreenEnterBreaksTheLine() {
  const page = await signIn(token, { ...PHONE, hasTouch: true, isMobile: true });
  await row(page, 'Chen Wei').click();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.click();
  await page.keyboard.type('First');
  await page.keyboard.press('Enter');
  await page.keyboard.type('second');
  assert.equal(await box.inputValue(), 'First\nsecond');
  await page.close();
}

/** The button that ends the dialog is in view, on a low screen, too. */
export async function theShortcutsFitTheScreen() {
  for (const viewport of [{ width: 1440, height: 900 }, { width: 1440, height: 500 }]) {
    const page = await signIn(token, viewport);
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    const button = dialog.getByRole('button', { name: 'Close' });
    await button.waitFor();
    const [outer, inner] = [await dialog.boundingBox(), await button.boundingBox()];
    assert.ok(inner.y + inner.height < outer.y + outer.height, JSON.stringify([outer, inner]));
    await accessible(page, 'the shortcuts');
    await button.click();
    await dialog.waitFor({ state: 'hidden' });
    await page.close();
  }
}

export async function theFirstPageLeadsToTheInbox() {
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(PHONE);
    await page.emulateMedia({ colorScheme });
    await page.goto(`${line.url}/`);
    const { x } = await page.getByRole('heading', { name: 'Switchboard' }).boundingBox();
    assert.ok(x >= 12, `the heading begins at ${x} px`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
    await accessible(page, `${colorScheme}: the first page`);
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.getByLabel('API key or login token').waitFor();
    await page.close();
  }
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
