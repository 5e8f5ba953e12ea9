// The inbox drops messages of a long chat that are far from the view, and loads them again on the way there: the others follow each
// other, always, and both ends can be reached.
import assert from 'node:assert/strict';
import { isConsecutive, MOST, opened, shown, toTheBeginning, toTheEnd } from './conversation-service.mjs';

async function whatIsReadIsDroppedFarFromTheView() {
  const { service, conversation } = await opened(2000);
  conversation.isNearStart = true;
  await toTheBeginning(conversation, () => isConsecutive(service, conversation));
  assert.equal(shown(conversation).at(-1), 'm1');
  assert.ok(conversation.hasNewer.value);
  service.add(30);
  await conversation.refresh(service.chat());
  conversation.isNearStart = false;
  await toTheEnd(conversation, () => isConsecutive(service, conversation));
  assert.deepEqual(shown(conversation), service.newest(shown(conversation).length));
  assert.ok(conversation.hasOlder.value && conversation.hasNewest.value);
}

async function aViewThatTurnsKeepsWhatItShows() {
  const { service, conversation } = await opened(2000);
  conversation.isNearStart = true;
  while (!conversation.hasNewer.value) {
    await conversation.older();
  }
  const newest = shown(conversation)[0];
  // It is on its way down when the older ones arrive.
  conversation.isNearStart = false;
  await conversation.older();
  assert.equal(shown(conversation)[0], newest);
  assert.ok(conversation.hasOlder.value);
  isConsecutive(service, conversation);
}

async function whatArrivesDropsTheOldestAtTheEnd() {
  const { service, conversation } = await opened(120);
  for (let count = 0; count < 700; count += 1) {
    conversation.put(service.add(1));
  }
  assert.deepEqual(shown(conversation), service.newest(MOST));
  // Those that were the oldest are dropped meanwhile.
  const older = service.hold('listMessages', () => conversation.older());
  await older.reached;
  for (let count = 0; count < 20; count += 1) {
    conversation.put(service.add(1));
  }
  older.release();
  await older.done;
  isConsecutive(service, conversation);
  assert.equal(shown(conversation)[0], service.newest(1)[0]);
  // Out of view, the newest are dropped.
  conversation.isNearStart = true;
  conversation.put(service.add(1));
  assert.ok(conversation.hasNewer.value);
  isConsecutive(service, conversation);
  conversation.isNearStart = false;
  await toTheEnd(conversation, () => isConsecutive(service, conversation));
  assert.deepEqual(shown(conversation), service.newest(MOST));
}

/** Otherwise a view without anything to scroll would load both ends in turn, for ever. */
async function messagesThatShowNothingAreNotDropped() {
  const { service, conversation } = await opened(0);
  service.add(1000, { messageType: 'reaction', body: '' });
  await conversation.open(...service.address);
  conversation.isNearStart = true;
  await toTheBeginning(conversation);
  assert.deepEqual(shown(conversation), service.newest(1000));
}

await whatIsReadIsDroppedFarFromTheView();
await aViewThatTurnsKeepsWhatItShows();
await whatArrivesDropsTheOldestAtTheEnd();
await messagesThatShowNothingAreNotDropped();
console.log('ok');
