// The filter of the chat list.
import type { Chat, Wanted } from './api';
import { unread } from './texts';

export type View = 'all' | 'unread' | 'mine' | 'archived';

export interface Filter {
  readonly view: View;
  /** Name of a label; empty for any. */
  readonly label: string;
  /** A phone number in digits; empty for all. */
  readonly phone: string;
  /** Search text; empty for none. */
  readonly search: string;
}

export const EVERYTHING: Filter = { view: 'all', label: '', phone: '', search: '' };

/** The part of the filter that the service applies. */
export function wanted(filter: Filter): Wanted {
  return { phone: filter.phone, label: filter.label, unread: filter.view === 'unread' };
}

/** Whether the service's list for this filter contains the chat. */
export function isListed(filter: Filter, chat: Chat): boolean {
  const hasLabel = filter.label === '' || chat.labels.includes(filter.label);
  return hasLabel && (filter.view !== 'unread' || unread(chat) > 0);
}

/** Whether the filter shows the chat to the user with this email. */
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
      // A search includes archived chats.
      return filter.search !== '' || !chat.isArchived;
  }
}
