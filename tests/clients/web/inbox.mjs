// Works with the inbox in a headless Chromium as people do: two of them at once, with the keyboard, and on a phone. The page
// sends requests only to the service and violates no policy. It prints once that it waits for messages, and continues
// when the test confirms them.
import assert from 'node:assert/strict';
import { limitTime } from '../limits.mjs';
import {
  agent, asked, blind, browser, calls, colleague, complaints, email, enter, grpcWeb, line, names, open, reader, row, signIn, token,
} from './inbox-people.mjs';
import {
  aListThatFailedIsLoadedAgain, aLostNetworkIsShownAtOnce, anEndedTokenIsShown, anInterruptionLosesNothing, whatComesInIsShown, whatIsTooLongAgoIsReadAnew, whatOneDoesTheOtherSees, whoseRightsChangeIsOfferedLess,
} from './inbox-watch.mjs';
import { notesAreSeenByTheTeam } from './inbox-notes.mjs';
import {
  aNarrowScreenHasRoomForAll, aNoticeCoversNoChosenChat, aNoticeCoversNoMessage, aPhoneShowsOneThingAtATime, detailsOnAPhoneAreAStep,
  onATouchScreenEnterBreaksTheLine, theDetailsLeaveRoomToWrite, theFirstPageLeadsToTheInbox, theShortcutsFitTheScreen,
} from './inbox-screens.mjs';
import {
  aMessageIsDeletedOnceThatIsConfirmed, aPictureIsSentAndOpened, aReactionIsTakenBack, aReplyIsSentReadAndAnswered, connect, whoMayOnlyReadCannotWrite, withoutAConnectionNobodyWrites,
} from './inbox-sends.mjs';
import {
  aFoundMessageIsShownWhereItIs, anAddressWithoutAChatSaysSo, archivingCanBeUndone, everyViewHasAnAddress,
  everyWidthAndSchemeIsAccessible, severalChatsAreChangedTogether, whatIsDoneLeavesTheWork,
} from './inbox-views.mjs';

limitTime();

try {
  await aWrongTokenIsRefused();
  const page = await signIn(token);
  await theListShowsWhatIsNew(page);
  await theKeyboardIsEnough(page);
  await chatsAreOrganized(page);
  await whatOneDoesTheOtherSees(page);
  await whatComesInIsShown(page);
  await anInterruptionLosesNothing(page);
  await whatIsTooLongAgoIsReadAnew(page);
  await aLostNetworkIsShownAtOnce(page);
  await searchFindsNamesAndWords(page);
  await archivingCanBeUndone(page);
  await severalChatsAreChangedTogether(page);
  await whatIsDoneLeavesTheWork(page);
  await aFoundMessageIsShownWhereItIs(page);
  await notesAreSeenByTheTeam();
  await everyViewHasAnAddress();
  await anAddressWithoutAChatSaysSo();
  await whoMayNotReadCannotSignIn();
  await whoMayOnlyReadIsOfferedNoChange();
  await whoMayNotManageWorksWithoutConnections();
  await whoIsNoMemberIsNotAssigned();
  await aListThatFailedIsLoadedAgain();
  await anEndedTokenIsShown();
  await whoseRightsChangeIsOfferedLess();
  await aPhoneShowsOneThingAtATime();
  await detailsOnAPhoneAreAStep();
  await theShortcutsFitTheScreen();
  await theFirstPageLeadsToTheInbox();
  await everyWidthAndSchemeIsAccessible();
  await withoutAConnectionNobodyWrites();
  await connect();
  await aNoticeCoversNoMessage();
  await aNoticeCoversNoChosenChat();
  await aNarrowScreenHasRoomForAll();
  await theDetailsLeaveRoomToWrite();
  await onATouchScreenEnterBreaksTheLine();
  await aReplyIsSentReadAndAnswered();
  await aReactionIsTakenBack();
  await aPictureIsSentAndOpened();
  await aMessageIsDeletedOnceThatIsConfirmed();
  await whoMayOnlyReadCannotWrite();
  await nothingIsKept(page);
  assert.deepEqual(complaints, []);
  assert.deepEqual([...asked], [line.url]);
  assert.deepEqual([...grpcWeb], ['application/grpc-web+proto']);
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);

async function aWrongTokenIsRefused() {
  const page = await open();
  await page.getByLabel('API key or login token').fill('sb_nonsense');
  await page.keyboard.press('Enter');
  await page.locator('#sign-in-error').getByText('the token is not accepted').waitFor();
  assert.ok(await page.locator('#inbox').isHidden());
  await page.close();
}

async function theListShowsWhatIsNew(page) {
  await names(page, ['Chen Wei', 'Bela Kovacs', 'Asha Rao']);
  const asha = row(page, 'Asha Rao');
  assert.equal(await asha.locator('.badge').textContent(), '2 unread');
  assert.equal(await asha.locator('.preview').innerText(), 'Is <b>anybody</b> there?');
  assert.equal(await row(page, 'Chen Wei').locator('.preview').innerText(), 'You: The parcel is on its way');
  assert.equal(await row(page, 'Bela Kovacs').locator('.badge').count(), 1);
  assert.equal(await row(page, 'Chen Wei').locator('.badge').count(), 0);
  // The unread chats, whatever view is shown.
  const hasTitle = () => page.waitForFunction(() => document.title === '(2) Inbox');
  await hasTitle();
  await page.keyboard.press('5');
  await names(page, []);
  await hasTitle();
  await page.keyboard.press('1');
  await names(page, ['Chen Wei', 'Bela Kovacs', 'Asha Rao']);
}

async function theKeyboardIsEnough(page) {
  const list = page.getByRole('listbox', { name: 'Chats' });
  assert.ok(await list.evaluate((element) => element === document.activeElement));
  await page.keyboard.press('End');
  const active = await list.getAttribute('aria-activedescendant');
  assert.match(await page.locator(`#${active}`).innerText(), /Asha Rao/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  const messages = page.getByRole('log', { name: 'Messages' });
  await messages.getByText('Is <b>anybody</b> there?').waitFor();
  assert.deepEqual(await messages.locator('.bubble p').allInnerTexts(), ['Good morning', 'Is <b>anybody</b> there?']);
  assert.ok(await messages.evaluate((element) => element === document.activeElement));
  assert.equal(await row(page, 'Asha Rao').getAttribute('aria-selected'), 'true');
  // Opening it has marked it as read.
  await page.getByRole('button', { name: 'Mark unread' }).waitFor();
  await messages.getByText('New messages').waitFor();
  await page.keyboard.press('r');
  await page.getByRole('button', { name: 'Mark read' }).waitFor();
  await page.keyboard.press('r');
  await page.getByRole('button', { name: 'Mark unread' }).waitFor();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await help.getByText('archive the chat').waitFor();
  await help.getByLabel('Single letters do something').uncheck();
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'hidden' });
  await page.keyboard.press('/');
  assert.ok(!(await page.getByRole('searchbox').evaluate((element) => element === document.activeElement)));
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
  await help.getByLabel('Single letters do something').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.locator('#no-chat').waitFor();
  assert.ok(await list.evaluate((element) => element === document.activeElement));
  await page.keyboard.press('2');
  await names(page, ['Bela Kovacs']);
  // It stays listed while it is open.
  await row(page, 'Bela Kovacs').click();
  await row(page, 'Bela Kovacs').locator('.badge').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Mark unread' }).waitFor();
  await names(page, ['Bela Kovacs']);
  assert.equal(await row(page, 'Bela Kovacs').getAttribute('aria-selected'), 'true');
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('1');
  await names(page, ['Chen Wei', 'Bela Kovacs', 'Asha Rao']);
  await page.keyboard.press('2');
  await names(page, []);
  await page.keyboard.press('1');
  await names(page, ['Chen Wei', 'Bela Kovacs', 'Asha Rao']);
}

async function chatsAreOrganized(page) {
  await row(page, 'Bela Kovacs').click();
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  // A click leads to the message field, where keys are text.
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('a');
  const assignee = page.getByRole('combobox', { name: 'Assigned to' });
  await assignee.waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'assignee');
  await assignee.selectOption(email);
  await row(page, 'Bela Kovacs').locator('.assignee').getByText(email).waitFor();
  await page.keyboard.press('Escape');
  for (const label of ['vip', 'late']) {
    await page.keyboard.press('l');
    await page.keyboard.type(label);
    await page.keyboard.press('Enter');
    await row(page, 'Bela Kovacs').locator('.label').getByText(label).waitFor();
    await page.keyboard.press('Escape');
  }
  await page.keyboard.press('i');
  await page.getByRole('button', { name: 'Remove label late' }).click();
  await page.getByRole('button', { name: 'Remove label late' }).waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await page.keyboard.press('m');
  await row(page, 'Bela Kovacs').getByText('muted').waitFor();
  await page.keyboard.press('m');
  await row(page, 'Bela Kovacs').getByText('muted').waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Mine' }).click();
  await names(page, ['Bela Kovacs']);
  await page.getByRole('button', { name: 'Mine 1' }).waitFor();
  await page.getByRole('button', { name: 'All 3' }).click();
  await page.locator('#label-filter').selectOption('vip');
  await names(page, ['Bela Kovacs']);
  await page.getByRole('button', { name: 'All 1' }).waitFor();
  await page.getByRole('button', { name: 'Also chats without vip' }).click();
  await page.locator('#sort').selectOption('oldest');
  await names(page, ['Bela Kovacs', 'Asha Rao', 'Chen Wei']);
  await page.locator('#sort').selectOption('');
  await page.locator('#number').selectOption({ index: 2 });
  await names(page, []);
  await page.locator('#number').selectOption('');
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
}

async function whoIsNoMemberIsNotAssigned() {
  const page = await open();
  await enter(page, token, 'nobody@acme.example');
  await row(page, 'Chen Wei').click();
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  await page.getByRole('button', { name: 'Take' }).click();
  await page.getByRole('alert').getByText('member').waitFor();
  await page.close();
}

async function searchFindsNamesAndWords(page) {
  await page.keyboard.press('/');
  await page.keyboard.type('asha');
  await names(page, ['Asha Rao']);
  await page.getByText('In all chats').waitFor();
  await page.getByRole('searchbox').fill('parcels ');
  await names(page, ['Chen Wei']);
  // The next word follows.
  assert.equal(await page.getByRole('searchbox').inputValue(), 'parcels ');
  await page.getByRole('searchbox').fill('nowhere');
  await names(page, []);
  await page.getByRole('status').getByText('Nothing found.').waitFor();
  await page.keyboard.press('Escape');
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
}

async function whoMayNotReadCannotSignIn() {
  const page = await open();
  await page.getByLabel('API key or login token').fill(blind);
  await page.keyboard.press('Enter');
  await page.locator('#sign-in-error').getByText('may not read chats').waitFor();
  await page.close();
}

/** Nothing that the service would refuse is offered or tried, and a shortcut says why. */
async function whoMayOnlyReadIsOfferedNoChange() {
  const page = await open();
  const called = calls(page);
  await enter(page, reader);
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  await row(page, 'Bela Kovacs').click();
  await page.getByRole('heading', { name: 'Bela Kovacs' }).waitFor();
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  assert.ok(await page.getByRole('combobox', { name: 'Assigned to' }).isDisabled());
  for (const name of ['Archive', 'Close', 'Pin', 'More', 'Take', 'Add', 'Remove label vip']) {
    assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
  }
  for (const name of ['Add a label', 'Add a note', 'Message']) {
    assert.equal(await page.getByRole('textbox', { name, exact: true }).count(), 0, name);
  }
  await page.evaluate(() => document.activeElement?.blur());
  for (const key of ['e', 'c', 'x']) {
    await page.keyboard.press(key);
    await page.getByRole('status').getByText('may read chats, but neither change nor send').waitFor();
    await page.keyboard.press('z');
  }
  await row(page, 'Asha Rao').click({ modifiers: ['ControlOrMeta'] });
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
  await page.getByRole('button', { name: 'Menu' }).click();
  assert.equal(await page.getByRole('menuitem', { name: 'Select chats' }).count(), 0);
  await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await help.getByText('show unread chats').waitFor();
  assert.equal(await help.getByText('archive the chat').count(), 0);
  await names(page, ['Bela Kovacs', 'Chen Wei', 'Asha Rao']);
  assert.deepEqual(called.filter((name) => /^(Update|Mark|Close|Create|Send)/.test(name)), []);
  await page.close();
}

/** An agent changes chats, and chooses from all members; what only those who manage may see is not asked for. */
async function whoMayNotManageWorksWithoutConnections() {
  const page = await open();
  const called = calls(page);
  await enter(page, agent);
  await row(page, 'Chen Wei').click();
  await page.getByRole('button', { name: 'Archive', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  const assignee = page.getByRole('combobox', { name: 'Assigned to' });
  await assignee.locator('option', { hasText: colleague }).waitFor({ state: 'attached' });
  assert.equal(await page.getByText('Who may see this chat').count(), 0);
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Your numbers' }).click();
  await page.getByRole('dialog', { name: 'Your numbers' }).getByText('cannot send').first().waitFor();
  assert.ok(!called.includes('ListConnections'), String(called));
  await page.close();
}

async function nothingIsKept(page) {
  const kept = () => page.evaluate(async () => [
    localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length, location.search,
  ]);
  assert.deepEqual(await kept(), [0, 0, '', 0, '']);
  assert.ok(!page.url().includes(token));
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('API key or login token').waitFor();
  assert.equal(await page.getByLabel('API key or login token').inputValue(), '');
  assert.ok(await page.locator('#inbox').isHidden());
}
