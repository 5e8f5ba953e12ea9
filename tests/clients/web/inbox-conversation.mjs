// The inbox loads only a window of a chat's messages. Here the service is an array: whatever arrives while messages are loaded,
// and however few of them are in a page, the window has no gap, and both ends of the chat can be reached.
import assert from 'node:assert/strict';
import { opened, shown, start, toTheBeginning, toTheEnd } from './conversation-service.mjs';

async function messagesThatArriveWhileTheChatOpensAreShown() {
  const { service, conversation } = start(10);
  const opened = service.hold('listMessages', () => conversation.open(...service.address));
  await opened.reached;
  service.add(3);
  // The page was read before.
  const refreshed = conversation.refresh(service.chat());
  opened.release();
  await Promise.all([opened.done, refreshed]);
  assert.deepEqual(shown(conversation), service.newest(13));
}

async function messagesThatArriveWhileOlderOnesAreLoadedAreShown() {
  const { service, conversation } = await opened(120);
  const older = service.hold('listMessages', () => conversation.older());
  await older.reached;
  conversation.put(service.add(1));
  await conversation.refresh(service.chat());
  assert.deepEqual(shown(conversation), service.newest(51));
  older.release();
  await older.done;
  assert.deepEqual(shown(conversation), service.newest(96));
}

async function messagesThatArriveOnTheWayToTheEndAreShown() {
  const { service, conversation } = await opened(120, 60);
  assert.ok(conversation.hasNewer.value);
  const newer = service.hold('listMessages', () => conversation.newer());
  await newer.reached;
  service.add(2);
  await conversation.refresh(service.chat());
  newer.release();
  await newer.done;
  assert.deepEqual(shown(conversation).slice(0, 10), service.newest(10));
  assert.ok(!conversation.hasNewer.value);
}

async function pagesThatEndEarlyHideNoMessage() {
  const { service, conversation } = start(60, 20);
  await conversation.open(...service.address);
  await toTheBeginning(conversation);
  assert.deepEqual(shown(conversation), service.newest(60));
  const [message] = service.messages.slice(40);
  await conversation.open(...service.address, message.messageId);
  assert.equal(conversation.target.value, message.messageId);
  while (conversation.hasNewer.value) {
    await conversation.newer();
  }
  await toTheBeginning(conversation);
  assert.deepEqual(shown(conversation), service.newest(60));
}

async function aMessageBeyondPagesThatEndEarlyIsFound() {
  const { service, conversation } = start(600, 1);
  const [message] = service.messages.slice(450);
  await conversation.open(...service.address, message.messageId);
  assert.equal(conversation.target.value, message.messageId);
  await conversation.open(...service.address, 'nowhere');
  assert.deepEqual(shown(conversation), service.newest(50));
}

async function manyNewMessagesDoNotStopOlderOnes() {
  const { service, conversation } = await opened(300, 100);
  const before = shown(conversation);
  service.add(70);
  const { calls } = service;
  await conversation.older();
  assert.ok(shown(conversation).length > before.length);
  await toTheBeginning(conversation);
  assert.equal(shown(conversation).at(-1), service.newest(370).at(-1));
  assert.ok(service.calls - calls < 20, `${service.calls - calls} calls`);
}

async function unreadMessagesAreMarkedOnceTheyAreLoaded() {
  const { service, conversation } = await opened(120, 60, 3);
  assert.equal(conversation.newFrom.value, '');
  assert.ok(!conversation.hasNewest.value);
  while (conversation.hasNewer.value) {
    await conversation.newer();
  }
  assert.equal(conversation.newFrom.value, service.messages[2].messageId);
  assert.ok(conversation.hasNewest.value);
}

async function messagesThatArriveOutOfViewAreMarked() {
  const { service, conversation } = await opened(120);
  const arrive = async (count, unread) => {
    service.add(count);
    service.unread = unread;
    await conversation.refresh(service.chat());
  };
  conversation.isEndInView.value = true;
  assert.ok(conversation.isSeen.value);
  await arrive(1, 1);
  assert.equal(conversation.newFrom.value, '');
  conversation.isEndInView.value = false;
  assert.ok(!conversation.isSeen.value);
  await arrive(2, 2);
  assert.equal(conversation.newFrom.value, service.messages[1].messageId);
  await arrive(1, 3);
  assert.equal(conversation.newFrom.value, service.messages[2].messageId);
}

/** However many pages there are after it, and with own messages between them: it stays the first one of the visit. */
async function aChatIsOpenedAtItsFirstNewMessage() {
  for (const unread of [49, 100, 285, 700]) {
    const { service, conversation } = start(1000 - unread);
    service.add(unread - 20);
    service.add(5, { fromMe: true });
    service.add(20);
    service.unread = unread;
    const first = service.messages[unread + 4].messageId;
    await conversation.open(...service.address);
    assert.equal(conversation.newFrom.value, first);
    assert.ok(shown(conversation).includes(first));
    assert.ok(!conversation.isSeen.value);
    assert.equal(conversation.hasNewer.value, unread > 250);
    await conversation.open(...service.address, '', undefined, true);
    assert.deepEqual(shown(conversation), service.newest(50));
    service.add(1);
    service.unread = 1;
    await conversation.refresh(service.chat());
    conversation.isNearStart = true;
    await toTheBeginning(conversation);
    assert.equal(conversation.newFrom.value, first);
    // Once the chat was read, what comes in out of view is new.
    service.unread = 0;
    await conversation.refresh(service.chat());
    conversation.isNearStart = false;
    await toTheEnd(conversation, () => {});
    assert.equal(conversation.newFrom.value, first);
    const next = service.add(1).messageId;
    service.unread = 1;
    await conversation.refresh(service.chat());
    assert.equal(conversation.newFrom.value, next);
  }
}

/** More than a page comes in while the window of the browser is out of view. */
async function theFirstOfManyThatArriveOutOfViewIsMarked() {
  const { service, conversation } = await opened(200);
  service.add(120);
  service.unread = 120;
  await conversation.refresh(service.chat());
  assert.deepEqual(shown(conversation), service.newest(50));
  conversation.isNearStart = true;
  await toTheBeginning(conversation);
  assert.equal(conversation.newFrom.value, service.messages[119].messageId);
}

/** The service may count messages that it does not have. */
async function aCountThatIsTooHighIsNotLookedForInTheWholeChat() {
  const { service, conversation } = start(0);
  service.add(3);
  service.add(5000, { fromMe: true });
  service.unread = 4;
  await conversation.open(...service.address);
  assert.deepEqual(shown(conversation), service.newest(50));
  assert.equal(conversation.newFrom.value, '');
  assert.ok(service.calls < 6, `${service.calls} calls`);
}

async function aChangeOpensAChatThatCouldNotBeOpened() {
  const { service, conversation } = start(120);
  const { messageId } = service.messages[60];
  service.listMessages = async () => {
    delete service.listMessages;
    throw new Error('unavailable');
  };
  await assert.rejects(conversation.open(...service.address, messageId));
  assert.ok(conversation.isFailed.value && !conversation.hasNewest.value);
  await conversation.refresh(service.chat());
  assert.ok(!conversation.isFailed.value);
  assert.equal(conversation.target.value, messageId);
}

await messagesThatArriveWhileTheChatOpensAreShown();
await messagesThatArriveWhileOlderOnesAreLoadedAreShown();
await messagesThatArriveOnTheWayToTheEndAreShown();
await pagesThatEndEarlyHideNoMessage();
await aMessageBeyondPagesThatEndEarlyIsFound();
await manyNewMessagesDoNotStopOlderOnes();
await unreadMessagesAreMarkedOnceTheyAreLoaded();
await messagesThatArriveOutOfViewAreMarked();
await aChatIsOpenedAtItsFirstNewMessage();
await theFirstOfManyThatArriveOutOfViewIsMarked();
await aCountThatIsTooHighIsNotLookedForInTheWholeChat();
await aChangeOpensAChatThatCouldNotBeOpened();
console.log('ok');
