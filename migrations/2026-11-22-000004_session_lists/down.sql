DROP FUNCTION session_chats_named;
DROP TYPE named_session_chat;
DROP INDEX session_chats_active, session_chats_active_archived, session_chats_active_unread,
    session_chats_active_muted, session_chats_active_group;
DROP TRIGGER copy_kind ON session_chats;
DROP FUNCTION session_chats_copy_kind();
ALTER TABLE session_chats DROP active_at, DROP is_unread, DROP is_group;
DROP INDEX chats_search, contacts_search;
ALTER TABLE chats DROP search_key;
ALTER TABLE contacts DROP search_key;
DROP FUNCTION sought_grams(uuid, text);
DROP FUNCTION search_grams(uuid, text);
DROP FUNCTION search_key(text);
