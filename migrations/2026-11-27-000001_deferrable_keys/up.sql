-- Whoever writes many rows at a time looks up their parents when all is written: see for_many() in src/store/ingest.rs. All
-- others look them up at once, as before.
DO $$
DECLARE
    key record;
BEGIN
    FOR key IN
        SELECT conrelid::regclass AS child, conname
        FROM pg_constraint
        WHERE contype = 'f' AND conrelid = ANY ('{contacts, chats, chat_addresses, session_chats, messages, pending_receipts,
            chat_members, chat_access, chat_labels, chat_properties}'::regclass[])
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE', key.child, key.conname);
    END LOOP;
END
$$;

-- What it calls is stable. PostgreSQL writes out, where it is used, only a function that does not claim more than what it calls,
-- and calls the others: three times as long for an event that tells of instants.
ALTER FUNCTION unix_micros(timestamptz) STABLE;
