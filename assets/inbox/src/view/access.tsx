// Which members may see the chat, for those who manage. Owners and admins see all.
import type { Chat } from '../api';
import { useDesk } from './desk';

export function Access({ chat }: { chat: Chat }) {
  const { choices, actions, rights } = useDesk();
  const members = choices.members.value.filter(({ role }) => role === 'member');
  if (members.length === 0 || !rights.mayManage) {
    return null;
  }
  return (
    <section>
      <details>
        <summary>Who may see this chat</summary>
        {members.map(({ email, name }) => {
          const isAllowed = chat.chatAccess[email] !== false;
          return (
            <label class="check" key={email}>
              <input type="checkbox" checked={isAllowed} disabled={!rights.maySend} onChange={() => void actions.setAccess(chat, email, !isAllowed)} /> {name || email}
            </label>
          );
        })}
        <p class="quiet">Owners and admins see every chat.</p>
      </details>
    </section>
  );
}
