-- Change events: triggers write every change of a chat to `events`, in the transaction of the change. One INSERT … SELECT
-- for each statement, from its old and new rows.
--
-- A cached plan does not depend on how many rows the next statement changes: nested loops over them are disabled, and lookups
-- by key are subqueries. A plan that needs a nested loop then has a huge estimated cost, which must not trigger JIT.

CREATE FUNCTION current_actor() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(convert_from(decode(nullif(current_setting('switchboard.actor', true), ''), 'hex'), 'UTF8'), 'operator');
COMMENT ON FUNCTION current_actor() IS 'Actor of the current transaction: SET LOCAL switchboard.actor, in hex; operator by default.';

CREATE FUNCTION unix_micros(timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (extract(epoch FROM $1) * 1000000)::bigint;
COMMENT ON FUNCTION unix_micros(timestamptz) IS 'Time in Unix microseconds.';

CREATE FUNCTION field_change(previous anyelement, current anyelement) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT CASE WHEN previous IS DISTINCT FROM current THEN jsonb_build_array(previous, current) END';
COMMENT ON FUNCTION field_change(anyelement, anyelement) IS '[previous, current], or null if they are equal.';

CREATE FUNCTION record_chat_events() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
DECLARE
    actor CONSTANT text := current_actor();
BEGIN
    INSERT INTO events (org_id, chat_key, kind, actor, changes)
    SELECT n.org_id, n.chat_key, part.kind, actor, part.changes
    FROM old_rows o
    JOIN new_rows n ON n.org_id = o.org_id AND n.chat_key = o.chat_key
    CROSS JOIN LATERAL (
        SELECT 'details' AS kind, jsonb_strip_nulls(jsonb_build_object(
            'chat_id', field_change(o.chat_id, n.chat_id),
            'type', field_change(o.type, n.type),
            -- Not if the contact has one, which is shown instead.
            'name', CASE WHEN o.name IS DISTINCT FROM n.name AND (
                SELECT p.name FROM contacts p WHERE p.org_id = n.org_id AND p.contact_id = n.chat_id
            ) IS NULL THEN field_change(o.name, n.name) END,
            'image', CASE WHEN o.image IS DISTINCT FROM n.image AND (
                SELECT p.image FROM contacts p WHERE p.org_id = n.org_id AND p.contact_id = n.chat_id
            ) IS NULL THEN field_change(o.image, n.image) END,
            'description', field_change(o.description, n.description),
            'invite_link', field_change(o.invite_link, n.invite_link),
            'info_admins_only', field_change(o.info_admins_only, n.info_admins_only),
            'messages_admins_only', field_change(o.messages_admins_only, n.messages_admins_only),
            'add_members_admins_only', field_change(o.add_members_admins_only, n.add_members_admins_only),
            'member_add_mode', field_change(o.member_add_mode, n.member_add_mode),
            'closed_at', field_change(unix_micros(o.closed_at), unix_micros(n.closed_at)),
            'created_at', field_change(unix_micros(o.created_at), unix_micros(n.created_at))
        )) || CASE
            -- Not stripped of nulls: they are part of the value.
            WHEN o.hubspot_metadata = n.hubspot_metadata THEN '{}'
            ELSE jsonb_build_object('hubspot_metadata', field_change(o.hubspot_metadata, n.hubspot_metadata))
        END AS changes
        UNION ALL
        SELECT 'assignee', jsonb_build_object('assignee', jsonb_build_array(
            coalesce(
                (SELECT m.email FROM members m WHERE m.org_id = o.org_id AND m.member_key = o.assignee), o.assignee),
            (SELECT m.email FROM members m WHERE m.org_id = n.org_id AND m.member_key = n.assignee)
        ))
        WHERE o.assignee IS DISTINCT FROM n.assignee
    ) part
    WHERE part.changes <> '{}';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_chat_events() IS 'Inserts events of kind details and assignee.';
CREATE TRIGGER record_events_on_update AFTER UPDATE ON chats
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_chat_events();

-- BEFORE, so that the event has the assignee and labels that subscribers filter by. Few chats are deleted at a time.
CREATE FUNCTION record_chat_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- First, so that the deleted event is the last one of the chat.
    DELETE FROM session_chats WHERE org_id = OLD.org_id AND chat_key = OLD.chat_key;
    INSERT INTO events (org_id, chat_key, kind, actor, changes)
    SELECT OLD.org_id, OLD.chat_key, 'deleted', current_actor(), jsonb_object_agg(last_values.field, jsonb_build_array(last_values.value, NULL))
    FROM (
        SELECT 'chat_id' AS field, OLD.chat_id AS value
        UNION ALL
        SELECT 'assignee', coalesce(
            (SELECT m.email FROM members m WHERE m.org_id = OLD.org_id AND m.member_key = OLD.assignee), OLD.assignee)
        WHERE OLD.assignee IS NOT NULL
        UNION ALL
        SELECT 'labels.' || l.label_id, l.name
        FROM chat_labels cl
        JOIN labels l ON l.org_id = cl.org_id AND l.label_id = cl.label_id
        WHERE cl.org_id = OLD.org_id AND cl.chat_key = OLD.chat_key
    ) last_values;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION record_chat_deletion() IS 'Inserts the event of kind deleted, with the chat''s address, assignee and labels.';
CREATE TRIGGER record_events_on_delete BEFORE DELETE ON chats FOR EACH ROW WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_chat_deletion();

-- A chat shows its contact's name and picture if there are any.
CREATE FUNCTION record_contact_events() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO events (org_id, chat_key, kind, actor, changes)
    SELECT shown.org_id, shown.chat_key, 'details', current_actor(), shown.changes
    FROM (
        SELECT (chat).org_id, (chat).chat_key, jsonb_strip_nulls(jsonb_build_object(
            'name', field_change(coalesce((before).name, (chat).name), coalesce((after).name, (chat).name)),
            'image', field_change(coalesce((before).image, (chat).image), coalesce((after).image, (chat).image))
        )) AS changes
        FROM (
            SELECT o AS before, n AS after,
                (SELECT c FROM chats c WHERE c.org_id = n.org_id AND c.chat_id = n.contact_id) AS chat
            FROM old_rows o
            JOIN new_rows n ON n.org_id = o.org_id AND n.contact_id = o.contact_id
            WHERE (o.name, o.image) IS DISTINCT FROM (n.name, n.image)
        ) renamed
        WHERE (chat).chat_key IS NOT NULL
    ) shown
    WHERE shown.changes <> '{}';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_contact_events() IS 'Inserts events of kind details.';
CREATE TRIGGER record_events_on_update AFTER UPDATE ON contacts
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_contact_events();

CREATE FUNCTION record_session_chat_events() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
DECLARE
    actor CONSTANT text := current_actor();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (org_id, chat_key, session_id, kind, actor, changes)
        SELECT org_id, chat_key, session_id, 'attached', actor, '{}' FROM new_rows;
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (org_id, chat_key, session_id, kind, actor, changes)
        SELECT org_id, chat_key, session_id, 'detached', actor, '{}' FROM old_rows;
        RETURN NULL;
    END IF;
    INSERT INTO events (org_id, chat_key, session_id, kind, actor, changes)
    SELECT n.org_id, part.chat_key, n.session_id, part.kind, actor, part.changes
    FROM old_rows o
    JOIN new_rows n ON n.id = o.id
    CROSS JOIN LATERAL (
        -- After a merge of chats.
        SELECT o.chat_key, 'detached' AS kind, '{}'::jsonb AS changes WHERE o.chat_key <> n.chat_key
        UNION ALL
        SELECT n.chat_key, 'attached', '{}' WHERE o.chat_key <> n.chat_key
        UNION ALL
        SELECT n.chat_key, 'state', jsonb_strip_nulls(jsonb_build_object(
            'archived', field_change(o.archived, n.archived),
            'pinned', field_change(o.pinned, n.pinned),
            'exited', field_change(o.exited, n.exited),
            'muted_until', field_change(unix_micros(o.muted_until), unix_micros(n.muted_until))
        ))
        WHERE (o.archived, o.pinned, o.exited, o.muted_until)
            IS DISTINCT FROM (n.archived, n.pinned, n.exited, n.muted_until)
        UNION ALL
        SELECT n.chat_key, 'messages', jsonb_strip_nulls(jsonb_build_object(
            'unread', field_change(o.unread, n.unread),
            'read_up_to', field_change(unix_micros(o.read_up_to), unix_micros(n.read_up_to)),
            'latest_message_id', field_change(o.latest_message_id, n.latest_message_id),
            'last_message_at', field_change(unix_micros(o.last_message_at), unix_micros(n.last_message_at))
        ))
        WHERE (o.unread, o.read_up_to, o.latest_message_id, o.last_message_at)
            IS DISTINCT FROM (n.unread, n.read_up_to, n.latest_message_id, n.last_message_at)
    ) part;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_session_chat_events() IS 'Inserts events of kind attached, detached, state and messages.';
CREATE TRIGGER record_events_on_insert AFTER INSERT ON session_chats
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_session_chat_events();
CREATE TRIGGER record_events_on_update AFTER UPDATE ON session_chats
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_session_chat_events();
CREATE TRIGGER record_events_on_delete AFTER DELETE ON session_chats
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_session_chat_events();

-- A new message changes its chat's latest message and unread count, which the trigger of session_chats records. Changes of
-- the latest message are recorded with their fields. For other messages (late, edited or deleted) an event without
-- fields is recorded.
CREATE FUNCTION record_message_events() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO events (org_id, chat_key, session_id, kind, actor, changes)
    SELECT shown.org_id, shown.chat_key, shown.session_id, 'messages', current_actor(),
        CASE WHEN shown.is_latest THEN shown.changes ELSE '{}' END
    FROM (
        SELECT edited.*, edited.message_id = (
            SELECT sc.latest_message_id FROM session_chats sc
            WHERE sc.org_id = edited.org_id AND sc.session_id = edited.session_id AND sc.chat_key = edited.chat_key
        ) AS is_latest
        FROM (
            SELECT n.org_id, n.chat_key, n.session_id, n.message_id, jsonb_strip_nulls(jsonb_build_object(
                'latest_message.ack', field_change(o.ack, n.ack),
                'latest_message.body', field_change(o.body, n.body),
                'latest_message.is_deleted', field_change(o.details -> 'is_deleted', n.details -> 'is_deleted')
            )) AS changes
            FROM old_rows o
            JOIN new_rows n ON n.org_id = o.org_id AND n.session_id = o.session_id AND n.chat_key = o.chat_key
                AND n.message_id = o.message_id
        ) edited
        WHERE edited.changes <> '{}'
    ) shown
    WHERE shown.is_latest OR shown.changes - 'latest_message.ack' <> '{}';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_message_events() IS 'Inserts events of kind messages.';
CREATE TRIGGER record_events_on_update AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_message_events();

CREATE FUNCTION record_late_message_events() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
BEGIN
    INSERT INTO events (org_id, chat_key, session_id, kind, actor, changes)
    SELECT came.org_id, came.chat_key, came.session_id, 'messages', current_actor(), '{}'
    FROM (SELECT org_id, session_id, chat_key, min(sent_at) AS sent_at FROM new_rows GROUP BY org_id, session_id, chat_key) came
    WHERE came.sent_at < (
        SELECT sc.last_message_at FROM session_chats sc
        WHERE sc.org_id = came.org_id AND sc.session_id = came.session_id AND sc.chat_key = came.chat_key
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_late_message_events() IS 'Inserts events of kind messages.';
CREATE TRIGGER record_events_on_insert AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_late_message_events();

-- Labels, properties, access and members of a chat: one event a chat, with a field for each changed row. The trigger's
-- arguments are the kind and the column that identifies the row.
CREATE FUNCTION record_chat_part_events() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
DECLARE
    kind   CONSTANT text := TG_ARGV[0];
    named  CONSTANT text := TG_ARGV[1];
    actor  CONSTANT text := current_actor();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (org_id, chat_key, kind, actor, changes)
        SELECT n.org_id, n.chat_key, kind, actor, jsonb_object_agg(
            kind || '.' || (row ->> named), jsonb_build_array(NULL, chat_part_value(kind, row)))
        FROM new_rows n CROSS JOIN LATERAL to_jsonb(n) row
        GROUP BY n.org_id, n.chat_key;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO events (org_id, chat_key, kind, actor, changes)
        SELECT o.org_id, o.chat_key, kind, actor, jsonb_object_agg(
            kind || '.' || (row ->> named), jsonb_build_array(chat_part_value(kind, row), NULL))
        FROM old_rows o CROSS JOIN LATERAL to_jsonb(o) row
        -- Not for rows deleted with their chat.
        WHERE (SELECT true FROM chats c WHERE c.org_id = o.org_id AND c.chat_key = o.chat_key)
        GROUP BY o.org_id, o.chat_key;
    ELSE
        INSERT INTO events (org_id, chat_key, kind, actor, changes)
        SELECT part.org_id, part.chat_key, kind, actor, jsonb_object_agg(
            kind || '.' || part.name, jsonb_build_array(chat_part_value(kind, part.before), chat_part_value(kind, part.after)))
        FROM (
            SELECT org_id, chat_key, name, o.row AS before, n.row AS after
            FROM (SELECT org_id, chat_key, row, row ->> named AS name FROM old_rows CROSS JOIN LATERAL to_jsonb(old_rows) row) o
            FULL JOIN (SELECT org_id, chat_key, row, row ->> named AS name FROM new_rows CROSS JOIN LATERAL to_jsonb(new_rows) row) n
                USING (org_id, chat_key, name)
        ) part
        WHERE part.before IS DISTINCT FROM part.after
        GROUP BY part.org_id, part.chat_key;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_chat_part_events() IS 'Inserts events of kind labels, properties, access and members.';

CREATE FUNCTION chat_part_value(kind text, part jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE
        WHEN part IS NULL THEN NULL
        WHEN kind = 'labels' THEN (SELECT to_jsonb(l.name) FROM labels l
            WHERE l.org_id = (part ->> 'org_id')::uuid AND l.label_id = part ->> 'label_id')
        WHEN kind = 'properties' THEN part -> 'value'
        WHEN kind = 'access' THEN part -> 'allowed'
        ELSE part - '{org_id,chat_key,contact_id}'::text[]
    END;
COMMENT ON FUNCTION chat_part_value(text, jsonb) IS 'The value in an event of a row of chat_labels, chat_properties, chat_access or chat_members.';

DO $$
DECLARE
    part record;
BEGIN
    FOR part IN SELECT * FROM (VALUES
        ('chat_labels', 'labels', 'label_id'),
        ('chat_properties', 'properties', 'property_id'),
        ('chat_access', 'access', 'member_key'),
        ('chat_members', 'members', 'contact_id')
    ) parts (of, kind, named)
    LOOP
        EXECUTE format('CREATE TRIGGER record_events_on_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT WHEN (current_setting(''switchboard.records_events'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION record_chat_part_events(%L, %L)', part.of, part.kind, part.named);
        EXECUTE format('CREATE TRIGGER record_events_on_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT WHEN (current_setting(''switchboard.records_events'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION record_chat_part_events(%L, %L)', part.of, part.kind, part.named);
        EXECUTE format('CREATE TRIGGER record_events_on_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
            FOR EACH STATEMENT WHEN (current_setting(''switchboard.records_events'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION record_chat_part_events(%L, %L)', part.of, part.kind, part.named);
    END LOOP;
END
$$;

-- Renaming a label changes every chat that has it.
CREATE FUNCTION record_label_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- Before the label is deleted, so that the events of its chats have its name.
        DELETE FROM chat_labels WHERE org_id = OLD.org_id AND label_id = OLD.label_id;
        RETURN OLD;
    END IF;
    INSERT INTO events (org_id, chat_key, kind, actor, changes)
    SELECT cl.org_id, cl.chat_key, 'labels', current_actor(),
        jsonb_build_object('labels.' || OLD.label_id, jsonb_build_array(OLD.name, NEW.name))
    FROM chat_labels cl
    WHERE cl.org_id = OLD.org_id AND cl.label_id = OLD.label_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION record_label_events() IS 'Inserts events of kind labels.';
CREATE TRIGGER record_events_on_update AFTER UPDATE ON labels
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name
        AND current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_label_events();
CREATE TRIGGER record_events_on_delete BEFORE DELETE ON labels FOR EACH ROW WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_label_events();

-- Triggers insert events before the end of a transaction. They have negative numbers until COMMIT, when all of them are numbered.
CREATE SEQUENCE unnumbered_events;
ALTER TABLE events ALTER COLUMN number SET DEFAULT -nextval('unnumbered_events');
CREATE FUNCTION number_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The first of the transaction's events numbers all of them.
    IF (SELECT true FROM events WHERE org_id = NEW.org_id AND bucket = NEW.bucket AND number = NEW.number) THEN
        WITH unnumbered AS (
            SELECT bucket, number, row_number() OVER (PARTITION BY bucket ORDER BY number DESC) AS place
            FROM events WHERE org_id = NEW.org_id AND bucket = ANY ('{0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15}') AND number < 0
        ), heads AS (
            INSERT INTO event_heads (org_id, bucket, last)
            SELECT NEW.org_id, bucket, count(*) FROM unnumbered GROUP BY bucket ORDER BY bucket
            ON CONFLICT (org_id, bucket) DO UPDATE SET last = event_heads.last + excluded.last
            RETURNING bucket, last
        )
        UPDATE events e SET at = (SELECT clock_timestamp()),
            number = h.last + u.place - (SELECT count(*) FROM unnumbered same WHERE same.bucket = u.bucket)
        FROM unnumbered u JOIN heads h ON h.bucket = u.bucket
        WHERE e.org_id = NEW.org_id AND e.bucket = u.bucket AND e.number = u.number;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION number_events() IS 'Gives the events that triggers inserted the next numbers of their buckets.';
CREATE CONSTRAINT TRIGGER number_events AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.number < 0) EXECUTE FUNCTION number_events();
