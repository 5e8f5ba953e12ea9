DROP INDEX chats_search, contacts_search;
ALTER TABLE chats DROP search_key;
ALTER TABLE contacts DROP search_key;

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
COMMENT ON FUNCTION search_key(text) IS 'A name normalized for search: NFC, lower case, the first 256 characters.';

ALTER TABLE chats ADD search_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
COMMENT ON COLUMN chats.search_key IS 'The name normalized for search.';
CREATE INDEX chats_search ON chats USING gin (name_ngrams(org_id, search_key)) WITH (gin_pending_list_limit = 64);
ALTER TABLE contacts ADD search_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
COMMENT ON COLUMN contacts.search_key IS 'The name normalized for search.';
CREATE INDEX contacts_search ON contacts USING gin (name_ngrams(org_id, search_key)) WITH (gin_pending_list_limit = 64);

CREATE FUNCTION query_ngrams(org_id uuid, key text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT DISTINCT (org_id::text || substr(key, start, 3)) COLLATE "C"
        FROM generate_series(1, greatest(length(key) - 2, 1)) start
    );
COMMENT ON FUNCTION query_ngrams(uuid, text) IS 'The n-grams that every name containing the text has: its 3-grams, or the whole text if it is shorter.';

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
COMMENT ON TYPE session_chat_match IS 'A chat found by search_session_chats.';

-- A function, because the planner cannot estimate which of two strategies is cheaper. A text that many names contain is found
-- soon by scanning the list in order. A text that few names contain, or only names far down the list, is looked up in the
-- n-gram indexes; OFFSET 0 makes the joins lookups for each chat found. A null filter does not filter.
CREATE FUNCTION search_session_chats(
    org uuid, session text, part text,
    only_archived boolean, only_pinned boolean, only_muted boolean, only_unread boolean, only_group boolean,
    after_pinned boolean, after_active_at timestamptz, after_id bigint,
    max_rows bigint
) RETURNS SETOF session_chat_match LANGUAGE plpgsql STABLE ROWS 50 SET enable_seqscan = off AS $$
DECLARE
    -- After the first rows the function counts the names that have the n-grams; if there are many, it scans on.
    first_scanned CONSTANT bigint := 1000;
    max_scanned CONSTANT bigint := 20000;
    few CONSTANT bigint := 2000;
    wanted CONSTANT text := search_key(part);
    ngrams CONSTANT text[] := query_ngrams(org, wanted);
    -- The position to continue from; initially before the first chat.
    last_pinned boolean := coalesce(after_pinned, true);
    last_active_at timestamptz := coalesce(after_active_at, 'infinity');
    last_id bigint := coalesce(after_id, 9223372036854775807);
    scanned bigint := 0;
    is_complete boolean := true;
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
            LIMIT max_scanned
        ) s
        CROSS JOIN LATERAL (
            SELECT * FROM chats WHERE chats.org_id = org AND chats.chat_key = s.chat_key OFFSET 0
        ) c
        LEFT JOIN LATERAL (
            SELECT * FROM contacts WHERE contacts.org_id = org AND contacts.contact_id = c.chat_id OFFSET 0
        ) p ON true
        ORDER BY s.pinned DESC, s.active_at DESC, s.id DESC
    LOOP
        scanned := scanned + 1;
        last_pinned := chat.pinned;
        last_active_at := chat.active_at;
        last_id := chat.id;
        IF chat.matches THEN
            RETURN NEXT chat.shown;
            max_rows := max_rows - 1;
            IF max_rows = 0 THEN
                RETURN;
            END IF;
        END IF;
        IF scanned = max_scanned OR scanned = first_scanned
            AND few > (SELECT count(*) FROM (
                SELECT FROM chats WHERE name_ngrams(org_id, search_key) @> ngrams AND org_id = org LIMIT few) x)
            AND few > (SELECT count(*) FROM (
                SELECT FROM contacts WHERE name_ngrams(org_id, search_key) @> ngrams AND org_id = org LIMIT few) x)
        THEN
            is_complete := false;
            EXIT;
        END IF;
    END LOOP;
    IF is_complete THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.id, s.archived, s.pinned, s.muted_until, s.unread, s.last_message_at, s.active_at, c.chat_id,
        coalesce(p.name, c.name)
    FROM (
        SELECT chat_key FROM chats WHERE name_ngrams(org_id, search_key) @> ngrams AND org_id = org
        UNION
        SELECT its.chat_key
        FROM contacts person
        CROSS JOIN LATERAL (
            SELECT * FROM chats WHERE chats.org_id = org AND chats.chat_id = person.contact_id OFFSET 0
        ) its
        WHERE name_ngrams(person.org_id, person.search_key) @> ngrams AND person.org_id = org
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
    LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION search_session_chats IS 'A page of the chats of a session whose name contains a text, in list order after a position.';
