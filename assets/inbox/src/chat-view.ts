// The open chat: its header, its actions and its messages.
import { type Api, type Chat, digits } from './api';
import { MessageView } from './message-view';
import { make, part } from './page';
import { nameOf, unread } from './texts';

/** The actions that the chat view offers. */
export interface ChatActions {
  assign(chat: Chat, email: string): Promise<void>;
  addLabel(chat: Chat, label: string): Promise<void>;
  removeLabel(chat: Chat, label: string): Promise<void>;
  failed(error: unknown): void;
}

export class ChatView {
  private readonly messages: MessageView;
  private chat?: Chat;

  constructor(
    private readonly api: Api,
    private readonly actions: ChatActions,
  ) {
    this.messages = new MessageView(api);
    part('assign-form').addEventListener('submit', (event) => this.assign(event));
    part('label-form').addEventListener('submit', (event) => this.addLabel(event));
    part('older').addEventListener('click', () => void this.messages.older().catch(actions.failed));
  }

  get open(): Chat | undefined {
    return this.chat;
  }

  async show(chat: Chat): Promise<void> {
    this.chat = chat;
    part('inbox').classList.add('has-chat');
    part('no-chat').hidden = true;
    part('chat').hidden = false;
    part<HTMLInputElement>('label').value = '';
    part<HTMLInputElement>('assignee').value = chat.assignedTo ?? '';
    this.describe(chat);
    part('messages').focus();
    await this.messages.open(chat);
  }

  /** Updates the chat that is shown and loads newer messages. */
  async refresh(chat: Chat): Promise<void> {
    const before = this.chat;
    this.chat = chat;
    const assignee = part<HTMLInputElement>('assignee');
    // A field that has the focus keeps its text.
    if (assignee.value === (before?.assignedTo ?? '') || document.activeElement !== assignee) {
      assignee.value = chat.assignedTo ?? '';
    }
    this.describe(chat);
    await this.messages.refresh(chat);
  }

  close(): void {
    this.chat = undefined;
    this.messages.close();
    part('inbox').classList.remove('has-chat');
    part('chat').hidden = true;
    part('no-chat').hidden = false;
  }

  private describe(chat: Chat): void {
    part('chat-name').textContent = nameOf(chat);
    const session = this.api.sessionOf(chat);
    const number = digits(chat.orgPhone);
    const through = session?.label ? `${session.label}, ${number}` : number;
    const members = chat.chatType === 'group' ? `${chat.memberCount} members` : digits(chat.chatId);
    part('chat-about').textContent = `${members} · as ${through} sees it`;
    part('archive').textContent = chat.isArchived ? 'Unarchive' : 'Archive';
    part('pin').textContent = chat.isPinned ? 'Unpin' : 'Pin';
    part('mute').textContent = chat.isMuted ? 'Unmute' : 'Mute for 8 hours';
    part('read').textContent = unread(chat) > 0 ? 'Mark read' : 'Mark unread';
    part('labels').replaceChildren(...chat.labels.map((label) => this.labelChip(chat, label)));
  }

  private labelChip(chat: Chat, label: string): HTMLElement {
    const remove = make('button', { type: 'button', 'aria-label': `Remove label ${label}` }, '×');
    remove.addEventListener('click', () => {
      part('label').focus();
      void this.actions.removeLabel(chat, label);
    });
    return make('li', { class: 'label' }, label, remove);
  }

  private assign(event: Event): void {
    event.preventDefault();
    if (this.chat) {
      void this.actions.assign(this.chat, part<HTMLInputElement>('assignee').value.trim());
    }
  }

  private addLabel(event: Event): void {
    event.preventDefault();
    const field = part<HTMLInputElement>('label');
    const label = field.value.trim();
    if (this.chat && label !== '') {
      field.value = '';
      void this.actions.addLabel(this.chat, label);
    }
  }
}
