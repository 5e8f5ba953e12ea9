// What there is to choose from: labels, members and custom properties, also those of the loaded chats that are not listed.
import { signal } from '@preact/signals';
import type { Api, Chat, Property } from '../api';

export interface Person {
  readonly email: string;
  readonly name: string;
  /** `owner`, `admin` or `member`; empty when it is not known. */
  readonly role: string;
}

export class Choices {
  readonly labels = signal<readonly string[]>([]);
  readonly members = signal<readonly Person[]>([]);
  readonly properties = signal<readonly Property[]>([]);

  constructor(email: string) {
    this.addMembers(email === '' ? [] : [{ email, name: '', role: '' }]);
  }

  /** Loads everything. A failure leaves what is known: nobody asked for it. */
  async load(api: Api): Promise<void> {
    const [labels, members, properties] = await Promise.allSettled([api.labelNames(), api.members(), api.properties()]);
    if (labels.status === 'fulfilled') {
      this.addLabels(labels.value);
    }
    if (members.status === 'fulfilled') {
      this.addMembers(members.value.map(({ email, name, role }) => ({ email, name: name ?? '', role: role ?? '' })));
    }
    if (properties.status === 'fulfilled') {
      this.properties.value = properties.value;
    }
  }

  /** Adds the labels and assignees of these chats. */
  learn(chats: readonly Chat[]): void {
    this.addLabels(chats.flatMap(({ labels }) => labels));
    this.addMembers(chats.flatMap(({ assignedTo }) => (assignedTo ? [{ email: assignedTo, name: '', role: '' }] : [])));
  }

  /** The member's name, or else the email. */
  nameOf(email: string): string {
    return this.members.value.find((member) => member.email.toLowerCase() === email.toLowerCase())?.name || email;
  }

  /** The members with the names to choose them by: with the email where two have the same name. */
  named(): (readonly [email: string, name: string])[] {
    const names = this.members.value.map(({ name }) => name);
    return this.members.value.map(({ email, name }) => {
      const isUnique = names.indexOf(name) === names.lastIndexOf(name);
      return [email, name === '' ? email : isUnique ? name : `${name} (${email})`] as const;
    });
  }

  private addLabels(labels: string[]): void {
    const all = new Set([...this.labels.peek(), ...labels]);
    if (all.size > this.labels.peek().length) {
      this.labels.value = [...all].sort((a, b) => a.localeCompare(b));
    }
  }

  /** Adds members; what is known about them stays. */
  private addMembers(members: Person[]): void {
    const all = new Map(this.members.peek().map((member) => [member.email.toLowerCase(), member]));
    const added = members.filter(({ email, role }) => !all.has(email.toLowerCase()) || (role !== '' && all.get(email.toLowerCase())?.role !== role));
    added.forEach((member) => all.set(member.email.toLowerCase(), member));
    if (added.length > 0) {
      this.members.value = [...all.values()].sort((a, b) => a.email.localeCompare(b.email));
    }
  }
}
