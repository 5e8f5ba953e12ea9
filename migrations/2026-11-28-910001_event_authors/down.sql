DROP VIEW event_views;
CREATE VIEW event_views AS
SELECT
    e.org_id,
    e.bucket,
    e.number,
    e.number * 16 + e.bucket AS event_id,
    e.at,
    e.chat_key,
    CASE WHEN c.chat_key IS NULL THEN deleted.changes -> 'chat_id' ->> 0 ELSE c.chat_id END AS chat_id,
    e.session_id,
    s.phone,
    e.kind,
    e.actor,
    e.changes,
    ARRAY(
        SELECT sc.session_id FROM session_chats sc
        WHERE sc.org_id = e.org_id AND sc.chat_key = e.chat_key
            -- Other events of the transaction that attached the session are at most moments older.
            AND NOT EXISTS (
                SELECT FROM events a
                WHERE a.org_id = e.org_id AND a.chat_key = e.chat_key AND a.at > e.at + interval '1 second'
                    AND a.kind = 'attached' AND a.session_id = sc.session_id
            )
    ) AS held_by,
    CASE
        WHEN c.chat_key IS NULL THEN ARRAY(
            SELECT substr(fields.field, length('labels.') + 1)
            FROM jsonb_object_keys(deleted.changes) fields (field)
            WHERE starts_with(fields.field, 'labels.')
        )
        ELSE ARRAY(SELECT cl.label_id FROM chat_labels cl WHERE cl.org_id = e.org_id AND cl.chat_key = e.chat_key)
    END AS label_ids,
    CASE
        WHEN c.chat_key IS NULL THEN deleted.changes -> 'assignee' ->> 0
        ELSE (SELECT m.email FROM members m WHERE m.org_id = c.org_id AND m.member_key = c.assignee)
    END AS assigned_to,
    CASE
        WHEN c.chat_key IS NULL THEN ARRAY(
            SELECT substr(fields.field, length('access.') + 1)
            FROM jsonb_object_keys(deleted.changes) fields (field)
            WHERE starts_with(fields.field, 'access.')
        )
        ELSE ARRAY(
            SELECT x.member_key FROM chat_access x
            WHERE x.org_id = e.org_id AND x.chat_key = e.chat_key AND NOT x.allowed
        )
    END AS hidden_from,
    e.message_id,
    e.from_me
FROM events e
LEFT JOIN chats c ON c.org_id = e.org_id AND c.chat_key = e.chat_key
LEFT JOIN sessions s ON s.org_id = e.org_id AND s.session_id = e.session_id
-- {field: [value, null]}. OFFSET 0 keeps this a look-up for each event.
LEFT JOIN LATERAL (
    SELECT d.changes FROM events d
    WHERE c.chat_key IS NULL AND d.org_id = e.org_id AND d.chat_key = e.chat_key AND d.kind = 'deleted'
    LIMIT 1 OFFSET 0
) deleted ON true;
COMMENT ON VIEW event_views IS 'Change events with the chat''s present state, or its last one if it was deleted.';
COMMENT ON COLUMN event_views.org_id IS 'The organization.';
COMMENT ON COLUMN event_views.bucket IS 'The bucket of the chat.';
COMMENT ON COLUMN event_views.number IS 'Order of commit in the bucket.';
COMMENT ON COLUMN event_views.event_id IS 'The id of the event: number * 16 + bucket.';
COMMENT ON COLUMN event_views.at IS 'When it changed.';
COMMENT ON COLUMN event_views.chat_key IS 'The chat''s key in this database.';
COMMENT ON COLUMN event_views.chat_id IS 'The canonical address.';
COMMENT ON COLUMN event_views.session_id IS 'The session whose state changed; null for shared data.';
COMMENT ON COLUMN event_views.phone IS 'That session''s phone number, in digits.';
COMMENT ON COLUMN event_views.kind IS 'The kind of change.';
COMMENT ON COLUMN event_views.actor IS 'Who made the change.';
COMMENT ON COLUMN event_views.changes IS '{field: [previous, new]}; instants are Unix microseconds.';
COMMENT ON COLUMN event_views.held_by IS 'The sessions that hold the chat now, and held it at the time of the event.';
COMMENT ON COLUMN event_views.label_ids IS 'The labels of the chat, also of a deleted one.';
COMMENT ON COLUMN event_views.assigned_to IS 'Email of the assignee, also of a deleted chat.';
COMMENT ON COLUMN event_views.hidden_from IS 'Members who may not see the chat, also of a deleted one.';
COMMENT ON COLUMN event_views.message_id IS 'WhatsApp''s id of the message that the event is about.';
COMMENT ON COLUMN event_views.from_me IS 'Whether the session''s own number sent that message.';

ALTER TABLE events DROP COLUMN author;
