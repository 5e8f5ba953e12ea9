-- Edits and reactions of messages.
ALTER TABLE messages ADD first_body text, ADD reactions jsonb;
COMMENT ON COLUMN messages.first_body IS 'The text as first sent, without a version, when it is neither body nor prev_body.';
COMMENT ON COLUMN messages.reactions IS '{contact: [Unix microseconds, emoji]}: the last reaction of each person, an empty emoji when it was removed; null while there is none.';
COMMENT ON COLUMN messages.ack IS '-1 failed, 0 pending, 1 sent, 2 received by the server, 3 delivered, 4 read; it never decreases, except that -1 is between 2 and 3.';

-- Compared like strings in Rust.
ALTER TABLE pending_receipts ADD value text COLLATE "C";
COMMENT ON TABLE pending_receipts IS 'Updates that arrived before their message; applied and deleted when it arrives.';
COMMENT ON COLUMN pending_receipts.contact_id IS 'The contact that received, read or reacted to it; for an edit its time in Unix microseconds, so that each edit is a row; otherwise empty.';
COMMENT ON COLUMN pending_receipts.kind IS 'sent, server, delivered, read, played, failed, edit, reaction or deleted.';
COMMENT ON COLUMN pending_receipts.at IS 'The time of the update.';
COMMENT ON COLUMN pending_receipts.value IS 'The reason of a failure, the text of an edit, or the emoji of a reaction.';

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
    reactions
FROM messages;
COMMENT ON COLUMN message_views.ack IS '-1 failed, 0 pending, 1 sent, 2 received by the server, 3 delivered, 4 read.';
COMMENT ON COLUMN message_views.reactions IS 'The last reaction of each person.';
