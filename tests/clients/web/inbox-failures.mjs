// What fails in the inbox loses nothing: neither what was written nor where one is.
import assert from 'node:assert/strict';
import { limitTime } from '../limits.mjs';
import { browser, complaints } from './inbox-people.mjs';
import {
  aPropertyKeepsWhatIsTyped, bulkChangesThatFailInPartCanBeUndone, quickChangesDoNotOverwriteEachOther, theHistoryGoesBackToItsBeginning,
  theHistoryHasEveryKindOfChange,
} from './inbox-details.mjs';
import { aNoteIsAddedOnce, anEditLeavesTheDraftAsItWas, anotherChatKeepsTheDraft } from './inbox-drafts.mjs';
import { aFileIsDroppedAnywhere, anEmptyFileIsRefused } from './inbox-files.mjs';
import {
  aChatThatFailsToLoadIsLoadedAgain, aFailedSearchShowsNoEarlierResults, aHitLeavesTheNewestMessagesUnread, aMarkOfAnotherChatIsNotOfTheOpenOne,
  aMessageOutOfViewStaysUnread,
} from './inbox-landing.mjs';
import {
  aPinnedChatKeepsItsPlace, anotherNumberOfAChatHasItsOwnDraft, aReloadKeepsWhatWasWritten, aReloadThatFailsKeepsTheSession,
} from './inbox-reload.mjs';
import { connect } from './inbox-sends.mjs';
import { aFailedMessageIsSentAgainOnce, aFailedMessageIsShownInEveryChat, aMessageFromAmongOldOnesIsShown, messagesAreSentInOrder } from './inbox-unsent.mjs';

limitTime();

try {
  await aChatThatFailsToLoadIsLoadedAgain();
  await aHitLeavesTheNewestMessagesUnread();
  await aFailedSearchShowsNoEarlierResults();
  await aMarkOfAnotherChatIsNotOfTheOpenOne();
  await connect();
  await anEditLeavesTheDraftAsItWas();
  await anotherChatKeepsTheDraft();
  await aNoteIsAddedOnce();
  await aFileIsDroppedAnywhere();
  await anEmptyFileIsRefused();
  await aFailedMessageIsShownInEveryChat();
  await messagesAreSentInOrder();
  await aMessageFromAmongOldOnesIsShown();
  await aFailedMessageIsSentAgainOnce();
  await aMessageOutOfViewStaysUnread();
  await anotherNumberOfAChatHasItsOwnDraft();
  await aPinnedChatKeepsItsPlace();
  await aPropertyKeepsWhatIsTyped();
  await quickChangesDoNotOverwriteEachOther();
  await theHistoryHasEveryKindOfChange();
  await theHistoryGoesBackToItsBeginning();
  await bulkChangesThatFailInPartCanBeUndone();
  await aReloadThatFailsKeepsTheSession();
  await aReloadKeepsWhatWasWritten();
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
console.log('ok');
process.exit(0);
