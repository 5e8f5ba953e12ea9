// The messages of the open chat. They keep their place on screen while others are added above and below.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chat, ChatMessage } from '../api';
import { showFailure } from '../model/notices';
import { isNotice } from '../notice-texts';
import { dayOf, sentAt } from '../texts';
import { Bubble } from './bubble';
import { useDesk } from './desk';
import { useFocus } from './focus';
import { IconButton } from './icons';
import { PendingMessages } from './pending';

/** Distance from the end, in pixels, that counts as the end. */
const END_PIXELS = 40;
/** Distance from either end at which the next page is loaded. */
const AHEAD_PIXELS = 900;
/** Messages of one sender within this time stand together. */
const TOGETHER_MS = 5 * 60 * 1000;

interface Place {
  isAtEnd: boolean;
  /** The first visible message and its distance from the top of the view. */
  id: string;
  top: number;
}

export function Messages({ chat }: { chat: Chat }) {
  const { conversation, sender } = useDesk();
  const { messages, newFrom, target, isLoading, hasOlder, hasNewer } = conversation;
  const area = useFocus<HTMLDivElement>('messages');
  const place = useRef<Place>({ isAtEnd: true, id: '', top: 0 });
  const arrived = useRef('');
  const [isAtEnd, setAtEnd] = useState(true);
  const opened = `${chat.chatId} ${chat.orgPhone} ${target.value}`;
  const shown = messages.value;

  const note = () => {
    const element = area.current;
    if (element) {
      place.current = placeOf(element, hasNewer.value);
      setAtEnd(place.current.isAtEnd);
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
    } else if (place.current.isAtEnd) {
      element.scrollTop = element.scrollHeight;
    } else {
      stay(element, place.current);
    }
    note();
  }, [shown, opened, sender.pending.value]);
  useEffect(load, [shown, isLoading.value]);
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
    return () => observer.disconnect();
  }, []);
  const toEnd = () => {
    if (hasNewer.value) {
      place.current.isAtEnd = true;
      void conversation.open(chat.chatId, chat.orgPhone.split('@')[0], '', chat).catch(showFailure);
    } else if (area.current) {
      area.current.scrollTop = area.current.scrollHeight;
    }
  };
  return (
    <div id="messages-box">
      <div id="messages" ref={area} role="log" aria-label="Messages" tabIndex={0} aria-busy={isLoading.value}
        onScroll={() => {
          note();
          load();
        }}>
        <p class="quiet loading">{isLoading.value ? 'Loading…' : shown.length === 0 ? 'No messages yet.' : hasOlder.value ? '' : 'The conversation begins here.'}</p>
        <ol id="message-list">{shown.map((message, index) => <Entry key={message.messageId} chat={chat} message={message} before={shown[index - 1]}
          isNew={message.messageId === newFrom.value} isTarget={message.messageId === target.value} />)}<PendingMessages chat={chat} /></ol>
      </div>
      {(!isAtEnd || hasNewer.value) && shown.length > 0 && <IconButton class="to-end" icon="down" label="Newest messages" onClick={toEnd} />}
    </div>
  );
}

function Entry(props: { chat: Chat; message: ChatMessage; before?: ChatMessage; isNew: boolean; isTarget: boolean }) {
  const { message, before } = props;
  const day = message.timestamp ? dayOf(message.timestamp) : '';
  const isNewDay = day !== '' && (!before?.timestamp || dayOf(before.timestamp) !== day);
  const isTogether = !isNewDay && !props.isNew && before !== undefined && isOneSender(before, message);
  return (
    <>
      {isNewDay && <li class="separator"><span>{day}</span></li>}
      {props.isNew && <li class="separator new" id="new-messages"><span>New messages</span></li>}
      <Bubble chat={props.chat} message={message} isTogether={isTogether} isTarget={props.isTarget} />
    </>
  );
}

function isOneSender(before: ChatMessage, message: ChatMessage): boolean {
  const isSame = !isNotice(before) && before.fromMe === message.fromMe && before.author === message.author && before.performedBy === message.performedBy;
  return isSame && sentAt(message) - sentAt(before) < TOGETHER_MS;
}

function placeOf(element: HTMLElement, hasNewer: boolean): Place {
  const { scrollTop, scrollHeight, clientHeight } = element;
  const top = element.getBoundingClientRect().top;
  const entries = [...element.querySelectorAll<HTMLElement>('[data-message]')];
  const first = entries.find((entry) => entry.getBoundingClientRect().bottom > top);
  return {
    isAtEnd: !hasNewer && scrollHeight - scrollTop - clientHeight < END_PIXELS,
    id: first?.dataset.message ?? '',
    top: first ? first.getBoundingClientRect().top - top : 0,
  };
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
  } else if (newFrom !== '') {
    const divider = element.querySelector<HTMLElement>('#new-messages');
    const above = divider ? divider.getBoundingClientRect().top - element.getBoundingClientRect().top : 0;
    element.scrollTop += Math.min(0, above - 16);
  }
}

function entryOf(element: HTMLElement, id: string): HTMLElement | undefined {
  return [...element.querySelectorAll<HTMLElement>('[data-message]')].find((entry) => entry.dataset.message === id);
}
