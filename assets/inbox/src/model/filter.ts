// The filters of the list.
import type { Chat, Wanted } from '../api';
import { unread } from '../texts';
import type { Filter } from './route';

/** The part of the filter that the service applies. */
export function wanted({ number, label, type, view }: Filter): Wanted {
  return { number, label, type, unread: view === 'unread' };
}

/** Whether the service's list for this filter contains the chat. */
export function isListed({ label, type, view }: Filter, chat: Chat): boolean {
  const hasLabel = label === '' || chat.labels.includes(label);
  return hasLabel && (type === '' || chat.chatType === type) && (view !== 'unread' || unread(chat) > 0);
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
      return email !== '' && chat.assignedTo?.toLowerCase() === email.toLowerCase() && !chat.isArchived;
    default:
      return !chat.isArchived;
  }
}
