-- A view cannot lose a column while functions use it: the column stays, and is empty.
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
    NULL::bigint AS arrival
FROM messages;
ALTER TABLE session_chats DROP latest_arrival;
ALTER TABLE messages DROP arrival, DROP silent;
