// Changes of several chats at once, which can be taken back.
import type { Api, Chat } from '../api';
import { isolate, nameOf } from '../texts';
import { notify, showFailure } from './notices';
import { endSelection, select } from './selection';
import type { Serial } from './serial';

/** Chats that are changed at the same time, well below the requests a second that a key has. */
const AT_ONCE = 5;

/** Takes the change of a chat back. */
type Undo = () => Promise<void>;

export class Bulk {
  constructor(
    private readonly api: Api,
    private readonly serial: Serial,
    private readonly changed: (chatId: string) => void,
  ) {}

  async archive(chats: readonly Chat[]): Promise<void> {
    await this.run(chats, 'Archived', async (chat) => {
      const { isArchived } = await this.api.chat(chat);
      await this.api.archive(chat, true);
      return isArchived ? undefined : () => this.api.archive(chat, false);
    });
  }

  /** Closes chats, or reopens them. */
  async close(chats: readonly Chat[], isClosed: boolean): Promise<void> {
    await this.run(chats, isClosed ? 'Closed' : 'Reopened', async (chat) => {
      const wasClosed = (await this.api.chat(chat)).closedAt !== undefined;
      await this.api.close(chat, isClosed);
      return wasClosed === isClosed ? undefined : () => this.api.close(chat, wasClosed);
    });
  }

  async markRead(chats: readonly Chat[]): Promise<void> {
    await this.run(chats, 'Marked as read', async (chat) => {
      await this.api.markRead(chat);
      return undefined;
    });
  }

  /** Assigns chats to a member; without an email, to nobody. */
  async assign(chats: readonly Chat[], email: string): Promise<void> {
    const assigned = async (chat: Chat) => (await this.api.chat(chat)).assignedTo ?? '';
    await this.run(chats, email === '' ? 'Unassigned' : 'Assigned', async (chat) => {
      const before = await assigned(chat);
      await this.api.assign(chat, email);
      return async () => {
        // Somebody else may have changed it since.
        if ((await assigned(chat)) === email) {
          await this.api.assign(chat, before);
        }
      };
    });
  }

  async label(chats: readonly Chat[], name: string): Promise<void> {
    await this.run(chats, 'Labelled', async (chat) => {
      let isNew = false;
      await this.api.changeLabels(chat, (labels) => {
        isNew = !labels.includes(name);
        return isNew ? [...labels, name] : labels;
      });
      return isNew ? () => this.api.changeLabels(chat, (labels) => labels.filter((other) => other !== name)) : undefined;
    });
  }

  /** Changes the chats, a few at a time, and offers to take back what was done. Those that could not be changed are selected. */
  private async run(chats: readonly Chat[], done: string, call: (chat: Chat) => Promise<Undo | undefined>): Promise<void> {
    endSelection();
    const [undos, failed, failures] = [new Map<Chat, Undo>(), [] as Chat[], [] as unknown[]];
    const change = async (chat: Chat) => {
      try {
        const undo = await this.serial.run(chat.chatId, () => call(chat));
        if (undo) {
          undos.set(chat, undo);
        }
      } catch (error) {
        failed.push(chat);
        failures.push(error);
      }
      this.changed(chat.chatId);
    };
    for (let at = 0; at < chats.length; at += AT_ONCE) {
      await Promise.all(chats.slice(at, at + AT_ONCE).map(change));
    }
    const undo = undos.size > 0 ? () => void this.takeBack(undos) : undefined;
    if (failed.length === 0) {
      notify(`${done}: ${chats.length === 1 ? isolate(nameOf(chats[0])) : `${chats.length} chats`}`, undo);
    } else {
      select(failed);
      showFailure(failures[0], `Only ${chats.length - failed.length} of ${chats.length} chats were changed`, undo);
    }
  }

  private async takeBack(undos: ReadonlyMap<Chat, Undo>): Promise<void> {
    await this.run([...undos.keys()], 'Taken back', async (chat) => {
      await undos.get(chat)?.();
      return undefined;
    });
  }
}
