DROP TRIGGER count_removed ON messages;
DROP TRIGGER count_added ON messages;
DROP INDEX messages_list, messages_org_list;
DROP TABLE chat_activity, list_counts;
DROP TRIGGER count_removed ON session_chats;
DROP TRIGGER count_added ON session_chats;
DROP TRIGGER chats_let_go ON session_chats;
DROP TRIGGER held_chats_changed ON session_chats;
DROP TRIGGER chats_held ON session_chats;
DROP FUNCTION count_listed, chats_let_go, held_chats_changed, chats_held, refresh_chat_activity;
DROP INDEX session_chats_list, session_chats_chat;
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key);
CREATE OR REPLACE FUNCTION session_chats_copy_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Without its chat the row is refused by its foreign key.
    NEW.is_group := EXISTS (
        SELECT FROM chats WHERE org_id = NEW.org_id AND chat_key = NEW.chat_key AND chat_id LIKE '%@g.us'
    );
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION session_chats_copy_kind() IS 'Fills session_chats.is_group from the chat.';
ALTER TABLE session_chats DROP COLUMN listed_id, DROP COLUMN listed_type;
ALTER TABLE chats DROP CONSTRAINT chats_listed;
