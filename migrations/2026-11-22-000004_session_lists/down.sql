DROP FUNCTION search_session_chats;
DROP TYPE session_chat_match;
DROP INDEX session_chats_active, session_chats_active_archived, session_chats_active_unread,
    session_chats_active_muted, session_chats_active_group;
ALTER TABLE session_chats DROP active_at, DROP is_unread, DROP is_group;
DROP INDEX chats_search, contacts_search;
ALTER TABLE chats DROP search_key;
ALTER TABLE contacts DROP search_key;
DROP FUNCTION query_ngrams(uuid, text);
DROP FUNCTION name_ngrams(uuid, text);
DROP FUNCTION search_key(text);
