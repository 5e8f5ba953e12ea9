// The messages of the open chat. They keep their place on screen while others are added above and below.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Chat, ChatMessage } from '../api';
import { isCovered } from '../model/details';
import { showFailure } from '../model/notices';
import { go, land } from '../model/route';
import { isNotice } from '../notice-texts';
import { dayOf, sentAt, unread } from '../texts';
import { Bubble } from './bubble';
import { useDesk } from './desk';
import { useFocus } from './focus';
import { Icon } from './icons';
import { PendingMessages } from './pending';

/** Distance from the end, in pixels, that counts as the end. */
const END_PIXELS = 40;
/** Distance of the divider before new messages from the top of the view. */
const DIVIDER_PIXELS = 16;
/** Distance from either end at which the next page is loaded. */
const AHEAD_PIXELS = 900;
/** Messages of one sender within this time stand together. */
const TOGETHER_MS = 5 * 60 * 1000;

interface Place {
  isAtEnd: boolean;
  isNearStart: boolean;
  scrollTop: number;
  /** The first visible message and its distance from the top of the view. */
  id: string;
  top: number;
}

export function Messages({ chat }: { chat: Chat }) {
  const desk = useDesk();
  const { conversation, sender } = desk;
  const { messages, newFrom, target, isLoading, isFailed, hasOlder, hasNewer } = conversation;
  const area = useFocus<HTMLDivElement>('messages');
  const list = useRef<HTMLOListElement>(null);
  const place = useRef<Place>({ isAtEnd: true, isNearStart: false, scrollTop: 0, id: '', top: 0 });
  const arrived = useRef('');
  const [isAtEnd, setAtEnd] = useState(true);
  const opened = `${chat.chatId} ${chat.orgPhone} ${target.value}`;
  const shown = messages.value;

  const note = () => {
    const element = area.current;
    if (element && list.current) {
      place.current = placeOf(element, list.current, hasNewer.value);
      setAtEnd(place.current.isAtEnd);
      conversation.isNearStart = place.current.isNearStart;
      const isVisible = arrived.current !== '' && !isCovered.peek() && document.visibilityState === 'visible';
      conversation.isEndInView.value = isVisible && place.current.isAtEnd;
    }
  };
  const load = () => {
    const element = area.current;
    if (!element || isLoading.value || shown.length === 0 || arrived.current !== opened) {
      return;
    }
    if (hasOlder.value && element.scrollTop < AHEAD_PIXELS) {
      void conversation.older().catch(showFailure);
    } else if (hasNewer.value && element.scrollHeight - element.scrollTop - element.clientHeight < AHEAD_PIXELS) {
      void conversation.newer().catch(showFailure);
    }
  };
  useLayoutEffect(() => {
    const element = area.current;
    if (!element || shown.length === 0) {
      arrived.current = '';
      return;
    }
    if (arrived.current !== opened) {
      arrived.current = opened;
      arrive(element, target.value, newFrom.value);
    } else if (place.current.isAtEnd && !isScrolledUp(element, place.current)) {
      element.scrollTop = element.scrollHeight;
    } else if (!place.current.isAtEnd) {
      stay(element, place.current);
    }
    note();
  }, [shown, opened, sender.pending.value]);
  useEffect(load, [shown, isLoading.value]);
  useEffect(note, [isCovered.value]);
  useEffect(() => {
    const element = area.current;
    const observer = new ResizeObserver(() => {
      if (element && place.current.isAtEnd) {
        element.scrollTop = element.scrollHeight;
      }
    });
    if (element) {
      observer.observe(element);
    }
    document.addEventListener('visibilitychange', note);
    return () => {
      observer.disconnect();
      document.removeEventListener('visibilitychange', note);
    };
  }, []);
  const toNewest = () => {
    const element = area.current;
    go({ message: '' }, false);
    if (element && (!hasNewer.value || dividerTop(element) > element.clientHeight)) {
      toNewOrEnd(element);
      note();
    } else {
      place.current.isAtEnd = true;
      desk.showNew();
    }
  };
  return (
    <div id="messages-box">
      <div id="messages" ref={area} role="log" aria-label="Messages" tabIndex={0} aria-busy={isLoading.value}
        onScroll={() => {
          note();
          load();
        }}>
        {isFailed.value && !isLoading.value ? <TryAgain what="The messages" /> : (
          <p class="quiet loading">{isLoading.value ? 'Loading…' : shown.length === 0 ? 'No messages yet.' : hasOlder.value ? '' : 'The conversation begins here.'}</p>
        )}
        <ol id="message-list" ref={list}>{shown.map((message, index) => <Entry key={message.messageId} chat={chat} message={message} before={shown[index - 1]}
          isNew={message.messageId === newFrom.value} isTarget={message.messageId === target.value} />)}<PendingMessages chat={chat} /></ol>
      </div>
      {(!isAtEnd || hasNewer.value) && shown.length > 0 && <ToNewest count={unread(chat)} onClick={toNewest} />}
    </div>
  );
}

/** Leads to the newest messages, and shows how many are new. */
function ToNewest({ count, onClick }: { count: number; onClick: () => void }) {
  const label = count > 0 ? `Newest messages: ${count} new` : 'Newest messages';
  return (
    <button type="button" class="icon-button to-end" aria-label={label} title={label} onClick={onClick}>
      <Icon name="down" />
      {count > 0 && <span class="badge">{count}</span>}
    </button>
  );
}

/** What could not be loaded. */
export function TryAgain({ what }: { what: string }) {
  return <p class="quiet again">{what} could not be loaded. <button type="button" onClick={() => land()}>Try again</button></p>;
}

/** Rendered when something of it changes: all of them would take longer than a frame whenever a page is added. */
function Entry(props: { chat: Chat; message: ChatMessage; before?: ChatMessage; isNew: boolean; isTarget: boolean }) {
  const { chat, message, before, isNew, isTarget } = props;
  return useMemo(() => {
    const day = message.timestamp ? dayOf(message.timestamp) : '';
    const isNewDay = day !== '' && (!before?.timestamp || dayOf(before.timestamp) !== day);
    const isTogether = !isNewDay && !isNew && before !== undefined && isOneSender(before, message);
    return (
      <>
        {isNewDay && <li class="separator"><span>{day}</span></li>}
        {isNew && <li class="separator new" id="new-messages"><span>New messages</span></li>}
        <Bubble chat={chat} message={message} isTogether={isTogether} isTarget={isTarget} />
      </>
    );
  }, [chat, message, before, isNew, isTarget]);
}

function isOneSender(before: ChatMessage, message: ChatMessage): boolean {
  const isSame = !isNotice(before) && before.fromMe === message.fromMe && before.author === message.author && before.performedBy === message.performedBy;
  return isSame && sentAt(message) - sentAt(before) < TOGETHER_MS;
}

function placeOf(element: HTMLElement, list: HTMLElement, hasNewer: boolean): Place {
  const { scrollTop, scrollHeight, clientHeight } = element;
  const top = element.getBoundingClientRect().top;
  const entries = list.children;
  let index = firstBelow(entries, top);
  // A separator is no message.
  while (index < entries.length - 1 && idOf(entries[index]) === '') {
    index += 1;
  }
  const first = entries[index];
  return {
    scrollTop,
    isNearStart: index < entries.length / 2,
    isAtEnd: !hasNewer && scrollHeight - scrollTop - clientHeight < END_PIXELS,
    id: first ? idOf(first) : '',
    top: first ? first.getBoundingClientRect().top - top : 0,
  };
}

/** The index of the first of these elements, each below the one before, that ends below this line. */
function firstBelow(elements: HTMLCollection, line: number): number {
  let [from, to] = [0, elements.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    [from, to] = elements[middle].getBoundingClientRect().bottom > line ? [from, middle] : [middle + 1, to];
  }
  return from;
}

function idOf(entry: Element): string {
  return entry.getAttribute('data-message') ?? '';
}

/** Whether the view has left the end in a scroll that is not reported yet. */
function isScrolledUp({ scrollTop, scrollHeight, clientHeight }: HTMLElement, place: Place): boolean {
  return scrollTop < place.scrollTop - END_PIXELS && scrollHeight - scrollTop - clientHeight > END_PIXELS;
}

/** Keeps the message that was first where it was. */
function stay(element: HTMLElement, { id, top }: Place): void {
  const entry = entryOf(element, id);
  if (entry) {
    element.scrollTop += entry.getBoundingClientRect().top - element.getBoundingClientRect().top - top;
  }
}

/** Shows the message that the address leads to, else the first new one, else the end. */
function arrive(element: HTMLElement, target: string, newFrom: string): void {
  element.scrollTop = element.scrollHeight;
  if (target !== '') {
    entryOf(element, target)?.scrollIntoView({ block: 'center' });
  } else if (newFrom !== '' && dividerTop(element) !== 0) {
    element.scrollTop += Math.min(0, dividerTop(element) - DIVIDER_PIXELS);
  }
}

/** Scrolls down to the first new message, or to the end if that is not below. */
function toNewOrEnd(element: HTMLElement): void {
  const way = dividerTop(element) - DIVIDER_PIXELS;
  element.scrollTop = way > END_PIXELS ? element.scrollTop + way : element.scrollHeight;
}

/** The distance of the divider before the new messages from the top of the view; 0 without one. */
function dividerTop(element: HTMLElement): number {
  const divider = element.querySelector<HTMLElement>('#new-messages');
  return divider ? divider.getBoundingClientRect().top - element.getBoundingClientRect().top : 0;
}

function entryOf(element: HTMLElement, id: string): HTMLElement | undefined {
  return element.querySelector<HTMLElement>(`[data-message="${CSS.escape(id)}"]`) ?? undefined;
}
