// Which chats are shown.
import type { Chat, Wanted } from './api';
import { unread } from './words';

export type View = 'all' | 'unread' | 'mine' | 'archived';

export interface Filter {
  readonly view: View;
  /** A label's name; empty for any. */
  readonly label: string;
  /** A number in digits; empty for all. */
  readonly phone: string;
  /** Words to look for; empty for none. */
  readonly search: string;
}

export const EVERYTHING: Filter = { view: 'all', label: '', phone: '', search: '' };

/** The part of a filter that the service applies. */
export function wanted(filter: Filter): Wanted {
  return { phone: filter.phone, label: filter.label, unread: filter.view === 'unread' };
}

/** Whether a chat is on the service's list for this filter. */
export function isListed(filter: Filter, chat: Chat): boolean {
  const hasLabel = filter.label === '' || chat.labels.includes(filter.label);
  return hasLabel && (filter.view !== 'unread' || unread(chat) > 0);
}

/** Whether a chat is shown to who has this email. */
export function isShown(filter: Filter, chat: Chat, email: string): boolean {
  if (!isListed(filter, chat)) {
    return false;
  }
  switch (filter.view) {
    case 'archived':
      return chat.isArchived;
    case 'mine':
      return chat.assignedTo?.toLowerCase() === email.toLowerCase() && !chat.isArchived;
    default:
      // Who looks for something looks in the archive too.
      return filter.search !== '' || !chat.isArchived;
  }
}
