-- What the session API's lists are walked by: one index for each order and filter, so that a page costs the same however
-- deep it lies and however few chats match.

-- The name in the form that is searched: NFC, lower case, its first 256 characters. Done by the database, so that whoever
-- writes a name, it can be found. A database in the C locale lowers ASCII only: where PostgreSQL knows Unicode by
-- another collation, that one is asked.
DO $$
DECLARE
    unicode text := (
        SELECT quote_ident(collname) FROM pg_collation
        WHERE collnamespace = 'pg_catalog'::regnamespace AND collname IN ('und-x-icu', 'pg_c_utf8')
            AND collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
        ORDER BY collname DESC
        LIMIT 1
    );
BEGIN
    EXECUTE format(
        'CREATE FUNCTION search_key(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN left(lower(normalize(name, NFC) COLLATE %s), 256) COLLATE "C"',
        coalesce('pg_catalog.' || unicode, '"default"')
    );
END
$$;
COMMENT ON FUNCTION search_key(text) IS 'A name in the form that is searched: NFC, lower case, its first 256 characters.';

-- pg_trgm would leave out what is no letter in the database's locale, and finds nothing shorter than three characters.
CREATE FUNCTION name_ngrams(org_id uuid, key text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 5000
    RETURN ARRAY(
        SELECT DISTINCT (org_id::text || substr(key, start, size)) COLLATE "C"
        FROM generate_series(1, 3) size
        CROSS JOIN LATERAL generate_series(1, length(key) - size + 1) start
    );
COMMENT ON FUNCTION name_ngrams(uuid, text) IS 'Every one, two and three characters in a row of a name, each behind its organization.';

CREATE FUNCTION query_ngrams(org_id uuid, key text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT DISTINCT (org_id::text || substr(key, start, 3)) COLLATE "C"
        FROM generate_series(1, greatest(length(key) - 2, 1)) start
    );
COMMENT ON FUNCTION query_ngrams(uuid, text) IS 'Of name_ngrams, those that every name has which contains the text: three characters each, fewer when the text is shorter.';

ALTER TABLE chats ADD search_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
COMMENT ON COLUMN chats.search_key IS 'The name in the form that is searched.';
-- What is new is searched one by one until it is sorted in: after 64 kB, and not after 4 MB.
CREATE INDEX chats_search ON chats USING gin (name_ngrams(org_id, search_key)) WITH (gin_pending_list_limit = 64);
ALTER TABLE contacts ADD search_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
COMMENT ON COLUMN contacts.search_key IS 'The name in the form that is searched.';
CREATE INDEX contacts_search ON contacts USING gin (name_ngrams(org_id, search_key)) WITH (gin_pending_list_limit = 64);

-- A sort key without null, so that "after this one" is one range of an index, and what is filtered by as plain booleans,
-- which the planner recognizes in a prepared statement too.
ALTER TABLE session_chats
    ADD active_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(last_message_at, '-infinity')) STORED,
    ADD is_unread boolean NOT NULL GENERATED ALWAYS AS (coalesce(unread, 0) > 0) STORED,
    ADD is_group boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN session_chats.active_at IS 'When the newest message was sent; -infinity when there is none.';
COMMENT ON COLUMN session_chats.is_unread IS 'Whether anything is unread.';
COMMENT ON COLUMN session_chats.is_group IS 'Whether the chat is a group by its address, which never changes; copied here by a trigger so that a session''s groups can be walked in order.';

CREATE FUNCTION copy_chat_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Without its chat the row is refused by its foreign key.
    NEW.is_group := EXISTS (
        SELECT FROM chats WHERE org_id = NEW.org_id AND chat_key = NEW.chat_key AND chat_id LIKE '%@g.us'
    );
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION copy_chat_columns() IS 'Fills session_chats.is_group from the chat.';
CREATE TRIGGER copy_chat_columns BEFORE INSERT ON session_chats FOR EACH ROW EXECUTE FUNCTION copy_chat_columns();

DO $$
DECLARE
    org uuid;
BEGIN
    -- Organization by organization, as row level security wants it.
    FOR org IN SELECT org_id FROM orgs LOOP
        PERFORM set_config('switchboard.org_id', org::text, true);
        UPDATE session_chats s SET is_group = true
        FROM chats c
        WHERE c.org_id = s.org_id AND c.chat_key = s.chat_key AND c.chat_id LIKE '%@g.us' AND s.org_id = org;
    END LOOP;
    PERFORM set_config('switchboard.org_id', '', true);
END
$$;

-- Whole: every chat, and every chat beside the archived ones, which may be most. Partial: the few that stand out.
CREATE INDEX session_chats_active ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC);
CREATE INDEX session_chats_active_archived ON session_chats
    (org_id, session_id, archived, pinned DESC, active_at DESC, id DESC);
CREATE INDEX session_chats_active_unread ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC) WHERE is_unread;
CREATE INDEX session_chats_active_muted ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC) WHERE muted_until IS NOT NULL;
CREATE INDEX session_chats_active_group ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC) WHERE is_group;

CREATE TYPE session_chat_match AS (
    id              bigint,
    archived        boolean,
    pinned          boolean,
    muted_until     timestamptz,
    unread          integer,
    last_message_at timestamptz,
    active_at       timestamptz,
    chat_id         text,
    name            text
);
COMMENT ON TYPE session_chat_match IS 'A chat that search_session_chats found.';

-- A function, because the planner knows too little of names to choose between two ways. What is in many names is found soon
-- by walking the list in its order. What is in few, or only far down the list, is looked up in the search indexes; OFFSET 0
-- makes the rest a look-up for each chat they find. Filters that are null let everything pass.
CREATE FUNCTION search_session_chats(
    org uuid, session text, part text,
    only_archived boolean, only_pinned boolean, only_muted boolean, only_unread boolean, only_group boolean,
    after_pinned boolean, after_active_at timestamptz, after_id bigint,
    most bigint
) RETURNS SETOF session_chat_match LANGUAGE plpgsql STABLE ROWS 50 SET enable_seqscan = off AS $$
DECLARE
    -- After the first few it is asked whether few names have the text; if not, it is worth to walk on.
    first_walked CONSTANT bigint := 1000;
    most_walked CONSTANT bigint := 20000;
    few CONSTANT bigint := 2000;
    wanted CONSTANT text := search_key(part);
    sought CONSTANT text[] := query_ngrams(org, wanted);
    -- Where to go on; before the first chat there may be.
    last_pinned boolean := coalesce(after_pinned, true);
    last_active_at timestamptz := coalesce(after_active_at, 'infinity');
    last_id bigint := coalesce(after_id, 9223372036854775807);
    walked bigint := 0;
    is_whole boolean := true;
    chat record;
BEGIN
    FOR chat IN
        SELECT s.pinned, s.active_at, s.id,
            ROW(s.id, s.archived, s.pinned, s.muted_until, s.unread, s.last_message_at, s.active_at, c.chat_id,
                coalesce(p.name, c.name))::session_chat_match AS shown,
            strpos(coalesce(p.search_key, c.search_key), wanted) > 0
                AND (only_archived IS NULL OR s.archived = only_archived)
                AND (only_pinned IS NULL OR s.pinned = only_pinned)
                AND (only_unread IS NULL OR s.is_unread = only_unread)
                AND (only_group IS NULL OR s.is_group = only_group)
                AND (only_muted IS NULL OR coalesce(s.muted_until > now(), false) = only_muted) AS matches
        FROM (
            SELECT * FROM session_chats held
            WHERE held.org_id = org AND held.session_id = session
                AND (held.pinned, held.active_at, held.id) < (last_pinned, last_active_at, last_id)
            ORDER BY held.pinned DESC, held.active_at DESC, held.id DESC
            LIMIT most_walked
        ) s
        CROSS JOIN LATERAL (
            SELECT * FROM chats WHERE chats.org_id = org AND chats.chat_key = s.chat_key OFFSET 0
        ) c
        LEFT JOIN LATERAL (
            SELECT * FROM contacts WHERE contacts.org_id = org AND contacts.contact_id = c.chat_id OFFSET 0
        ) p ON true
        ORDER BY s.pinned DESC, s.active_at DESC, s.id DESC
    LOOP
        walked := walked + 1;
        last_pinned := chat.pinned;
        last_active_at := chat.active_at;
        last_id := chat.id;
        IF chat.matches THEN
            RETURN NEXT chat.shown;
            most := most - 1;
            IF most = 0 THEN
                RETURN;
            END IF;
        END IF;
        IF walked = most_walked OR walked = first_walked
            AND few > (SELECT count(*) FROM (
                SELECT FROM chats WHERE name_ngrams(org_id, search_key) @> sought AND org_id = org LIMIT few) x)
            AND few > (SELECT count(*) FROM (
                SELECT FROM contacts WHERE name_ngrams(org_id, search_key) @> sought AND org_id = org LIMIT few) x)
        THEN
            is_whole := false;
            EXIT;
        END IF;
    END LOOP;
    IF is_whole THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.id, s.archived, s.pinned, s.muted_until, s.unread, s.last_message_at, s.active_at, c.chat_id,
        coalesce(p.name, c.name)
    FROM (
        SELECT chat_key FROM chats WHERE name_ngrams(org_id, search_key) @> sought AND org_id = org
        UNION
        SELECT its.chat_key
        FROM contacts person
        CROSS JOIN LATERAL (
            SELECT * FROM chats WHERE chats.org_id = org AND chats.chat_id = person.contact_id OFFSET 0
        ) its
        WHERE name_ngrams(person.org_id, person.search_key) @> sought AND person.org_id = org
    ) named
    CROSS JOIN LATERAL (
        SELECT * FROM session_chats held
        WHERE held.org_id = org AND held.session_id = session AND held.chat_key = named.chat_key OFFSET 0
    ) s
    CROSS JOIN LATERAL (
        SELECT * FROM chats WHERE chats.org_id = org AND chats.chat_key = named.chat_key OFFSET 0
    ) c
    LEFT JOIN LATERAL (
        SELECT * FROM contacts WHERE contacts.org_id = org AND contacts.contact_id = c.chat_id OFFSET 0
    ) p ON true
    WHERE strpos(coalesce(p.search_key, c.search_key), wanted) > 0
        AND (only_archived IS NULL OR s.archived = only_archived)
        AND (only_pinned IS NULL OR s.pinned = only_pinned)
        AND (only_muted IS NULL OR coalesce(s.muted_until > now(), false) = only_muted)
        AND (only_unread IS NULL OR s.is_unread = only_unread)
        AND (only_group IS NULL OR s.is_group = only_group)
        AND (s.pinned, s.active_at, s.id) < (last_pinned, last_active_at, last_id)
    ORDER BY s.pinned DESC, s.active_at DESC, s.id DESC
    LIMIT most;
END
$$;
COMMENT ON FUNCTION search_session_chats IS 'A page of the chats of a session whose name contains a text: what their list has of them after that place.';
