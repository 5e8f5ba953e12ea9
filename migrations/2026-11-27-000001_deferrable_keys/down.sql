DO $$
DECLARE
    key record;
BEGIN
    FOR key IN
        SELECT conrelid::regclass AS child, conname
        FROM pg_constraint
        WHERE contype = 'f' AND NOT condeferred AND conrelid = ANY ('{contacts, chats, chat_addresses, session_chats, messages, pending_receipts,
            chat_members, chat_access, chat_labels, chat_properties}'::regclass[])
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', key.child, key.conname);
    END LOOP;
END
$$;
