DROP TRIGGER update_counts_on_delete ON messages;
DROP TRIGGER update_counts_on_insert ON messages;
DROP INDEX messages_list, messages_org_list;
DROP TABLE chat_activity, list_counts;
DROP TRIGGER update_counts_on_delete ON session_chats;
DROP TRIGGER update_counts_on_insert ON session_chats;
DROP TRIGGER refresh_activity_on_delete ON session_chats;
DROP TRIGGER refresh_activity_on_update ON session_chats;
DROP TRIGGER refresh_activity_on_insert ON session_chats;
DROP FUNCTION update_list_counts, delete_chat_activity, update_chat_activity, insert_chat_activity, refresh_chat_activity;
DROP INDEX session_chats_list, session_chats_chat;
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key);
CREATE OR REPLACE FUNCTION copy_chat_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A row without its chat violates its foreign key.
    NEW.is_group := EXISTS (
        SELECT FROM chats WHERE org_id = NEW.org_id AND chat_key = NEW.chat_key AND chat_id LIKE '%@g.us'
    );
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION copy_chat_columns() IS 'Sets session_chats.is_group from the chat.';
ALTER TABLE session_chats DROP COLUMN listed_id, DROP COLUMN listed_type;
ALTER TABLE chats DROP CONSTRAINT chats_listed;
