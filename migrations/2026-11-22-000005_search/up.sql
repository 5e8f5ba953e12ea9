-- Full-text search of messages. The organization, the number, the sender and the month are keys of the same GIN index as
-- the words: their lists of rows are skipped through together, so that a search reads about as much as the rarest of them
-- has, and never what other organizations wrote. btree_gin is a trusted extension: a database's owner may create it.
-- Nothing but a search says anything of `fts`, so nothing else is led through this index.

CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE INDEX messages_search ON messages
    USING gin (org_id, session_id, sender, date_trunc('month', sent_at AT TIME ZONE 'UTC'), fts)
    WHERE fts IS NOT NULL;

CREATE TYPE search_match AS (session_id text, chat_key bigint, message_id text, sent_at timestamptz, rank real);
COMMENT ON TYPE search_match IS 'A message that a search matches, and how well it matches.';

CREATE TYPE search_hit AS (
    rank       real,
    headline   text,
    phone      text,
    chat_id    text,
    message_id text,
    sent_at    timestamptz,
    updated_at timestamptz,
    ack        smallint,
    from_me    boolean,
    sender     text,
    type       text,
    body       text,
    delivery   jsonb,
    details    jsonb,
    fts        text
);
COMMENT ON TYPE search_hit IS 'A message that a search answers with, the number that stored it and the chat it stands in.';

CREATE TYPE search_page AS (error text, total integer, is_capped boolean, hits search_hit[]);
COMMENT ON TYPE search_page IS 'What a search answers; error is null, or which of these is wrong: query, phone, chat.';

CREATE FUNCTION search_matches(
    of_org uuid, wanted tsquery, in_sessions text[], in_chat bigint, by_senders text[], by_me boolean,
    sent_from timestamptz, sent_before timestamptz, most integer,
    OUT matches search_match[], OUT is_capped boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- Which plan is good depends on the words: how rare they are is known for values, not for parameters.
SET plan_cache_mode = force_custom_plan
-- Words that look common and are not would be looked for row by row; the index answers for both alike.
SET enable_seqscan = off
SET enable_indexscan = off
AS $$
DECLARE
    -- GIN has no search for one of several values, but for one.
    one_session text := CASE WHEN cardinality(in_sessions) = 1 THEN in_sessions[1] END;
    one_sender  text := CASE WHEN cardinality(by_senders) = 1 THEN by_senders[1] END;
    -- What lies in the future belongs to the newest month.
    is_open     boolean := sent_before IS NULL OR sent_before > now();
    newest      timestamp := date_trunc('month', least(sent_before, now()) AT TIME ZONE 'UTC');
    oldest      timestamp := date_trunc('month', coalesce(sent_from, '1970-01-01') AT TIME ZONE 'UTC');
    -- The month that is looked through; null for all at once.
    month       timestamp := CASE WHEN newest < oldest + interval '1 year' THEN greatest(newest, oldest) END;
    more        search_match[];
BEGIN
    matches := '{}';
    LOOP
        more := ARRAY(
            SELECT ROW(m.session_id, m.chat_key, m.message_id, m.sent_at, ts_rank_cd(m.fts, wanted))::search_match
            FROM messages m
            WHERE m.org_id = of_org
                AND m.fts @@ wanted
                AND (in_sessions IS NULL OR CASE WHEN one_session IS NULL
                    THEN m.session_id = ANY (in_sessions) ELSE m.session_id = one_session END)
                AND (by_senders IS NULL OR CASE WHEN one_sender IS NULL
                    THEN m.sender = ANY (by_senders) ELSE m.sender = one_sender END)
                AND (in_chat IS NULL OR m.chat_key = in_chat)
                AND (by_me IS NULL OR m.from_me = by_me)
                AND (sent_from IS NULL OR m.sent_at >= sent_from)
                AND (sent_before IS NULL OR m.sent_at < sent_before)
                AND (month IS NULL OR CASE WHEN is_open AND month = newest
                    THEN date_trunc('month', m.sent_at AT TIME ZONE 'UTC') >= month
                    ELSE date_trunc('month', m.sent_at AT TIME ZONE 'UTC') = month END)
            -- No order at all while there is no month: any will do to see whether there are too many.
            ORDER BY CASE WHEN month IS NOT NULL THEN m.sent_at END DESC,
                CASE WHEN month IS NOT NULL THEN m.message_id END DESC
            LIMIT most + 1 - cardinality(matches)
        );
        IF month IS NULL AND cardinality(more) > most THEN
            -- Too many to put in order: month by month, no more of them are read than it takes.
            month := newest;
        ELSE
            matches := matches || more;
            EXIT WHEN month IS NULL OR month <= oldest OR cardinality(matches) > most;
            month := month - interval '1 month';
        END IF;
    END LOOP;
    is_capped := cardinality(matches) > most;
    matches := matches[1:most];
END
$$;
COMMENT ON FUNCTION search_matches IS 'The messages that match; when there are more than `most`, the newest of them.';

CREATE FUNCTION search_messages(
    of_org uuid, reachable text[], of_phone text, of_phone_id text, in_address text, by_address text, by_me boolean,
    sent_from timestamptz, sent_before timestamptz, query text, newest_first boolean,
    most integer, skip integer, page integer
) RETURNS search_page
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
-- That a query has nothing but stop words is no news for a log.
SET client_min_messages = warning
AS $$
DECLARE
    wanted   tsquery := websearch_to_tsquery('english', query);
    sessions text[] := reachable;
    chat     bigint;
    person   text;
    senders  text[];
    matches  search_match[];
    result   search_page := ROW(NULL, 0, false, '{}');
BEGIN
    -- What only says what to leave out would be looked for in everything there is.
    IF querytree(wanted) = 'T' THEN
        result.error := 'query';
        RETURN result;
    END IF;
    IF of_phone IS NOT NULL OR of_phone_id IS NOT NULL THEN
        sessions := ARRAY(
            SELECT s.session_id FROM sessions s
            WHERE s.org_id = of_org
                AND (of_phone IS NULL OR s.phone = of_phone)
                AND (of_phone_id IS NULL OR s.phone_id = of_phone_id)
                AND (reachable IS NULL OR s.session_id = ANY (reachable))
        );
        IF sessions = '{}' THEN
            result.error := 'phone';
            RETURN result;
        END IF;
    END IF;
    IF in_address IS NOT NULL THEN
        SELECT a.chat_key INTO chat FROM chat_addresses a WHERE a.org_id = of_org AND a.address = in_address;
        sessions := ARRAY(
            SELECT sc.session_id FROM session_chats sc
            WHERE sc.org_id = of_org AND sc.chat_key = chat
                AND (sessions IS NULL OR sc.session_id = ANY (sessions))
        );
        IF sessions = '{}' THEN
            result.error := 'chat';
            RETURN result;
        END IF;
    END IF;
    -- A person whose number was hidden once has more than one address.
    IF by_address IS NOT NULL THEN
        person := coalesce(
            (SELECT l.address FROM lids l WHERE l.org_id = of_org AND l.lid = by_address), by_address);
        senders := ARRAY(
            SELECT person UNION ALL SELECT l.lid FROM lids l WHERE l.org_id = of_org AND l.address = person
        );
    END IF;
    -- Nothing but stop words, or a key that reaches no session.
    IF numnode(wanted) = 0 OR sessions = '{}' THEN
        RETURN result;
    END IF;
    SELECT m.matches, m.is_capped INTO matches, result.is_capped
    FROM search_matches(of_org, wanted, sessions, chat, senders, by_me, sent_from, sent_before, most) m;
    result.total := cardinality(matches);
    result.hits := ARRAY(
        SELECT ROW(
            hit.rank,
            -- The marks are characters that no text has, so that the rest can be escaped before they become markup.
            ts_headline('english', translate(v.body, E'\x01\x02', ''), wanted, E'StartSel=\x01, StopSel=\x02'),
            (SELECT s.phone FROM sessions s WHERE s.org_id = of_org AND s.session_id = hit.session_id),
            (SELECT c.chat_id FROM chats c WHERE c.org_id = of_org AND c.chat_key = hit.chat_key),
            v.message_id, v.sent_at, v.updated_at, v.ack, v.from_me, v.sender, v.type, v.body, v.delivery,
            v.details, v.fts
        )::search_hit
        FROM (
            SELECT *, row_number() OVER (
                ORDER BY CASE WHEN NOT newest_first THEN f.rank END DESC, f.sent_at DESC, f.message_id DESC, f.session_id
            ) AS place
            FROM unnest(matches) f
            ORDER BY place OFFSET skip LIMIT page
        ) hit
        -- With the time, which it does not take to tell a message from others, every index leads to it directly.
        JOIN message_views v ON v.org_id = of_org AND v.session_id = hit.session_id AND v.chat_key = hit.chat_key
            AND v.sent_at = hit.sent_at AND v.message_id = hit.message_id
        ORDER BY hit.place
    );
    RETURN result;
END
$$;
COMMENT ON FUNCTION search_messages IS 'One page of a search, in one round trip.';
