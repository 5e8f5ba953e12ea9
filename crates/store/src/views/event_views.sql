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
        SELECT held.session_id FROM (
            SELECT sc.session_id FROM session_chats sc WHERE sc.org_id = e.org_id AND sc.chat_key = e.chat_key
            UNION ALL
            SELECT substr(fields.field, length('held_by.') + 1)
            FROM jsonb_object_keys(deleted.changes) fields (field)
            WHERE starts_with(fields.field, 'held_by.')
        ) held
        -- Other events of the transaction that attached the session are at most moments older.
        WHERE NOT EXISTS (
            SELECT FROM events a
            WHERE a.org_id = e.org_id AND a.chat_key = e.chat_key AND a.at > e.at + interval '1 second'
                AND a.kind = 'attached' AND a.session_id = held.session_id
        )
    ) AS held_by,
    CASE
        WHEN c.chat_key IS NULL THEN (
            SELECT jsonb_object_agg(substr(fields.field, length('held_by.') + 1), fields.change -> 0)
            FROM jsonb_each(deleted.changes) fields (field, change)
            WHERE starts_with(fields.field, 'held_by.') AND fields.change -> 0 <> 'true'
        )
        ELSE (
            SELECT jsonb_object_agg(sc.session_id, sc.claimed_by) FROM session_chats sc
            WHERE sc.org_id = e.org_id AND sc.chat_key = e.chat_key AND sc.claimed_by IS NOT NULL
        )
    END AS claims,
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
    e.from_me,
    e.author
FROM events e
-- OFFSET 0 keeps these look-ups by key for each event: while the tables are small, reading all of an organization's rows
-- seems to cost as much, and a plan lasts until they are analyzed again.
LEFT JOIN LATERAL (
    SELECT c.org_id, c.chat_key, c.chat_id, c.assignee FROM chats c
    WHERE c.org_id = e.org_id AND c.chat_key = e.chat_key OFFSET 0
) c ON true
LEFT JOIN LATERAL (
    SELECT s.phone FROM sessions s WHERE s.org_id = e.org_id AND s.session_id = e.session_id OFFSET 0
) s ON true
-- {field: [value, null]}.
LEFT JOIN LATERAL (
    SELECT d.changes FROM events d
    WHERE c.chat_key IS NULL AND d.org_id = e.org_id AND d.chat_key = e.chat_key AND d.kind = 'deleted'
    LIMIT 1 OFFSET 0
) deleted ON true
