// Suggestions: phone numbers, labels and members. Without permission to list labels and members, those of the loaded
// chats are suggested.
import type { Api, Chat, Session } from './api';
import { make, part } from './page';

export class Choices {
  private readonly labels = new Set<string>();
  private readonly members = new Set<string>();

  constructor(sessions: Session[], email: string) {
    const numbers = sessions.map(({ phoneNumber, label }) =>
      make('option', { value: phoneNumber }, label ? `${label}, ${phoneNumber}` : phoneNumber),
    );
    part('number').append(...numbers);
    if (email !== '') {
      this.members.add(email);
    }
  }

  /** Loads all suggestions. A token without `manage` is refused, which is no error. */
  async load(api: Api): Promise<void> {
    const [labels, members] = await Promise.allSettled([api.labelNames(), api.memberEmails()]);
    if (labels.status === 'fulfilled') {
      labels.value.forEach((label) => this.labels.add(label));
    }
    if (members.status === 'fulfilled') {
      members.value.forEach((member) => this.members.add(member));
    }
    this.show();
  }

  /** Adds the labels and assignees of these chats. */
  learn(chats: Chat[]): void {
    const known = this.labels.size + this.members.size;
    for (const chat of chats) {
      chat.labels.forEach((label) => this.labels.add(label));
      if (chat.assignedTo) {
        this.members.add(chat.assignedTo);
      }
    }
    if (this.labels.size + this.members.size > known) {
      this.show();
    }
  }

  private show(): void {
    const filter = part<HTMLSelectElement>('label-filter');
    const chosen = filter.value;
    filter.replaceChildren(make('option', { value: '' }, 'Any label'), ...options(this.labels, true));
    filter.value = chosen;
    part('known-labels').replaceChildren(...options(this.labels, false));
    part('members').replaceChildren(...options(this.members, false));
  }
}

function options(values: Set<string>, hasText: boolean): HTMLOptionElement[] {
  const sorted = [...values].sort((a, b) => a.localeCompare(b));
  return sorted.map((value) => make('option', { value }, ...(hasText ? [value] : [])));
}
