// A search: people and groups by name or number, and messages by their words.
import { batch, signal } from '@preact/signals';
import type { Api, Chat, SearchHit } from '../api';
import { load } from './busy';
import type { Filter } from './route';

const PEOPLE = 25;

export interface Hit {
  hit: SearchHit;
  chat: Chat;
}

export class Search {
  readonly people = signal<readonly Chat[]>([]);
  readonly hits = signal<readonly Hit[]>([]);
  readonly isLoading = signal(false);
  /** Whether there are no further results. */
  readonly isComplete = signal(true);
  private asked?: Filter;
  /** Whether the first results are not there yet. */
  private isStarting = false;
  private nextPeople?: number;
  private nextHits?: number;
  /** The chats of hits, each loaded once. */
  private chats = new Map<string, Promise<Chat | undefined>>();

  constructor(private readonly api: Api) {}

  async start(filter: Filter): Promise<void> {
    this.asked = filter;
    this.isStarting = true;
    this.chats.clear();
    const read = async () => {
      const [people, hits] = await Promise.all([this.readPeople(filter, 0), this.readHits(filter, 0)]);
      this.show(filter, people, hits);
    };
    try {
      await load(this.isLoading, read, () => filter === this.asked);
    } catch (error) {
      if (filter === this.asked) {
        // Those on screen are results of another search.
        batch(() => {
          this.people.value = [];
          this.hits.value = [];
          this.isComplete.value = false;
        });
      }
      throw error;
    }
  }

  async more(): Promise<void> {
    const { asked } = this;
    if (!asked || this.isLoading.value || this.isComplete.value) {
      return;
    }
    if (this.isStarting) {
      return this.start(asked);
    }
    const read = async () => {
      const people = this.nextPeople !== undefined ? await this.readPeople(asked, this.nextPeople) : [];
      const hits = this.nextHits === undefined ? [] : await this.readHits(asked, this.nextHits);
      this.show(asked, [...this.people.value, ...people], [...this.hits.value, ...hits]);
    };
    await load(this.isLoading, read, () => asked === this.asked);
  }

  /** Updates a chat among the results. */
  put(chat: Chat): void {
    this.people.value = this.people.value.map((found) => (found.chatId === chat.chatId ? chat : found));
  }

  private show(asked: Filter, people: readonly Chat[], hits: readonly Hit[]): void {
    if (asked === this.asked) {
      this.isStarting = false;
      this.people.value = [...new Map(people.map((chat) => [chat.chatId, chat])).values()];
      this.hits.value = hits;
      this.isComplete.value = this.nextPeople === undefined && this.nextHits === undefined;
    }
  }

  private async readPeople(asked: Filter, offset: number): Promise<Chat[]> {
    const wanted = { number: asked.number, labels: [], query: asked.search, sort: 'newest', type: '', assignee: '' } as const;
    const chats = await this.api.listChats(wanted, offset, PEOPLE);
    if (asked === this.asked) {
      this.nextPeople = chats.length === PEOPLE ? offset + PEOPLE : undefined;
    }
    return chats;
  }

  private async readHits(asked: Filter, offset: number): Promise<Hit[]> {
    const { items, next } = await this.api.searchMessages(asked.search, asked.number, offset);
    const hits = await Promise.all(items.map(async (hit) => ({ hit, chat: await this.chatOf(hit) })));
    if (asked === this.asked) {
      this.nextHits = next;
    }
    return hits.filter((found): found is Hit => found.chat !== undefined);
  }

  private chatOf({ message }: SearchHit): Promise<Chat | undefined> {
    const [chatId, number] = [message?.chatId ?? '', message?.orgPhone ?? ''];
    const key = `${number} ${chatId}`;
    let known = this.chats.get(key);
    if (!known) {
      known = this.api.findChat(chatId, number.split('@')[0]);
      known.catch(() => this.chats.delete(key));
      this.chats.set(key, known);
    }
    return known;
  }
}
