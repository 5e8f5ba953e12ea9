-- A view cannot lose columns while functions use it: they stay, and are empty.
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
    NULL::jsonb AS reactions,
    NULL::bigint AS arrival
FROM messages;
ALTER TABLE pending_receipts DROP value;
ALTER TABLE messages DROP first_body, DROP reactions;
