// Where the inbox lands: at the newest messages or at a found one, also after loads that failed.
import assert from 'node:assert/strict';
import { until } from '../limits.mjs';
import { calls, ended, names, row, signIn, token } from './inbox-people.mjs';
import { call } from './inbox-sends.mjs';
import { accessible } from './inbox-views.mjs';

const UNAVAILABLE = ended('14', 'unavailable');

/** While its messages are missing, a chat neither looks empty nor is marked as read. */
export async function aChatThatFailsToLoadIsLoadedAgain() {
  const page = await signIn(token);
  await names(page, ['Dora Diaz', 'Asha Rao', 'Chen Wei', 'Bela Kovacs']);
  const called = calls(page);
  for (const again of [() => page.getByRole('button', { name: 'Try again' }).click(), () => row(page, 'Bela Kovacs').click()]) {
    await page.route('**/ListChatMessages', (route) => route.fulfill(UNAVAILABLE));
    await row(page, 'Bela Kovacs').click();
    await page.getByText('The messages could not be loaded.').waitFor();
    await accessible(page, 'messages that could not be loaded');
    assert.equal(await page.getByText('No messages yet.').count(), 0);
    assert.ok(!called.includes('MarkSessionChatRead'), String(called));
    await page.unroute('**/ListChatMessages');
    await again();
    await page.locator('.bubble').getByText('Do you deliver on Sundays?').waitFor();
    await row(page, 'Bela Kovacs').locator('.badge').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Mark unread' }).click();
    await row(page, 'Bela Kovacs').locator('.badge').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.locator('#no-chat').waitFor();
    called.splice(0);
  }
  await page.close();
}

/** Only who sees the newest messages has read the chat. Hits and quotes lead to their message each time, and back leads back. */
export async function aHitLeavesTheNewestMessagesUnread() {
  const page = await signIn(token);
  const called = calls(page);
  await page.keyboard.press('/');
  await page.keyboard.type('"old question 7"');
  await names(page, ['Asha Rao']);
  const target = page.locator('.bubble.target').getByText('Old question 7', { exact: true });
  await row(page, 'Asha Rao').click();
  await target.waitFor();
  const address = page.url();
  assert.equal(await page.locator('#new-messages').count(), 0);
  await page.waitForTimeout(700);
  assert.ok(!called.includes('MarkSessionChatRead'), String(called));

  const newest = page.locator('.bubble').getByText('And today?');
  await page.getByRole('button', { name: 'Newest messages' }).click();
  await newest.waitFor();
  await page.locator('#new-messages + .bubble').getByText('Is it there?').waitFor();
  assert.ok(!page.url().includes('message='));
  await until(() => called.includes('MarkSessionChatRead'));

  await row(page, 'Asha Rao').click();
  await target.waitFor();
  assert.equal(page.url(), address);
  await page.getByRole('log', { name: 'Messages' }).evaluate((element) => element.scrollTo(0, 0));
  await page.waitForTimeout(300);
  await row(page, 'Asha Rao').click();
  await page.waitForFunction(() => {
    const { top } = document.querySelector('.bubble.target')?.getBoundingClientRect() ?? { top: -1 };
    return top > 0 && top < innerHeight;
  });
  await page.goBack();
  await newest.waitFor();
  await target.waitFor({ state: 'detached' });
  await page.goForward();
  await target.waitFor();
  await page.close();
}

export async function aFailedSearchShowsNoEarlierResults() {
  const page = await signIn(token);
  await page.keyboard.press('/');
  await page.keyboard.type('chen');
  await names(page, ['Chen Wei']);
  await page.route('**/SearchMessages', (route) => route.fulfill(UNAVAILABLE));
  await page.getByRole('searchbox').fill('bela');
  await page.getByRole('alert').getByText('does not answer').waitFor();
  assert.equal(await page.locator('#list .row').count(), 0);
  assert.equal(await page.getByText('Nothing found.').count(), 0);
  await page.unroute('**/SearchMessages');
  await names(page, ['Bela Kovacs']);
  await page.close();
}

/** While other messages are in view: the button counts what comes in, and leads to the first of it. */
export async function aMessageOutOfViewStaysUnread() {
  const page = await signIn(token);
  await row(page, 'Asha Rao').click();
  await page.locator('.bubble').getByText('And today?').waitFor();
  await row(page, 'Asha Rao').locator('.badge').waitFor({ state: 'detached' });
  const messages = page.getByRole('log', { name: 'Messages' });
  await messages.evaluate((element) => element.scrollBy(0, -1200));
  const newest = page.getByRole('button', { name: 'Newest messages' });
  await newest.waitFor();
  const called = calls(page);
  const chat = await row(page, 'Asha Rao').getAttribute('data-chat');
  await call('/v1/message/send', { chat_id: chat, message: 'It is on its way' });
  // The person may write once more meanwhile.
  await page.getByRole('button', { name: /^Newest messages: \d+ new$/ }).waitFor();
  await accessible(page, 'new messages out of view');
  await row(page, 'Asha Rao').locator('.badge').waitFor();
  await page.waitForTimeout(1500);
  assert.ok(!called.includes('MarkSessionChatRead'), String(called));
  await newest.click();
  // The first new one may be one that the person wrote before the answer.
  await page.locator('#new-messages + .bubble.theirs').waitFor();
  await page.locator('#new-messages ~ .bubble.theirs').getByText('It is on its way').waitFor();
  assert.equal(await page.locator('#new-messages ~ .bubble').getByText('And today?').count(), 0);
  await row(page, 'Asha Rao').locator('.badge').waitFor({ state: 'detached' });
  assert.ok(called.includes('MarkSessionChatRead'), String(called));
  await newest.waitFor({ state: 'detached' });
  await page.close();
}

/** A chat that the list marks as unread leaves the open one as it is: what others mark as unread there has been read. */
export async function aMarkOfAnotherChatIsNotOfTheOpenOne() {
  const [page, other] = [await signIn(token), await signIn(token)];
  await row(page, 'Bela Kovacs').click();
  await page.locator('.bubble').getByText('Do you deliver on Sundays?').waitFor();
  await page.getByRole('button', { name: 'Mark unread' }).waitFor();
  const list = page.getByRole('listbox', { name: 'Chats' });
  await list.focus();
  await page.keyboard.press('ArrowUp');
  const marked = page.waitForRequest(/MarkSessionChat(Unread|Read)$/);
  await page.keyboard.press('r');
  await marked;
  await row(other, 'Bela Kovacs').click();
  const read = page.waitForRequest('**/MarkSessionChatRead');
  await other.getByRole('button', { name: 'Mark unread' }).click();
  await read;
  await row(page, 'Bela Kovacs').locator('.badge').waitFor({ state: 'detached' });
  // A chat that was marked as unread is read again when it is opened again.
  await page.getByRole('button', { name: 'Mark unread' }).click();
  await row(page, 'Bela Kovacs').locator('.badge').waitFor();
  await row(page, 'Chen Wei').click();
  await page.getByRole('heading', { name: 'Chen Wei' }).waitFor();
  assert.equal(await row(page, 'Bela Kovacs').locator('.badge').count(), 1);
  await row(page, 'Bela Kovacs').click();
  await row(page, 'Bela Kovacs').locator('.badge').waitFor({ state: 'detached' });
  await page.close();
  await other.close();
}
