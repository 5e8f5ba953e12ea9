// The address of the page, after its "#": the view, the filters, the open chat. Everything that back and forward return to.
import { computed, signal } from '@preact/signals';

export type View = 'all' | 'unread' | 'mine' | 'unassigned' | 'closed' | 'archived';

/** The list; empty text means any. */
export interface Filter {
  readonly view: View;
  /** Names, separated by commas: the chats have all of these labels. */
  readonly label: string;
  readonly number: string;
  readonly type: string;
  /** Email of the member whose chats are shown. */
  readonly agent: string;
  readonly search: string;
  /** `oldest`, or empty for the newest first. */
  readonly sort: string;
}

export interface Landing {
  /** The open chat; empty for none. */
  readonly chatId: string;
  /** The number that holds it, in digits. */
  readonly through: string;
  /** The message to land on; empty for the first new one, or else the newest. */
  readonly message: string;
  /** Whether to land on the newest message although others are new. */
  readonly isNewest?: boolean;
}

export interface Route extends Filter, Landing {
  /** Whether a phone shows the details instead of the conversation; empty if not. */
  readonly details: string;
}

export const VIEWS: readonly View[] = ['all', 'unread', 'mine', 'unassigned', 'closed', 'archived'];
const PARAMETERS = ['label', 'number', 'type', 'agent', 'search', 'sort', 'message', 'details'] as const;

/** `#/unread/15550100400/15550101844@c.us?label=vip` */
export function parse(hash: string): Route {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  const [view, through = '', chatId = ''] = path.split('/').map(decode);
  const parameters = new URLSearchParams(query);
  const [label, number, type, agent, search, sort, message, details] = PARAMETERS.map((name) => parameters.get(name) ?? '');
  return { view: VIEWS.find((known) => known === view) ?? 'all', label, number, type, agent, search, sort, message, details, chatId, through };
}

export function format(route: Route): string {
  const parameters = new URLSearchParams();
  PARAMETERS.filter((name) => route[name] !== '').forEach((name) => parameters.set(name, route[name]));
  const chat = route.chatId === '' ? '' : `/${encodeURIComponent(route.through)}/${encodeURIComponent(route.chatId)}`;
  const query = parameters.size > 0 ? `?${parameters}` : '';
  return `#/${route.view}${chat.replace('%40', '@')}${query}`;
}

const current = signal(parse(location.hash));
/** Where the page is. */
export const route = computed(() => current.value);
/** The part of it that selects the list; equal as long as nothing of it changes. */
export const filter = computed(() => pick(current.value));

/** The chat to open and the message to land on: a new object whenever it is to be opened anew. */
export const landing = signal<Landing>(current.value);

const reread = () => {
  const [before, next] = [current.value, parse(location.hash)];
  current.value = next;
  if (before.chatId !== next.chatId || before.through !== next.through || before.message !== next.message) {
    landing.value = next;
  }
};
addEventListener('popstate', reread);
addEventListener('hashchange', reread);

/** Changes parts of the address; `isNew` makes it a step that "back" returns from. */
export function go(change: Partial<Route>, isNew = true): void {
  const next = { ...current.value, message: '', details: '', ...change };
  const address = format(next);
  if (address !== format(current.value)) {
    if (isNew) {
      history.pushState({ isStep: true }, '', address);
    } else {
      history.replaceState(history.state, '', address);
    }
    current.value = next;
  }
  if (landing.value.chatId !== next.chatId || landing.value.through !== next.through || next.message !== '') {
    landing.value = next;
  }
}

/** Whether "back" returns from the address to another one of this page. */
export function isStep(): boolean {
  return (history.state as { isStep?: boolean } | null)?.isStep ?? false;
}

/** Opens the chat of the address anew. */
export function land(isNewest = false): void {
  landing.value = { ...current.value, isNewest };
}

let last: Filter | undefined;
function pick({ view, label, number, type, agent, search, sort }: Route): Filter {
  const next = { view, label, number, type, agent, search, sort };
  if (!last || Object.entries(next).some(([name, value]) => last?.[name as keyof Filter] !== value)) {
    last = next;
  }
  return last;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
