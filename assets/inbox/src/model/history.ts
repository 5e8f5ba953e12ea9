// What people and programs changed about a chat.
import type { Api, Chat, ChatChange } from '../api';

/** All kinds but messages: each that is marked as read is one, so that many of them would come before any other. */
const KINDS = ['attached', 'detached', 'details', 'assignee', 'labels', 'properties', 'access', 'members', 'state'];
/** How many changes are shown at first, and how many more at a time. */
export const SHOWN = 30;
/** The largest page of the service. */
const MOST = 200;

/** What is loaded of each kind, newest first, and where it continues. */
interface Kind {
  readonly kind: string;
  readonly loaded: readonly ChatChange[];
  /** Undefined when all of it is loaded. */
  readonly next?: string;
}

export interface Past {
  /** The newest changes, newest first. */
  readonly changes: readonly ChatChange[];
  readonly hasMore: boolean;
  readonly kinds: readonly Kind[];
}

/** That many of the newest changes. */
export async function pastOf(api: Api, chat: Chat, count: number): Promise<Past> {
  return grown(api, chat, KINDS.map((kind) => ({ kind, loaded: [], next: '' })), count);
}

/** The same, and earlier ones, that many in all. */
export async function earlier(api: Api, chat: Chat, { kinds }: Past, count: number): Promise<Past> {
  return grown(api, chat, kinds, count);
}

/** Loads of every kind what may be among the newest changes, so that none is missing between two others. */
async function grown(api: Api, chat: Chat, before: readonly Kind[], count: number): Promise<Past> {
  const kinds = await Promise.all(before.map((kind) => filled(api, chat, kind, count)));
  const all = kinds.flatMap(({ loaded }) => loaded).sort((a, b) => Number(b.id - a.id));
  const changes = all.slice(0, count);
  return { changes, hasMore: all.length > count || kinds.some(({ next }) => next !== undefined), kinds };
}

async function filled(api: Api, chat: Chat, { kind, loaded, next }: Kind, count: number): Promise<Kind> {
  if (next === undefined || loaded.length >= count) {
    return { kind, loaded, next };
  }
  const page = await api.history(chat, kind, Math.min(MOST, count - loaded.length), next);
  return filled(api, chat, { kind, loaded: [...loaded, ...page.items], next: page.next }, count);
}

/** Differs when something has changed that the history has. */
export function stateOf(chat: Chat): string {
  const { orgPhone, chatName, assignedTo, labels, closedAt, updatedAt, isArchived, isPinned, isMuted, customProperties, chatAccess, memberCount } = chat;
  const times = [closedAt, updatedAt].map((time) => `${time?.seconds}.${time?.nanos}`);
  return JSON.stringify([orgPhone, chatName, assignedTo, labels, times, isArchived, isPinned, isMuted, customProperties, chatAccess, Number(memberCount)]);
}
