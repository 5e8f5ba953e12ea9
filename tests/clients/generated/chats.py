"""Reads and changes a chat, and sends a message, with the client that openapi-python-client generated."""

import os

from generated import AuthenticatedClient
from generated.api.chats import get_chat, list_chats, update_chat
from generated.api.messages import send_message
from generated.api.sessions import get_session_chat
from generated.models import Chat, FlatError, SendMessageBody, UpdateChatBody

service, token, phone, session, chat_id, email = (
    os.environ[name] for name in ("SERVICE", "TOKEN", "PHONE", "SESSION", "CHAT", "EMAIL")
)
client = AuthenticatedClient(base_url=service, token=token, raise_on_unexpected_status=True)

page = list_chats.sync(client=client, limit=5, x_phone=phone)
assert chat_id in [chat.chat_id for chat in page.chats], page
chat = get_chat.sync(chat_id, client=client)
assert isinstance(chat, Chat) and chat.chat_name == "Asha Rao", chat

body = UpdateChatBody(labels=["VIP"], assigned_to=email)
changed = update_chat.sync(chat_id, client=client, body=body, idempotency_key="generated-1")
assert (changed.labels, changed.assigned_to) == (["VIP"], email), changed
of_session = get_session_chat.sync(session, chat_id, client=client)
assert of_session.name == "Asha Rao" and of_session.session_id == session, of_session

message = SendMessageBody(chat_id=chat_id, message="See you at three")
sent = send_message.sync(client=client, body=message, x_phone=phone)
assert sent.chat_id == chat_id and sent.queue_id, sent

missing = get_chat.sync("15550109999@c.us", client=client)
assert isinstance(missing, FlatError) and missing.status == 404, missing
print("ok")
