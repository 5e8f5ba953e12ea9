-- Events as they are told, with what there is to choose them by: what the chat is like now, or was at its end.
CREATE FUNCTION deleted_chat_fields(of_org uuid, of_chat bigint) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (
        SELECT gone.changes FROM events gone
        WHERE gone.org_id = of_org AND gone.chat_key = of_chat AND gone.kind = 'deleted'
        LIMIT 1
    );
COMMENT ON FUNCTION deleted_chat_fields(uuid, bigint) IS 'What a chat that is gone had at its end, as its event has it: {field: [value, null]}.';

CREATE VIEW event_views AS
SELECT
    e.org_id,
    e.event_id,
    e.at,
    e.chat_key,
    CASE
        WHEN c.chat_key IS NULL THEN deleted_chat_fields(e.org_id, e.chat_key) -> 'chat_id' ->> 0
        ELSE c.chat_id
    END AS chat_id,
    e.session_id,
    s.phone,
    e.kind,
    e.actor,
    e.changes,
    e.kind <> '' AS of_any_org,
    ARRAY(
        SELECT sc.session_id FROM session_chats sc WHERE sc.org_id = e.org_id AND sc.chat_key = e.chat_key
    ) AS held_by,
    CASE
        WHEN c.chat_key IS NULL THEN ARRAY(
            SELECT substr(had.field, length('labels.') + 1)
            FROM jsonb_object_keys(deleted_chat_fields(e.org_id, e.chat_key)) had (field)
            WHERE starts_with(had.field, 'labels.')
        )
        ELSE ARRAY(SELECT cl.label_id FROM chat_labels cl WHERE cl.org_id = e.org_id AND cl.chat_key = e.chat_key)
    END AS label_ids,
    CASE
        WHEN c.chat_key IS NULL THEN deleted_chat_fields(e.org_id, e.chat_key) -> 'assignee' ->> 0
        ELSE (SELECT m.email FROM members m WHERE m.org_id = c.org_id AND m.member_key = c.assignee)
    END AS assigned_to
FROM events e
LEFT JOIN chats c ON c.org_id = e.org_id AND c.chat_key = e.chat_key
LEFT JOIN sessions s ON s.org_id = e.org_id AND s.session_id = e.session_id;
COMMENT ON VIEW event_views IS 'Events as they are told, with what the chat is like now, or was at its end.';
COMMENT ON COLUMN event_views.org_id IS 'The organization.';
COMMENT ON COLUMN event_views.event_id IS 'Order of writing.';
COMMENT ON COLUMN event_views.at IS 'When it was changed.';
COMMENT ON COLUMN event_views.chat_key IS 'The chat inside this database.';
COMMENT ON COLUMN event_views.chat_id IS 'The chat as answers spell it.';
COMMENT ON COLUMN event_views.session_id IS 'The session it changed for; null for what all numbers share.';
COMMENT ON COLUMN event_views.phone IS 'That session''s number, in digits.';
COMMENT ON COLUMN event_views.kind IS 'The kind of change.';
COMMENT ON COLUMN event_views.actor IS 'Who did it.';
COMMENT ON COLUMN event_views.changes IS '{field: [previous, new]}; instants are Unix microseconds.';
COMMENT ON COLUMN event_views.of_any_org IS 'Always true. Whoever reads the events of all organizations asks for it, and is led to the index for them.';
COMMENT ON COLUMN event_views.held_by IS 'The sessions that hold the chat now.';
COMMENT ON COLUMN event_views.label_ids IS 'The labels the chat has now, or had at its end.';
COMMENT ON COLUMN event_views.assigned_to IS 'Email of the member the chat is assigned to now, or was at its end.';

-- A view of what the function says, which diesel can read.
CREATE VIEW event_head AS SELECT last, at, writers FROM event_head();
COMMENT ON VIEW event_head IS 'How far events are written now: see event_head().';
COMMENT ON COLUMN event_head.last IS 'The last number drawn for an event.';
COMMENT ON COLUMN event_head.at IS 'The moment before that was looked up.';
COMMENT ON COLUMN event_head.writers IS 'The transactions that may still write events up to it.';
