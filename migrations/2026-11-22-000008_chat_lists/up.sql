-- What lists are read by. The whole order of a list stands in one index, together with what its filters look at, so that
-- a page is found there alone; how long a list is stands in a table, so that its last page is found from its end.

-- A chat's id and type, where the order of a number's chats is. The foreign key keeps the copy true.
ALTER TABLE chats ADD CONSTRAINT chats_listed UNIQUE (org_id, chat_key, chat_id, type);
ALTER TABLE session_chats ADD COLUMN listed_id text COLLATE "C", ADD COLUMN listed_type text;
COMMENT ON COLUMN session_chats.listed_id IS 'A copy of chats.chat_id, for lists.';
COMMENT ON COLUMN session_chats.listed_type IS 'A copy of chats.type, for lists.';

-- One look at the chat fills in everything that is copied from it.
CREATE OR REPLACE FUNCTION session_chats_copy_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.chat_id, c.type INTO NEW.listed_id, NEW.listed_type
    FROM chats c
    WHERE c.org_id = NEW.org_id AND c.chat_key = NEW.chat_key;
    -- Without its chat the row is refused by its foreign key.
    NEW.is_group := coalesce(NEW.listed_id LIKE '%@g.us', false);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION session_chats_copy_kind() IS 'Fills in what session_chats copies from the chat.';

CREATE TABLE chat_activity (
    org_id          uuid        NOT NULL,
    chat_key        bigint      NOT NULL,
    listed_id       text        NOT NULL COLLATE "C",
    listed_type     text        NOT NULL,
    session_id      text        NOT NULL COLLATE "C",
    active_at       timestamptz NOT NULL,
    is_unread       boolean     NOT NULL,
    PRIMARY KEY (org_id, chat_key),
    FOREIGN KEY (org_id, chat_key, listed_id, listed_type) REFERENCES chats (org_id, chat_key, chat_id, type)
        ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE chat_activity IS 'Each chat once, as the number with the newest activity in it sees it. Triggers of session_chats keep it.';
COMMENT ON COLUMN chat_activity.org_id IS 'The organization.';
COMMENT ON COLUMN chat_activity.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_activity.listed_id IS 'A copy of chats.chat_id.';
COMMENT ON COLUMN chat_activity.listed_type IS 'A copy of chats.type.';
COMMENT ON COLUMN chat_activity.session_id IS 'The session with the newest activity; of several, the first by id.';
COMMENT ON COLUMN chat_activity.active_at IS 'When the newest message was sent; -infinity when there is none.';
COMMENT ON COLUMN chat_activity.is_unread IS 'Whether that session has unread messages in it.';

CREATE TABLE list_counts (
    org_id     uuid     NOT NULL REFERENCES orgs ON DELETE CASCADE,
    list       text     NOT NULL COLLATE "C" CHECK (list IN ('chats', 'messages')),
    session_id text     NOT NULL COLLATE "C",
    shard      smallint NOT NULL,
    count      bigint   NOT NULL,
    PRIMARY KEY (org_id, list, session_id, shard)
);
COMMENT ON TABLE list_counts IS 'How long the lists are: the sum over all shards. Triggers of the listed tables keep it.';
COMMENT ON COLUMN list_counts.org_id IS 'The organization.';
COMMENT ON COLUMN list_counts.list IS 'chats or messages.';
COMMENT ON COLUMN list_counts.session_id IS 'The session whose list it is; empty for the list of all chats of the organization.';
COMMENT ON COLUMN list_counts.shard IS 'Connections count in rows of their own, so that they do not wait for each other.';
COMMENT ON COLUMN list_counts.count IS 'How many were added less how many were removed; may be negative in one shard.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['chat_activity', 'list_counts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = writing_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (org_id = writing_org())', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (org_id = writing_org())', t);
    END LOOP;
END
$$;

-- What is there already. It belongs to every organization, so their walls come down for the moment.
ALTER TABLE session_chats NO FORCE ROW LEVEL SECURITY;
UPDATE session_chats sc SET listed_id = c.chat_id, listed_type = c.type
FROM chats c
WHERE c.org_id = sc.org_id AND c.chat_key = sc.chat_key;
ALTER TABLE session_chats FORCE ROW LEVEL SECURITY;
ALTER TABLE session_chats ADD FOREIGN KEY (org_id, chat_key, listed_id, listed_type)
    REFERENCES chats (org_id, chat_key, chat_id, type) ON UPDATE CASCADE ON DELETE CASCADE;
INSERT INTO chat_activity (org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread)
SELECT DISTINCT ON (org_id, chat_key)
    org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread
FROM session_chats
ORDER BY org_id, chat_key, active_at DESC, session_id;
INSERT INTO list_counts (org_id, list, session_id, shard, count)
SELECT org_id, 'chats', '', 0, count(*) FROM chat_activity GROUP BY org_id
UNION ALL SELECT org_id, 'chats', session_id, 0, count(*) FROM session_chats GROUP BY org_id, session_id
UNION ALL SELECT org_id, 'messages', session_id, 0, count(*) FROM messages GROUP BY org_id, session_id;
ALTER TABLE chat_activity FORCE ROW LEVEL SECURITY;
ALTER TABLE list_counts FORCE ROW LEVEL SECURITY;

-- With the session at its end. Without, PostgreSQL may look for the holders of a chat in the primary key, for the sake of
-- the session there, and read all of the organization's part of it.
DROP INDEX session_chats_chat;
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key, session_id) INCLUDE (active_at);
-- Where few chats of a number are unread, session_chats_active_unread has them.
CREATE INDEX session_chats_list ON session_chats (org_id, session_id, active_at DESC, listed_id)
    INCLUDE (chat_key, listed_type, is_unread);
CREATE INDEX chat_activity_list ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type, is_unread);
CREATE INDEX chat_activity_unread ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type) WHERE is_unread;
CREATE INDEX messages_list ON messages (org_id, session_id, sent_at DESC, message_id DESC, chat_key);
CREATE INDEX messages_org_list ON messages (org_id, sent_at DESC, message_id DESC, session_id, chat_key);

-- The triggers look at whole statements: a batch costs them a handful of statements, not some for each row.

CREATE FUNCTION refresh_chat_activity(org uuid, keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- In the order of the keys, like every lock on several rows. And a statement of its own: the next one must see what
    -- those who held the lock before have written.
    PERFORM FROM chat_activity WHERE org_id = org AND chat_key = ANY (keys) ORDER BY chat_key FOR UPDATE;
    UPDATE chat_activity a
    SET session_id = newest.session_id, active_at = newest.active_at, is_unread = newest.is_unread
    FROM (
        SELECT DISTINCT ON (chat_key) chat_key, session_id, active_at, is_unread
        FROM session_chats
        WHERE org_id = org AND chat_key = ANY (keys)
        ORDER BY chat_key, active_at DESC, session_id
    ) newest
    WHERE a.org_id = org AND a.chat_key = newest.chat_key
        AND (a.session_id, a.active_at, a.is_unread) <> (newest.session_id, newest.active_at, newest.is_unread);
END
$$;
COMMENT ON FUNCTION refresh_chat_activity(uuid, bigint[]) IS 'Finds out anew which number has the newest activity in these chats.';

CREATE FUNCTION chats_held() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    beaten record;
BEGIN
    INSERT INTO chat_activity (org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread)
    SELECT DISTINCT ON (org_id, chat_key)
        org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread
    FROM changed
    ORDER BY org_id, chat_key, active_at DESC, session_id
    ON CONFLICT DO NOTHING;
    FOR beaten IN
        SELECT org_id AS org, array_agg(chat_key) AS keys
        FROM changed c JOIN chat_activity a USING (org_id, chat_key)
        WHERE (c.active_at, a.session_id) > (a.active_at, c.session_id)
        GROUP BY org_id
    LOOP
        PERFORM refresh_chat_activity(beaten.org, beaten.keys);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION chats_held() IS 'Numbers hold more chats.';

CREATE FUNCTION held_chats_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved record;
BEGIN
    FOR moved IN
        SELECT org_id AS org, array_agg(chat_key) AS keys
        FROM changed n JOIN before o USING (org_id, session_id, chat_key)
        WHERE (n.active_at, n.is_unread) <> (o.active_at, o.is_unread)
        GROUP BY org_id
    LOOP
        PERFORM refresh_chat_activity(moved.org, moved.keys);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION held_chats_changed() IS 'Chats that numbers hold have moved or were read.';

CREATE FUNCTION chats_let_go() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lost record;
BEGIN
    FOR lost IN SELECT org_id AS org, array_agg(chat_key) AS keys FROM changed GROUP BY org_id LOOP
        PERFORM refresh_chat_activity(lost.org, lost.keys);
        DELETE FROM chat_activity a
        WHERE a.org_id = lost.org AND a.chat_key = ANY (lost.keys)
            AND NOT EXISTS (SELECT FROM session_chats sc WHERE sc.org_id = a.org_id AND sc.chat_key = a.chat_key);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION chats_let_go() IS 'Numbers hold fewer chats.';

CREATE FUNCTION count_listed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_counts AS counted (org_id, list, session_id, shard, count)
    SELECT
        org_id,
        TG_ARGV[0],
        CASE TG_TABLE_NAME WHEN 'chat_activity' THEN '' ELSE session_id END AS list_of,
        pg_backend_pid() % 64,
        CASE TG_OP WHEN 'DELETE' THEN -count(*) ELSE count(*) END
    FROM changed
    GROUP BY org_id, list_of
    ORDER BY org_id, list_of
    ON CONFLICT (org_id, list, session_id, shard) DO UPDATE SET count = counted.count + excluded.count;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION count_listed() IS 'Keeps list_counts. Its argument is the list.';

CREATE TRIGGER chats_held AFTER INSERT ON session_chats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chats_held();
CREATE TRIGGER held_chats_changed AFTER UPDATE ON session_chats REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION held_chats_changed();
CREATE TRIGGER chats_let_go AFTER DELETE ON session_chats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chats_let_go();
CREATE TRIGGER count_added AFTER INSERT ON session_chats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_listed('chats');
CREATE TRIGGER count_removed AFTER DELETE ON session_chats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_listed('chats');
CREATE TRIGGER count_added AFTER INSERT ON chat_activity REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_listed('chats');
CREATE TRIGGER count_removed AFTER DELETE ON chat_activity REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_listed('chats');
CREATE TRIGGER count_added AFTER INSERT ON messages REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_listed('messages');
CREATE TRIGGER count_removed AFTER DELETE ON messages REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_listed('messages');

-- The lists themselves. A function each, so that the page, its items and the length of the list are read in one round trip
-- and from one snapshot: where a page is counted from the end, its place depends on the length.

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
COMMENT ON TYPE listed_chat IS 'A chat as one number sees it.';

CREATE TYPE chat_page AS (count bigint, chats listed_chat[]);
COMMENT ON TYPE chat_page IS 'A page of a list of chats; count is how many chats the list has, null when that was not asked for.';

CREATE TYPE listed_message AS (chat_id text, phone text, message message_views);
COMMENT ON TYPE listed_message IS 'A message, the chat it stands in and the number that stored it.';

CREATE TYPE message_page AS (count bigint, messages listed_message[]);
COMMENT ON TYPE message_page IS 'A page of a list of messages; count is how many messages the list has, null when that was not asked for.';

CREATE FUNCTION listed_sessions(of_org uuid, reachable text[], of_phone text, of_phone_id text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN num_nonnulls(of_phone, of_phone_id) = 0 THEN reachable ELSE ARRAY(
    SELECT s.session_id FROM sessions s
    WHERE s.org_id = of_org
        AND (of_phone IS NULL OR s.phone = of_phone)
        AND (of_phone_id IS NULL OR s.phone_id = of_phone_id)
        AND (reachable IS NULL OR s.session_id = ANY (reachable))
) END;
COMMENT ON FUNCTION listed_sessions IS 'The sessions a list is about: that of the number, or all that are reachable; null for all there are.';

CREATE FUNCTION kept_count(of_org uuid, of_list text, sessions text[]) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(sum(c.count), 0)::bigint FROM list_counts c
    WHERE c.org_id = of_org AND c.list = of_list AND (sessions IS NULL OR c.session_id = ANY (sessions))
);
COMMENT ON FUNCTION kept_count IS 'How many rows lists without filters have together.';

CREATE FUNCTION list_window(total bigint, INOUT skip bigint, INOUT page bigint, OUT from_end boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    from_end := false;
    IF total IS NULL THEN
        -- The rows of several numbers are merged from as many as this of each.
        skip := least(skip, 9223372036854775807 - page);
    ELSIF total <= skip THEN
        skip := 0;
        page := 0;
    ELSE
        page := least(page, total - skip);
        IF total - skip - page < skip THEN
            from_end := true;
            skip := total - skip - page;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION list_window IS 'Which rows of a list a page has. Those nearer to its end are counted from there: the last page costs what the first costs.';

CREATE FUNCTION list_chats(
    of_org uuid, reachable text[], of_phone text, of_phone_id text,
    of_type text, with_label text, with_label_key text, active_from timestamptz, active_before timestamptz,
    unread boolean, skip bigint, page bigint, is_counted boolean
) RETURNS chat_page
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- What a list is read by stands in an index as a whole, and stays in memory where the table does not.
SET enable_seqscan = off
SET random_page_cost = 1.1
AS $$
DECLARE
    sessions    text[] := listed_sessions(of_org, reachable, of_phone, of_phone_id);
    label_ids   text[];
    source      text;
    matching    text;
    in_order    text;
    is_whole    boolean;
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

    -- Put together as text, so that nothing stands in the statements that was not asked for: PostgreSQL plans each for its
    -- own values, and an order has two directions. Only words from here are in that text.
    source := CASE WHEN sessions IS NULL THEN 'chat_activity' ELSE 'session_chats' END;
    matching := concat_ws(' AND ',
        'l.org_id = $1',
        CASE
            WHEN sessions IS NULL THEN NULL
            WHEN cardinality(sessions) = 1 THEN 'l.session_id = $2[1]'
            -- A chat that several of them hold comes once, through the one with the newest activity.
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
    is_whole := num_nonnulls(of_type, with_label, active_from, active_before, unread) = 0;
    IF is_whole AND (sessions IS NULL OR cardinality(sessions) = 1) THEN
        total := kept_count(of_org, 'chats', coalesce(sessions, '{""}'));
    ELSIF is_whole AND is_counted THEN
        SELECT count(DISTINCT h.chat_key) INTO total FROM session_chats h
        WHERE h.org_id = of_org AND h.session_id = ANY (sessions);
    ELSIF is_counted THEN
        EXECUTE format('SELECT count(*) FROM %I l WHERE %s', source, matching) INTO total
        USING of_org, sessions, of_type, label_ids, active_from, active_before;
    END IF;
    SELECT w.skip, w.page, w.from_end INTO skip, page, from_end FROM list_window(total, skip, page) w;

    in_order := CASE WHEN from_end THEN 'l.active_at, l.listed_id DESC' ELSE 'l.active_at DESC, l.listed_id' END;
    source := format('SELECT l.session_id, l.chat_key, l.active_at, l.listed_id FROM %I l WHERE %s', source, matching);
    -- What each number holds is in order. Far from either end it takes longer to look for each chat at the others than to
    -- put all of them in order.
    IF cardinality(sessions) > 1 AND skip <= 20000 THEN
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
    USING of_org, sessions, of_type, label_ids, active_from, active_before, skip, page;

    result.count := CASE WHEN is_counted THEN total END;
    result.chats := ARRAY(
        SELECT ROW(v, h.archived, h.pinned, h.exited, h.unread, s.phone, h.muted_until > now(), m)::listed_chat
        FROM unnest(session_ids, chat_keys) listed(session_id, chat_key)
        -- By the chat, which few numbers hold: the planner takes any session for a small one, and every index that begins
        -- with the session for as good as the one that leads to the chat.
        CROSS JOIN LATERAL (
            SELECT * FROM session_chats sc WHERE sc.org_id = of_org AND sc.chat_key = listed.chat_key OFFSET 0
        ) h
        JOIN sessions s ON s.org_id = of_org AND s.session_id = listed.session_id
        JOIN chat_views v ON v.org_id = of_org AND v.chat_key = listed.chat_key
        -- For the same reason with the time, which it does not take to tell a message from others.
        LEFT JOIN message_views m
            ON m.org_id = of_org AND m.session_id = listed.session_id AND m.chat_key = listed.chat_key
            AND m.sent_at = h.last_message_at AND m.message_id = h.latest_message_id
        WHERE h.session_id = listed.session_id
        ORDER BY h.active_at DESC, h.listed_id
    );
    RETURN result;
END
$$;
COMMENT ON FUNCTION list_chats IS 'One page of a list of chats; null when the number is not there. Filters that are null let everything pass.';

CREATE FUNCTION list_messages(
    of_org uuid, reachable text[], of_phone text, of_phone_id text,
    in_address text, sent_from timestamptz, sent_before timestamptz,
    skip bigint, page bigint, is_counted boolean
) RETURNS message_page
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- As in list_chats.
SET enable_seqscan = off
SET random_page_cost = 1.1
AS $$
DECLARE
    sessions    text[] := listed_sessions(of_org, reachable, of_phone, of_phone_id);
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
        CASE WHEN in_chat IS NOT NULL THEN 'l.chat_key = $3' END,
        CASE WHEN sent_from IS NOT NULL THEN 'l.sent_at >= $4' END,
        CASE WHEN sent_before IS NOT NULL THEN 'l.sent_at < $5' END
    );
    IF num_nonnulls(in_chat, sent_from, sent_before) = 0 THEN
        total := kept_count(of_org, 'messages', sessions);
    ELSIF is_counted THEN
        EXECUTE format('SELECT count(*) FROM messages l WHERE %s', matching) INTO total
        USING of_org, sessions, in_chat, sent_from, sent_before;
    END IF;
    SELECT w.skip, w.page, w.from_end INTO skip, page, from_end FROM list_window(total, skip, page) w;

    -- All columns of the index behind it, so that there are no ties.
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
    USING of_org, sessions, in_chat, sent_from, sent_before, skip, page;

    result.count := CASE WHEN is_counted THEN total END;
    result.messages := ARRAY(
        SELECT ROW(c.chat_id, s.phone, m)::listed_message
        -- With the time, as in list_chats.
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
COMMENT ON FUNCTION list_messages IS 'One page of a list of messages; null when the number or the chat is not there. Filters that are null let everything pass.';
