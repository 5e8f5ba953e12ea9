// A page that shows a chat. It calls the service straight from the browser, over gRPC-Web.
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { ChatService } from './generated/switchboard/v1/chat_pb';

const settings = new URLSearchParams(location.hash.slice(1));
const setting = (name: string) => settings.get(name) ?? '';
const headers = { authorization: `Bearer ${setting('token')}`, 'x-phone': setting('phone') };
const chats = createClient(ChatService, createGrpcWebTransport({ baseUrl: setting('service') }));

function show(id: string, text: string) {
  const line = document.createElement('p');
  line.id = id;
  line.textContent = text;
  document.body.append(line);
}

try {
  const chat = await chats.getChat({ chatId: setting('chat') }, { headers });
  show('name', chat.chatName ?? '');
  const changed = await chats.updateChat({ chatId: setting('chat'), chat: { labels: ['seen in a browser'] } }, { headers });
  show('labels', changed.labels.join());
  try {
    await chats.getChat({ chatId: '15550109999@c.us' }, { headers });
  } catch (error) {
    show('missing', Code[ConnectError.from(error).code]);
  }
  show('end', 'shown');
} catch (error) {
  show('end', `failed: ${ConnectError.from(error).message}`);
}
