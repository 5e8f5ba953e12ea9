DROP TABLE events, event_heads, chat_properties, properties, chat_labels, labels, chat_access, chat_members, pending_receipts,
    messages, session_chats, chat_addresses, chats, lids, contacts, api_keys, sessions, members, orgs;
DROP FUNCTION current_org();
