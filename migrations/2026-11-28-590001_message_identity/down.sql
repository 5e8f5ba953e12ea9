CREATE OR REPLACE VIEW message_views AS
SELECT
    org_id,
    session_id,
    chat_key,
    message_id,
    sent_at,
    updated_at,
    ack,
    from_me,
    sender,
    type,
    body,
    delivery,
    details,
    fts::text AS fts,
    reactions,
    arrival
FROM messages;
DROP FUNCTION name_reactions, name_details, name_delivery, name_times;
DROP TABLE chat_deletions;
CREATE TABLE pending_receipts (
    org_id     uuid        NOT NULL,
    session_id text        NOT NULL COLLATE "C",
    chat_key   bigint      NOT NULL,
    message_id text        NOT NULL COLLATE "C",
    contact_id text        NOT NULL COLLATE "C",
    kind       text        NOT NULL COLLATE "C",
    at         timestamptz NOT NULL,
    value      text        COLLATE "C",
    PRIMARY KEY (org_id, session_id, chat_key, message_id, contact_id, kind),
    FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE DEFERRABLE
);
ALTER TABLE pending_receipts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON pending_receipts FOR SELECT USING (true);
CREATE POLICY inserts ON pending_receipts FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON pending_receipts FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON pending_receipts FOR DELETE USING (org_id = current_org());
DROP TABLE waiting_updates;
DROP INDEX messages_author;
ALTER TABLE messages DROP CONSTRAINT messages_pkey, DROP COLUMN author, DROP COLUMN has_links;
ALTER TABLE messages ADD PRIMARY KEY (org_id, session_id, chat_key, message_id);
