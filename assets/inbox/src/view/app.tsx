// The page: the sign-in form, or the list, the conversation and the panel beside each other.
import { useEffect, useMemo } from 'preact/hooks';
import { type Account, account, kept } from '../model/account';
import { Desk } from '../model/desk';
import { hasDetails } from '../model/details';
import { interruption } from '../model/notices';
import { Conversation } from './conversation';
import { DeskContext } from './desk';
import { onFiles } from './dropped';
import { Help } from './help';
import { listen } from './keys';
import { List } from './list';
import { Notices } from './notices';
import { Numbers } from './numbers';
import { Panel } from './panel';
import { Sidebar } from './sidebar';
import { Resume, SignIn } from './sign-in';

export function App() {
  const signedIn = account.value;
  useEffect(() => onFiles(window, {}), []);
  return signedIn ? <Inbox account={signedIn} /> : kept.value ? <Resume entry={kept.value} /> : <SignIn />;
}

function Inbox({ account }: { account: Account }) {
  const desk = useMemo(() => new Desk(account), [account]);
  useEffect(() => {
    void desk.start();
    document.getElementById('list')?.focus();
    return listen(desk);
  }, [desk]);
  const { chat, isMissing, isFailed, isOpening } = desk.conversation;
  const hasChat = chat.value !== undefined || isMissing.value || isFailed.value || isOpening.value;
  // No column for the details of a chat that is not there.
  const hasPanel = hasDetails.value && (chat.value !== undefined || isOpening.value);
  const waiting = desk.counts.texts.value.unread ?? '0';
  useEffect(() => {
    document.title = waiting === '0' ? 'Inbox' : `(${waiting}) Inbox`;
  }, [waiting]);
  return (
    <DeskContext.Provider value={desk}>
      <div id="inbox" class={`${hasChat ? 'has-chat' : ''} ${hasPanel ? 'has-panel' : ''}`}>
        {interruption.value !== '' && <p id="connection" role="status">{interruption.value}</p>}
        <main id="panes">
          <section id="list-pane" aria-label="Chats">
            <Sidebar />
            <List />
          </section>
          <section id="chat-pane" aria-label="Open chat">
            <Conversation />
          </section>
          {chat.value && hasPanel && <Panel chat={chat.value} />}
        </main>
        <Notices />
        <Help desk={desk} />
        <Numbers />
      </div>
    </DeskContext.Provider>
  );
}
