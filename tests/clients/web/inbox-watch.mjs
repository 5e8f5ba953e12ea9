// Two users with open inboxes see each other.s changes, new messages, and changes they missed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { agent, answered, calls, complaints, email, ended, enter, line, names, open, reader, row, SERVICE, signIn, token } from './inbox-people.mjs';

export async function whatOneDoesTheOtherSees(page) {
  const other = await signIn(token);
  await names(other, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await row(other, 'Chen Wei').click();
  await row(page, 'Chen Wei').click();
  await page.getByRole('button', { name: 'Archive', exact: true }).click();
  await names(page, ['Bela Kovacs', 'Asha Rao']);
  await names(other, ['Bela Kovacs', 'Asha Rao']);
  await other.getByRole('button', { name: 'Unarchive' }).waitFor();
  // A click leads to the message field, where keys are text.
  for (const one of [page, other]) {
    await one.evaluate(() => document.activeElement?.blur());
  }
  await other.keyboard.press('i');
  await page.keyboard.press('l');
  await page.keyboard.type('parcel');
  await page.keyboard.press('Enter');
  await other.getByRole('list', { name: 'Labels' }).getByText('parcel').waitFor();
  await page.getByRole('combobox', { name: 'Assigned to' }).selectOption(email);
  await other.keyboard.press('6');
  await names(other, ['Chen Wei']);
  await row(other, 'Chen Wei').locator('.assignee').getByText(email).waitFor();
  await other.keyboard.press('Escape');
  await other.getByRole('button', { name: 'Unarchive' }).click();
  await names(other, []);
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await other.close();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
}

export async function whatComesInIsShown(page) {
  const other = await signIn(reader);
  await row(other, 'Chen Wei').click();
  const messages = other.getByRole('log', { name: 'Messages' });
  await messages.getByText('The parcel is on its way').waitFor();
  const asked = calls(page);
  console.log('waiting for messages');
  await once(createInterface(process.stdin), 'line');
  await messages.getByText('Thanks a lot').waitFor();
  await row(page, 'Chen Wei').locator('.preview').getByText('Thanks a lot').waitFor();
  await row(page, 'Chen Wei').locator('.badge').getByText('100').waitFor();
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  // A hundred messages came in, but the chat was not read a hundred times.
  assert.ok(asked.length <= 20, String(asked));
  await other.close();
}

export async function anInterruptionLosesNothing(page) {
  const asked = calls(page);
  await changeWhileAway(page, async () => {
    // The watch resumes: only changed chats are loaded.
    assert.ok(!asked.includes('ListChats'), String(asked));
  });
}

export async function whatIsTooLongAgoIsReadAnew(page) {
  // The responses of a server that shuts down, and of one that no longer has the events.
  const [unavailable, outOfRange] = ['14', '11'];
  const answers = [unavailable, outOfRange];
  const places = [];
  await page.route('**/WatchChats', (route) => {
    places.push(route.request().postDataBuffer().length > 5);
    const status = answers.shift();
    return status ? route.fulfill(ended(status, '')) : route.continue();
  });
  const asked = calls(page);
  await changeWhileAway(page, async () => {
    assert.ok(asked.includes('ListChats'), String(asked));
    assert.deepEqual(places.slice(0, 3), [true, true, false]);
    assert.deepEqual(answers, []);
  });
  await page.unroute('**/WatchChats');
}

/** While the page reaches nothing, somebody archives a chat. */
async function changeWhileAway(page, whenBack) {
  const other = await signIn(token, undefined, SERVICE);
  await row(other, 'Asha Rao').click();
  const notice = page.getByRole('status').getByText('Reconnecting…');
  line.cut();
  await notice.waitFor();
  await other.getByRole('button', { name: 'Archive', exact: true }).click();
  await names(other, ['Bela Kovacs', 'Chen Wei']);
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  line.mend();
  await names(page, ['Bela Kovacs', 'Chen Wei']);
  await notice.waitFor({ state: 'hidden' });
  await whenBack();
  await other.getByRole('button', { name: 'Unarchive' }).click();
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await other.close();
  forgetTheCut();
}

/** Without a network, the stream is only silent: what the browser says counts, long before a heartbeat is missed. */
export async function aLostNetworkIsShownAtOnce(page) {
  const notice = page.getByRole('status').getByText('Reconnecting…');
  await page.context().setOffline(true);
  await notice.waitFor({ timeout: 20_000 });
  await page.context().setOffline(false);
  await notice.waitFor({ state: 'hidden' });
  forgetTheCut();
}

/** The browser reports connection errors. */
function forgetTheCut() {
  const reported = complaints.splice(0);
  complaints.push(...reported.filter((complaint) => !complaint.includes('net::ERR_')));
}

/** A change of the user's role ends the watch: the page asks again what the user may do. */
export async function whoseRightsChangeIsOfferedLess() {
  const page = await signIn(agent);
  await row(page, 'Asha Rao').click();
  const toolbar = page.getByRole('toolbar', { name: 'Chat' });
  await toolbar.waitFor();
  // A caller with the capability `read`.
  await page.route('**/GetCaller', (route) => route.fulfill(answered('\x3a\x04read')));
  line.cut();
  await page.getByRole('status').getByText('Reconnecting…').waitFor();
  line.mend();
  await toolbar.waitFor({ state: 'detached' });
  await page.close();
  forgetTheCut();
}

/** The first page and the pinned chats belong together: while either is missing, both are loaded again. */
export async function aListThatFailedIsLoadedAgain() {
  for (const call of ['ListChats', 'ListSessionChats']) {
    const page = await open();
    let isBusy = true;
    await page.route(`**/${call}`, (route) => (isBusy ? route.fulfill(ended('8', 'too many requests')) : route.continue()));
    await enter(page, reader);
    await page.getByRole('alert').getByText('Too much at once').waitFor();
    isBusy = false;
    await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
    await page.close();
  }
}

export async function anEndedTokenIsShown() {
  const page = await open();
  await page.route('**/WatchChats', (route) => route.fulfill(ended('16', 'the token is no longer accepted')));
  await enter(page, reader);
  await page.getByRole('status').getByText('the token is no longer accepted: sign in again').waitFor();
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.close();
}
