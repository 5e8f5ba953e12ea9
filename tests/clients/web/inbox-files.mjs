// Files that are attached: chosen, or dropped anywhere on the page.
import assert from 'node:assert/strict';
import { row, signIn, token } from './inbox-people.mjs';

/** Drops a file, or a text, and returns whether the page has kept the browser from handling it. */
async function drop(page, place, name) {
  return page.locator(place).evaluate((element, file) => {
    const dataTransfer = new DataTransfer();
    if (file) {
      dataTransfer.items.add(new File(['content'], file));
    } else {
      dataTransfer.setData('text/plain', 'a text');
    }
    const events = ['dragover', 'drop'].map((type) => new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
    events.forEach((event) => element.dispatchEvent(event));
    return events.every(({ defaultPrevented }) => defaultPrevented);
  }, name);
}

export async function aFileIsDroppedAnywhere() {
  const page = await signIn(token, { width: 1440, height: 900 });
  assert.ok(await drop(page, '#list', 'early.txt'));
  await row(page, 'Chen Wei').click();
  await page.locator('#panel').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  for (const [place, name] of [['#list', 'first.txt'], ['#panel', 'second.txt'], ['#messages', 'third.txt']]) {
    assert.ok(await drop(page, place, name));
    await page.getByRole('list', { name: 'Files to send' }).getByText(name).waitFor();
  }
  await page.getByText('3 files').waitFor();
  assert.equal(await page.locator('.dropping').count(), 0);
  for (const place of ['#compose', '#list']) {
    assert.ok(!(await drop(page, place, '')), place);
  }
  assert.equal(await page.locator('.files li').count(), 3);
  await page.close();
}

export async function anEmptyFileIsRefused() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  const file = (name, content) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
  await page.getByLabel('Files', { exact: true }).setInputFiles([file('nothing.txt', ''), file('offer.txt', 'Offer')]);
  await page.getByRole('status').getByText('nothing.txt is empty').waitFor();
  assert.deepEqual(await page.locator('.files li > span').allInnerTexts(), ['offer.txt']);
  await page.close();
}
