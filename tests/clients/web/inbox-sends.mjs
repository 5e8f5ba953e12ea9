// Writing to people through the simulator, which ticks, reads and answers.
import assert from 'node:assert/strict';
import { agent, calls, line, reader, row, signIn, token } from './inbox-people.mjs';
import { accessible } from './inbox-views.mjs';

/** The smallest PNG: one pixel. */
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

/** Without a connection, the compose box says why nothing can be sent, to everyone who can read. */
export async function withoutAConnectionNobodyWrites() {
  for (const key of [token, agent, reader]) {
    const page = await signIn(key);
    await row(page, 'Chen Wei').click();
    await page.getByRole('status').getByText('no connection to WhatsApp').waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).count(), 0);
    await page.close();
  }
}

/** A call over REST: a GET without a body. */
export async function call(path, body) {
  const answer = await fetch(`${line.url}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

/** Connects the number of the chats to a simulator that is in a hurry. */
export async function connect() {
  const { data } = await call('/api/v1/sessions');
  await call('/api/v1/connections', { kind: 'simulator', sessionId: data[0].id, account: '4' });
}

export async function aReplyIsSentReadAndAnswered() {
  const page = await signIn(agent);
  await row(page, 'Chen Wei').click();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.waitFor();
  assert.ok(await box.evaluate((element) => element === document.activeElement));
  await page.keyboard.type('See you');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('at three');
  await page.keyboard.press('Enter');
  assert.equal(await box.inputValue(), '');
  const bubbles = page.locator('.bubble');
  const sent = bubbles.filter({ hasText: 'See you' }).filter({ hasText: 'at three' }).first();
  await sent.locator('.ticks.blue').waitFor();
  const answer = page.locator('.bubble.theirs').filter({ hasText: 'See you' });
  await answer.waitFor();
  assert.equal(await page.locator('.bubble.ours').filter({ hasText: 'See you' }).count(), 1);

  // A reply quotes, and the quote leads to what it quotes.
  await answer.hover();
  await answer.getByRole('button', { name: 'Message' }).click();
  await page.getByRole('menuitem', { name: 'Reply' }).click();
  await page.keyboard.type('Perfect');
  await page.keyboard.press('Enter');
  const reply = page.locator('.bubble.ours').filter({ hasText: 'Perfect' });
  await reply.locator('.quote').getByText('See you').waitFor();
  await reply.locator('.quote').click();
  await page.locator('.bubble.target').filter({ hasText: 'See you' }).waitFor();
  await page.close();
}

/** The same emoji again takes it back, as in WhatsApp. */
export async function aReactionIsTakenBack() {
  const page = await signIn(agent);
  await row(page, 'Chen Wei').click();
  const message = page.locator('.bubble.theirs').filter({ hasText: 'See you' });
  const choose = async (name) => {
    await message.hover();
    await message.getByRole('button', { name: 'Message' }).click();
    await page.getByRole('menuitem', { name }).click();
  };
  await choose('React with 🙏');
  await message.locator('.reactions').getByText('🙏').waitFor();
  await choose('Remove your reaction 🙏');
  await message.locator('.reactions').waitFor({ state: 'detached' });
  await page.close();
}

export async function aPictureIsSentAndOpened() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByLabel('Files', { exact: true }).setInputFiles({ name: 'box.png', mimeType: 'image/png', buffer: PIXEL });
  await page.getByText('box.png').waitFor();
  const preview = page.getByRole('img', { name: 'Preview of box.png' });
  await preview.waitFor();
  assert.equal(await preview.evaluate((image) => image.decode().then(() => image.naturalWidth)), 1);
  const address = await preview.getAttribute('src');
  await page.evaluate(() => {
    const revoke = URL.revokeObjectURL;
    window.revoked = [];
    URL.revokeObjectURL = (url) => {
      window.revoked.push(url);
      revoke.call(URL, url);
    };
  });
  await page.getByRole('textbox', { name: 'Message' }).fill('This is how it arrived');
  await page.keyboard.press('Enter');
  const picture = page.locator('.bubble.ours').filter({ hasText: 'This is how it arrived' });
  await picture.locator('.ticks.blue').waitFor();
  assert.ok(await page.evaluate((url) => window.revoked.includes(url), address));
  await picture.getByRole('button', { name: /^Open / }).click();
  await page.getByRole('dialog').getByRole('img').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.close();
}

/** Nothing brings a deleted message back, so that a tap alone deletes none. */
export async function aMessageIsDeletedOnceThatIsConfirmed() {
  const page = await signIn(token);
  const asked = calls(page);
  await row(page, 'Chen Wei').click();
  const sent = page.locator('.bubble.ours').filter({ hasText: 'Perfect' });
  const question = page.getByRole('dialog', { name: 'Delete this message for everyone?' });
  const choose = async () => {
    await sent.hover();
    await sent.getByRole('button', { name: 'Message' }).click();
    await page.getByRole('menuitem', { name: 'Delete for everyone' }).click();
    await question.waitFor();
  };
  await choose();
  await accessible(page, 'the question before a message is deleted');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await question.waitFor({ state: 'detached' });
  await choose();
  await page.keyboard.press('Escape');
  await question.waitFor({ state: 'detached' });
  assert.ok(!asked.includes('DeleteMessage'), String(asked));
  await choose();
  await question.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.bubble.ours').getByText('This message was deleted').waitFor();
  assert.equal(asked.filter((name) => name === 'DeleteMessage').length, 1);
  await page.close();
}

export async function whoMayOnlyReadCannotWrite() {
  const page = await signIn(reader);
  await row(page, 'Bela Kovacs').click();
  await page.getByText('Your sign-in may read chats, but neither change nor send anything.').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Message' }).count(), 0);
  await page.close();
}
