// The filters of the list.
import type { Chat, Wanted } from '../api';
import { activity, unread } from '../texts';
import type { Filter, View } from './route';

/** What each view adds to the chosen filters. The work of a view is open; all and unread show closed chats, too. */
const VIEWS: Record<View, (email: string) => Partial<Wanted>> = {
  all: () => ({ archived: false }),
  unread: () => ({ archived: false, unread: true }),
  mine: (email) => ({ archived: false, closed: false, assignee: email || 'none' }),
  unassigned: () => ({ archived: false, closed: false, assignee: 'none' }),
  closed: () => ({ archived: false, closed: true }),
  archived: () => ({ archived: true }),
};

/** What the service is asked for, on behalf of the user with this email. */
export function wanted({ view, ...filter }: Filter, email: string): Wanted {
  return { ...chosen(filter), ...VIEWS[view](email) };
}

/** What is chosen beside the view. */
export function chosen({ number, label, type, agent, sort }: Omit<Filter, 'view'>): Wanted {
  const labels = label.split(',').filter((name) => name !== '');
  return { number, labels, type, assignee: agent, sort: sort === 'oldest' ? 'oldest' : 'newest' };
}

/** Whether the service's list has the chat: for chats that arrive by other ways. */
export function isListed({ labels, sort, type, assignee, ...flags }: Wanted, chat: Chat): boolean {
  const assigned = chat.assignedTo?.toLowerCase() || 'none';
  return (
    labels.every((label) => chat.labels.includes(label)) &&
    (sort === 'newest' || activity(chat) > 0) &&
    (type === '' || chat.chatType === type) &&
    (assignee === '' || assigned === assignee.toLowerCase()) &&
    (flags.unread ?? unread(chat) > 0) === unread(chat) > 0 &&
    (flags.closed ?? chat.closedAt !== undefined) === (chat.closedAt !== undefined) &&
    (flags.archived ?? chat.isArchived) === chat.isArchived
  );
}
