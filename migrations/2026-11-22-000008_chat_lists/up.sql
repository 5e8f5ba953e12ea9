-- Indexes and counters of the chat API's lists. One index has a list's order and the columns its filters use, so that a page
-- is found by an index-only scan; a table has each list's length, so that the last page is read from the end.

-- A copy of the chat's id and type, next to the sort key. The foreign key keeps it up to date.
ALTER TABLE chats ADD CONSTRAINT chats_listed UNIQUE (org_id, chat_key, chat_id, type);
ALTER TABLE session_chats ADD COLUMN listed_id text COLLATE "C", ADD COLUMN listed_type text;
COMMENT ON COLUMN session_chats.listed_id IS 'A copy of chats.chat_id, for lists.';
COMMENT ON COLUMN session_chats.listed_type IS 'A copy of chats.type, for lists.';

-- One lookup of the chat sets all copied columns.
CREATE OR REPLACE FUNCTION copy_chat_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.chat_id, c.type INTO NEW.listed_id, NEW.listed_type
    FROM chats c
    WHERE c.org_id = NEW.org_id AND c.chat_key = NEW.chat_key;
    -- A row without its chat violates its foreign key.
    NEW.is_group := coalesce(NEW.listed_id LIKE '%@g.us', false);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION copy_chat_columns() IS 'Sets the columns that session_chats copies from chats.';

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
COMMENT ON TABLE chat_activity IS 'Each chat once, with the state of the session with the newest activity in it. Maintained by triggers of session_chats.';
COMMENT ON COLUMN chat_activity.org_id IS 'The organization.';
COMMENT ON COLUMN chat_activity.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_activity.listed_id IS 'A copy of chats.chat_id.';
COMMENT ON COLUMN chat_activity.listed_type IS 'A copy of chats.type.';
COMMENT ON COLUMN chat_activity.session_id IS 'The session with the newest activity; the lowest id of several.';
COMMENT ON COLUMN chat_activity.active_at IS 'When the newest message was sent; -infinity when there is none.';
COMMENT ON COLUMN chat_activity.is_unread IS 'Whether that session has unread messages in the chat.';

CREATE TABLE list_counts (
    org_id     uuid     NOT NULL REFERENCES orgs ON DELETE CASCADE,
    list       text     NOT NULL COLLATE "C" CHECK (list IN ('chats', 'messages')),
    session_id text     NOT NULL COLLATE "C",
    shard      smallint NOT NULL,
    count      bigint   NOT NULL,
    PRIMARY KEY (org_id, list, session_id, shard)
);
COMMENT ON TABLE list_counts IS 'Lengths of lists: the sum over all shards. Maintained by triggers of the listed tables.';
COMMENT ON COLUMN list_counts.org_id IS 'The organization.';
COMMENT ON COLUMN list_counts.list IS 'chats or messages.';
COMMENT ON COLUMN list_counts.session_id IS 'The session whose list it is; empty for the organization''s list of all chats.';
COMMENT ON COLUMN list_counts.shard IS 'Connections update different rows, so that they do not wait for each other.';
COMMENT ON COLUMN list_counts.count IS 'Rows inserted minus rows deleted; may be negative in one shard.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['chat_activity', 'list_counts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (org_id = current_org())', t);
    END LOOP;
END
$$;

-- Fills the new columns and tables. Row level security is not forced meanwhile: the rows are of all organizations.
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

-- If few chats of a session are unread, session_chats_active_unread is used instead.
CREATE INDEX session_chats_list ON session_chats (org_id, session_id, active_at DESC, listed_id)
    INCLUDE (chat_key, listed_type, is_unread);
-- session_id is a key column: otherwise PostgreSQL may search the sessions of a chat in the primary key and read all of the
-- organization's entries. Created last: without statistics the planner estimates the same cost for several indexes, and
-- then chooses the youngest.
DROP INDEX session_chats_chat;
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key, session_id) INCLUDE (active_at);
CREATE INDEX chat_activity_list ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type, is_unread);
CREATE INDEX chat_activity_unread ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type) WHERE is_unread;
-- For lists across chats. `chat_key > 0` holds for all rows: only those lists have the condition, so that a list of one chat
-- uses messages_chat_sent_at. The planner assumes a small session and would estimate these indexes as equally good.
CREATE INDEX messages_list ON messages (org_id, session_id, sent_at DESC, message_id DESC) INCLUDE (chat_key)
    WHERE chat_key > 0;
CREATE INDEX messages_org_list ON messages (org_id, sent_at DESC, message_id DESC) INCLUDE (session_id, chat_key)
    WHERE chat_key > 0;

-- Statement-level triggers: a batch costs a few statements, not some for each row.

CREATE FUNCTION refresh_chat_activity(org uuid, keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Locked in the order of the keys, as everywhere. A separate statement: the next one must see what earlier lock holders
    -- have written. Not `= ANY (keys)`: in a new database that may become a filter over all chats of the organization.
    PERFORM FROM chat_activity WHERE org_id = org AND chat_key IN (SELECT unnest(keys)) ORDER BY chat_key FOR UPDATE;
    UPDATE chat_activity a
    SET session_id = newest.session_id, active_at = newest.active_at, is_unread = newest.is_unread
    FROM (
        SELECT DISTINCT ON (chat_key) chat_key, session_id, active_at, is_unread
        FROM session_chats
        WHERE org_id = org AND chat_key IN (SELECT unnest(keys))
        ORDER BY chat_key, active_at DESC, session_id
    ) newest
    WHERE a.org_id = org AND a.chat_key = newest.chat_key
        AND (a.session_id, a.active_at, a.is_unread) <> (newest.session_id, newest.active_at, newest.is_unread);
END
$$;
COMMENT ON FUNCTION refresh_chat_activity(uuid, bigint[]) IS 'Determines the session with the newest activity in each of these chats.';

CREATE FUNCTION insert_chat_activity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    outdated record;
BEGIN
    INSERT INTO chat_activity (org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread)
    SELECT DISTINCT ON (org_id, chat_key)
        org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread
    FROM changed
    ORDER BY org_id, chat_key, active_at DESC, session_id
    ON CONFLICT DO NOTHING;
    FOR outdated IN
        SELECT org_id AS org, array_agg(chat_key) AS keys
        FROM changed c JOIN chat_activity a USING (org_id, chat_key)
        WHERE (c.active_at, a.session_id) > (a.active_at, c.session_id)
        GROUP BY org_id
    LOOP
        PERFORM refresh_chat_activity(outdated.org, outdated.keys);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION insert_chat_activity() IS 'After INSERT on session_chats: maintains chat_activity.';

CREATE FUNCTION update_chat_activity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved record;
BEGIN
    FOR moved IN
        -- EXCEPT, not a join: a cached plan made for one row would compare all pairs of a thousand rows.
        SELECT org_id AS org, array_agg(chat_key) AS keys
        FROM (
            SELECT org_id, session_id, chat_key, active_at, is_unread FROM changed
            EXCEPT SELECT org_id, session_id, chat_key, active_at, is_unread FROM before
        ) differing
        GROUP BY org_id
    LOOP
        PERFORM refresh_chat_activity(moved.org, moved.keys);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION update_chat_activity() IS 'After UPDATE on session_chats: maintains chat_activity.';

CREATE FUNCTION delete_chat_activity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    removed record;
BEGIN
    FOR removed IN SELECT org_id AS org, array_agg(chat_key) AS keys FROM changed GROUP BY org_id LOOP
        PERFORM refresh_chat_activity(removed.org, removed.keys);
        DELETE FROM chat_activity a
        WHERE a.org_id = removed.org AND a.chat_key IN (SELECT unnest(removed.keys))
            AND NOT EXISTS (SELECT FROM session_chats sc WHERE sc.org_id = a.org_id AND sc.chat_key = a.chat_key);
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION delete_chat_activity() IS 'After DELETE on session_chats: maintains chat_activity.';

CREATE FUNCTION update_list_counts() RETURNS trigger LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION update_list_counts() IS 'Maintains list_counts. Its argument is the list.';

CREATE TRIGGER refresh_activity_on_insert AFTER INSERT ON session_chats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION insert_chat_activity();
CREATE TRIGGER refresh_activity_on_update AFTER UPDATE ON session_chats REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_chat_activity();
CREATE TRIGGER refresh_activity_on_delete AFTER DELETE ON session_chats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION delete_chat_activity();
CREATE TRIGGER update_counts_on_insert AFTER INSERT ON session_chats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_list_counts('chats');
CREATE TRIGGER update_counts_on_delete AFTER DELETE ON session_chats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_list_counts('chats');
CREATE TRIGGER update_counts_on_insert AFTER INSERT ON chat_activity REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_list_counts('chats');
CREATE TRIGGER update_counts_on_delete AFTER DELETE ON chat_activity REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_list_counts('chats');
CREATE TRIGGER update_counts_on_insert AFTER INSERT ON messages REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_list_counts('messages');
CREATE TRIGGER update_counts_on_delete AFTER DELETE ON messages REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (current_setting('switchboard.records_events', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION update_list_counts('messages');
