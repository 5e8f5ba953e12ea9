DROP FUNCTION merge_chats;
DROP FUNCTION tie_lids;
ALTER TABLE pending_receipts
    DROP CONSTRAINT pending_receipts_org_id_session_id_chat_key_fkey,
    ADD CONSTRAINT pending_receipts_org_id_session_id_chat_key_fkey FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE;
ALTER TABLE messages
    DROP CONSTRAINT messages_org_id_session_id_chat_key_fkey,
    ADD CONSTRAINT messages_org_id_session_id_chat_key_fkey FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE;
DROP TABLE lids;
