DROP INDEX messages_search;
ALTER TABLE messages DROP search;
DROP FUNCTION search_keys;
COMMENT ON COLUMN messages.fts IS 'The text as searched.';
CREATE INDEX messages_search ON messages
    USING gin (org_id, session_id, sender, date_trunc('month', sent_at AT TIME ZONE 'UTC'), fts)
    WHERE fts IS NOT NULL;

CREATE TYPE search_match AS (session_id text, chat_key bigint, message_id text, sent_at timestamptz, rank real);
COMMENT ON TYPE search_match IS 'A matching message with its rank.';

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
COMMENT ON TYPE search_hit IS 'A hit: the message, its chat, and the session that stored it.';

CREATE TYPE search_page AS (error text, total integer, is_capped boolean, hits search_hit[]);
COMMENT ON TYPE search_page IS 'A page of hits; error is null, or the argument that is invalid or unknown: query, phone or chat.';

CREATE FUNCTION search_matches(
    of_org uuid, wanted tsquery, in_sessions text[], in_chat bigint, by_senders text[], by_me boolean,
    sent_from timestamptz, sent_before timestamptz, max_matches integer,
    OUT matches search_match[], OUT is_capped boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- The best plan depends on how rare the words are, which the planner only knows for values.
SET plan_cache_mode = force_custom_plan
-- Words that are misestimated as common would be searched by a scan; the GIN index serves both.
SET enable_seqscan = off
SET enable_indexscan = off
AS $$
DECLARE
    -- GIN has no search for any of several values, only for one.
    one_session text := CASE WHEN cardinality(in_sessions) = 1 THEN in_sessions[1] END;
    one_sender  text := CASE WHEN cardinality(by_senders) = 1 THEN by_senders[1] END;
    -- Future messages belong to the newest month.
    is_open     boolean := sent_before IS NULL OR sent_before > now();
    newest      timestamp := date_trunc('month', least(sent_before, now()) AT TIME ZONE 'UTC');
    oldest      timestamp := date_trunc('month', coalesce(sent_from, '1970-01-01') AT TIME ZONE 'UTC');
    -- The month being searched; null for all at once.
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
            -- Unordered while there is no month: only the number of matches counts.
            ORDER BY CASE WHEN month IS NOT NULL THEN m.sent_at END DESC,
                CASE WHEN month IS NOT NULL THEN m.message_id END DESC
            LIMIT max_matches + 1 - cardinality(matches)
        );
        IF month IS NULL AND cardinality(more) > max_matches THEN
            -- Too many to sort: read month by month, only as many as needed.
            month := newest;
        ELSE
            matches := matches || more;
            EXIT WHEN month IS NULL OR month <= oldest OR cardinality(matches) > max_matches;
            month := month - interval '1 month';
        END IF;
    END LOOP;
    is_capped := cardinality(matches) > max_matches;
    matches := matches[1:max_matches];
END
$$;
COMMENT ON FUNCTION search_matches IS 'The matching messages; if there are more than max_matches, the newest.';

CREATE FUNCTION search_messages(
    of_org uuid, scope text[], of_phone text, of_phone_id text, in_address text, by_address text, by_me boolean,
    sent_from timestamptz, sent_before timestamptz, query text, newest_first boolean,
    max_matches integer, skip_rows integer, max_rows integer
) RETURNS search_page
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan
-- Suppresses the notice about queries of stop words only.
SET client_min_messages = warning
AS $$
DECLARE
    wanted   tsquery := websearch_to_tsquery('english', query);
    sessions text[] := scope;
    chat     bigint;
    contact  text;
    senders  text[];
    matches  search_match[];
    result   search_page := ROW(NULL, 0, false, '{}');
BEGIN
    -- A query of exclusions only would match nearly everything.
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
                AND (scope IS NULL OR s.session_id = ANY (scope))
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
    -- A contact may have a LID besides its phone number.
    IF by_address IS NOT NULL THEN
        contact := coalesce(
            (SELECT l.address FROM lids l WHERE l.org_id = of_org AND l.lid = by_address), by_address);
        senders := ARRAY(
            SELECT contact UNION ALL SELECT l.lid FROM lids l WHERE l.org_id = of_org AND l.address = contact
        );
    END IF;
    -- Only stop words, or an empty session scope.
    IF numnode(wanted) = 0 OR sessions = '{}' THEN
        RETURN result;
    END IF;
    SELECT m.matches, m.is_capped INTO matches, result.is_capped
    FROM search_matches(of_org, wanted, sessions, chat, senders, by_me, sent_from, sent_before, max_matches) m;
    result.total := cardinality(matches);
    result.hits := ARRAY(
        SELECT ROW(
            hit.rank,
            -- The marks are characters removed from the text, so that the rest can be escaped before they become markup.
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
            ORDER BY place OFFSET skip_rows LIMIT max_rows
        ) hit
        -- sent_at is redundant, but with it every index leads directly to the message.
        JOIN message_views v ON v.org_id = of_org AND v.session_id = hit.session_id AND v.chat_key = hit.chat_key
            AND v.sent_at = hit.sent_at AND v.message_id = hit.message_id
        ORDER BY hit.place
    );
    RETURN result;
END
$$;
COMMENT ON FUNCTION search_messages IS 'One page of a search.';
