-- Pages of the chat API's lists. Functions, so that the items and the length of the list are read in one round trip and one
-- snapshot: the position of a page that is read from the end depends on the length.

CREATE TYPE listed_chat AS (
    shared         chat_views,
    archived       boolean,
    pinned         boolean,
    exited         boolean,
    unread         integer,
    phone          text,
    is_muted       boolean,
    latest_message message_views
);
COMMENT ON TYPE listed_chat IS 'A chat with the state of one session.';

CREATE TYPE chat_page AS (count bigint, chats listed_chat[]);
COMMENT ON TYPE chat_page IS 'A page of a list of chats; count is the length of the list, null if not requested.';

CREATE TYPE listed_message AS (chat_id text, phone text, message message_views);
COMMENT ON TYPE listed_message IS 'A message, its chat, and the phone number of the session that stored it.';

CREATE TYPE message_page AS (count bigint, messages listed_message[]);
COMMENT ON TYPE message_page IS 'A page of a list of messages; count is the length of the list, null if not requested.';

CREATE FUNCTION sessions_in_scope(of_org uuid, scope text[], of_phone text, of_phone_id text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN num_nonnulls(of_phone, of_phone_id) = 0 THEN scope ELSE ARRAY(
    SELECT s.session_id FROM sessions s
    WHERE s.org_id = of_org
        AND (of_phone IS NULL OR s.phone = of_phone)
        AND (of_phone_id IS NULL OR s.phone_id = of_phone_id)
        AND (scope IS NULL OR s.session_id = ANY (scope))
) END;
COMMENT ON FUNCTION sessions_in_scope IS 'The sessions of a list: the one with the phone number, or the session scope; null for all.';

CREATE FUNCTION stored_list_count(of_org uuid, of_list text, sessions text[]) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(sum(c.count), 0)::bigint FROM list_counts c
    WHERE c.org_id = of_org AND c.list = of_list AND (sessions IS NULL OR c.session_id = ANY (sessions))
);
COMMENT ON FUNCTION stored_list_count IS 'Total length of unfiltered lists.';

CREATE FUNCTION page_window(total bigint, INOUT skip_rows bigint, INOUT max_rows bigint, OUT from_end boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    from_end := false;
    IF total IS NULL THEN
        -- Prevents an overflow of skip_rows + max_rows.
        skip_rows := least(skip_rows, 9223372036854775807 - max_rows);
    ELSIF total <= skip_rows THEN
        skip_rows := 0;
        max_rows := 0;
    ELSE
        max_rows := least(max_rows, total - skip_rows);
        IF total - skip_rows - max_rows < skip_rows THEN
            from_end := true;
            skip_rows := total - skip_rows - max_rows;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION page_window IS 'The rows of a page. Pages in the second half are read from the end: the last page costs as much as the first.';

CREATE FUNCTION list_chats(
    of_org uuid, scope text[], of_phone text, of_phone_id text,
    of_type text, with_label text, with_label_key text, active_from timestamptz, active_before timestamptz,
    unread boolean, skip_rows bigint, max_rows bigint, with_count boolean
) RETURNS chat_page
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- Lists are read by index-only scans, and the indexes stay cached.
SET enable_seqscan = off
SET random_page_cost = 1.1
AS $$
DECLARE
    sessions    text[] := sessions_in_scope(of_org, scope, of_phone, of_phone_id);
    label_ids   text[];
    source      text;
    matching    text;
    in_order    text;
    is_unfiltered    boolean;
    total       bigint;
    from_end    boolean;
    session_ids text[];
    chat_keys   bigint[];
    result      chat_page;
BEGIN
    IF sessions = '{}' AND num_nonnulls(of_phone, of_phone_id) > 0 THEN
        RETURN NULL;
    END IF;
    IF with_label IS NOT NULL THEN
        label_ids := ARRAY(
            SELECT l.label_id FROM labels l
            WHERE l.org_id = of_org AND (l.label_id = with_label OR l.label_key = with_label_key)
        );
    END IF;

    -- Dynamic SQL, so that the statement has only the conditions of the requested filters and the right sort direction.
    -- Values are always parameters.
    source := CASE WHEN sessions IS NULL THEN 'chat_activity' ELSE 'session_chats' END;
    matching := concat_ws(' AND ',
        'l.org_id = $1',
        CASE
            WHEN sessions IS NULL THEN NULL
            WHEN cardinality(sessions) = 1 THEN 'l.session_id = $2[1]'
            -- A chat held by several sessions is listed once, by the one with the newest activity.
            ELSE 'l.session_id = ANY ($2) AND NOT EXISTS (
                SELECT FROM session_chats o
                WHERE o.org_id = $1 AND o.chat_key = l.chat_key AND o.session_id = ANY ($2)
                    AND (o.active_at, l.session_id) > (l.active_at, o.session_id)
            )'
        END,
        CASE WHEN of_type IS NOT NULL THEN 'l.listed_type = $3' END,
        CASE WHEN with_label IS NOT NULL THEN
            'l.chat_key IN (SELECT cl.chat_key FROM chat_labels cl WHERE cl.org_id = $1 AND cl.label_id = ANY ($4))'
        END,
        CASE WHEN active_from IS NOT NULL THEN 'l.active_at >= $5' END,
        CASE WHEN active_before IS NOT NULL THEN $sql$l.active_at < $6 AND l.active_at > '-infinity'$sql$ END,
        CASE unread WHEN true THEN 'l.is_unread' WHEN false THEN 'NOT l.is_unread' END
    );
    is_unfiltered := num_nonnulls(of_type, with_label, active_from, active_before, unread) = 0;
    IF is_unfiltered AND (sessions IS NULL OR cardinality(sessions) = 1) THEN
        total := stored_list_count(of_org, 'chats', coalesce(sessions, '{""}'));
    ELSIF is_unfiltered AND with_count THEN
        SELECT count(DISTINCT h.chat_key) INTO total FROM session_chats h
        WHERE h.org_id = of_org AND h.session_id = ANY (sessions);
    ELSIF with_count THEN
        EXECUTE format('SELECT count(*) FROM %I l WHERE %s', source, matching) INTO total
        USING of_org, sessions, of_type, label_ids, active_from, active_before;
    END IF;
    SELECT w.skip_rows, w.max_rows, w.from_end INTO skip_rows, max_rows, from_end
    FROM page_window(total, skip_rows, max_rows) w;

    in_order := CASE WHEN from_end THEN 'l.active_at, l.listed_id DESC' ELSE 'l.active_at DESC, l.listed_id' END;
    source := format('SELECT l.session_id, l.chat_key, l.active_at, l.listed_id FROM %I l WHERE %s', source, matching);
    -- Merges the sorted chats of each session. Far from both ends, sorting all of them is cheaper than checking each chat
    -- against the other sessions.
    IF cardinality(sessions) > 1 AND skip_rows <= 20000 THEN
        source := format(
            'SELECT l.* FROM unnest($2) one(id)
            CROSS JOIN LATERAL (%s AND l.session_id = one.id ORDER BY %s LIMIT $7 + $8) l',
            source, in_order
        );
    END IF;
    EXECUTE format(
        'SELECT array_agg(p.session_id), array_agg(p.chat_key) FROM (SELECT * FROM (%s) l ORDER BY %s OFFSET $7 LIMIT $8) p',
        source, in_order
    ) INTO session_ids, chat_keys
    USING of_org, sessions, of_type, label_ids, active_from, active_before, skip_rows, max_rows;

    result.count := CASE WHEN with_count THEN total END;
    result.chats := ARRAY(
        SELECT ROW(v, h.archived, h.pinned, h.exited, h.unread, s.phone, h.muted_until > now(), m.message)::listed_chat
        FROM unnest(session_ids, chat_keys) listed(session_id, chat_key)
        -- Looked up by chat, which few sessions hold: the planner assumes a small session and would estimate any index that
        -- begins with the session as equally good.
        CROSS JOIN LATERAL (
            SELECT * FROM session_chats sc WHERE sc.org_id = of_org AND sc.chat_key = listed.chat_key OFFSET 0
        ) h
        JOIN sessions s ON s.org_id = of_org AND s.session_id = listed.session_id
        JOIN chat_views v ON v.org_id = of_org AND v.chat_key = listed.chat_key
        -- Likewise; with sent_at, every index leads to one message.
        LEFT JOIN LATERAL (
            SELECT latest AS message FROM message_views latest
            WHERE latest.org_id = of_org AND latest.session_id = listed.session_id AND latest.chat_key = listed.chat_key
                AND latest.sent_at = h.last_message_at AND latest.message_id = h.latest_message_id
            OFFSET 0
        ) m ON true
        WHERE h.session_id = listed.session_id
        ORDER BY h.active_at DESC, h.listed_id
    );
    RETURN result;
END
$$;
COMMENT ON FUNCTION list_chats IS 'One page of a list of chats; null if the phone number is unknown. A null filter does not filter.';

CREATE FUNCTION list_messages(
    of_org uuid, scope text[], of_phone text, of_phone_id text,
    in_address text, sent_from timestamptz, sent_before timestamptz,
    skip_rows bigint, max_rows bigint, with_count boolean
) RETURNS message_page
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- As in list_chats.
SET enable_seqscan = off
SET random_page_cost = 1.1
AS $$
DECLARE
    sessions    text[] := sessions_in_scope(of_org, scope, of_phone, of_phone_id);
    in_chat     bigint;
    source      text;
    matching    text;
    in_order    text;
    total       bigint;
    from_end    boolean;
    session_ids text[];
    chat_keys   bigint[];
    times       timestamptz[];
    message_ids text[];
    result      message_page;
BEGIN
    IF in_address IS NOT NULL THEN
        SELECT ARRAY[h.session_id], h.chat_key INTO sessions, in_chat
        FROM chat_addresses a
        JOIN session_chats h ON h.org_id = a.org_id AND h.chat_key = a.chat_key
        WHERE a.org_id = of_org AND a.address = in_address AND (sessions IS NULL OR h.session_id = ANY (sessions))
        ORDER BY h.active_at DESC, h.session_id
        LIMIT 1;
        IF in_chat IS NULL THEN
            RETURN NULL;
        END IF;
    ELSIF sessions = '{}' AND num_nonnulls(of_phone, of_phone_id) > 0 THEN
        RETURN NULL;
    END IF;

    matching := concat_ws(' AND ',
        'l.org_id = $1',
        CASE
            WHEN sessions IS NULL THEN NULL
            WHEN cardinality(sessions) = 1 THEN 'l.session_id = $2[1]'
            ELSE 'l.session_id = ANY ($2)'
        END,
        -- The condition of the partial indexes across chats.
        CASE WHEN in_chat IS NOT NULL THEN 'l.chat_key = $3' ELSE 'l.chat_key > 0' END,
        CASE WHEN sent_from IS NOT NULL THEN 'l.sent_at >= $4' END,
        CASE WHEN sent_before IS NOT NULL THEN 'l.sent_at < $5' END
    );
    IF num_nonnulls(in_chat, sent_from, sent_before) = 0 THEN
        total := stored_list_count(of_org, 'messages', sessions);
    ELSIF with_count THEN
        EXECUTE format('SELECT count(*) FROM messages l WHERE %s', matching) INTO total
        USING of_org, sessions, in_chat, sent_from, sent_before;
    END IF;
    SELECT w.skip_rows, w.max_rows, w.from_end INTO skip_rows, max_rows, from_end
    FROM page_window(total, skip_rows, max_rows) w;

    -- The order of the index, and more columns to make it unique.
    in_order := CASE WHEN from_end THEN 'l.sent_at, l.message_id, l.session_id DESC, l.chat_key DESC'
        ELSE 'l.sent_at DESC, l.message_id DESC, l.session_id, l.chat_key' END;
    source := format('SELECT l.session_id, l.chat_key, l.sent_at, l.message_id FROM messages l WHERE %s', matching);
    IF cardinality(sessions) > 1 THEN
        source := format(
            'SELECT l.* FROM unnest($2) one(id)
            CROSS JOIN LATERAL (%s AND l.session_id = one.id ORDER BY %s LIMIT $6 + $7) l',
            source, in_order
        );
    END IF;
    EXECUTE format(
        'SELECT array_agg(p.session_id), array_agg(p.chat_key), array_agg(p.sent_at), array_agg(p.message_id)
        FROM (SELECT * FROM (%s) l ORDER BY %s OFFSET $6 LIMIT $7) p',
        source, in_order
    ) INTO session_ids, chat_keys, times, message_ids
    USING of_org, sessions, in_chat, sent_from, sent_before, skip_rows, max_rows;

    result.count := CASE WHEN with_count THEN total END;
    result.messages := ARRAY(
        SELECT ROW(c.chat_id, s.phone, m)::listed_message
        -- With sent_at, as in list_chats.
        FROM unnest(session_ids, chat_keys, times, message_ids) listed(session_id, chat_key, sent_at, message_id)
        JOIN message_views m
            ON m.org_id = of_org AND m.session_id = listed.session_id AND m.chat_key = listed.chat_key
            AND m.sent_at = listed.sent_at AND m.message_id = listed.message_id
        JOIN chats c ON c.org_id = of_org AND c.chat_key = listed.chat_key
        JOIN sessions s ON s.org_id = of_org AND s.session_id = listed.session_id
        ORDER BY m.sent_at DESC, m.message_id DESC, m.session_id, m.chat_key
    );
    RETURN result;
END
$$;
COMMENT ON FUNCTION list_messages IS 'One page of a list of messages; null if the phone number or the chat is unknown. A null filter does not filter.';
