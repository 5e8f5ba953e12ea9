// Writing to people through the simulator, which ticks, reads and answers.
import assert from 'node:assert/strict';
import { agent, line, reader, row, signIn, token } from './inbox-people.mjs';

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

/** Connects the number of the chats to a simulator that is in a hurry. */
export async function connect() {
  const call = async (path, body) => {
    const answer = await fetch(`${line.url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
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

export async function aPictureIsSentAndOpened() {
  const page = await signIn(token);
  await row(page, 'Chen Wei').click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByLabel('Files', { exact: true }).setInputFiles({ name: 'box.png', mimeType: 'image/png', buffer: PIXEL });
  await page.getByText('box.png').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).fill('This is how it arrived');
  await page.keyboard.press('Enter');
  const picture = page.locator('.bubble.ours').filter({ hasText: 'This is how it arrived' });
  await picture.locator('.ticks.blue').waitFor();
  await picture.getByRole('button', { name: /^Open / }).click();
  await page.getByRole('dialog').getByRole('img').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.close();
}

export async function whoMayOnlyReadCannotWrite() {
  const page = await signIn(reader);
  await row(page, 'Bela Kovacs').click();
  await page.getByText('Your sign-in may read chats, but neither change nor send anything.').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Message' }).count(), 0);
  await page.close();
}
