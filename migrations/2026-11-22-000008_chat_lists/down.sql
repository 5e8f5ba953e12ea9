DROP INDEX messages_list, messages_org_list;
DROP TABLE chat_activity, list_counts;
DROP INDEX session_chats_list, session_chats_chat;
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key);
ALTER TABLE session_chats DROP COLUMN listed_id, DROP COLUMN listed_type;
ALTER TABLE chats DROP CONSTRAINT chats_listed;
