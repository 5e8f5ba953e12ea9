-- Full-text search in a column that the service writes: folded words, and pairs of letters where words have no blanks
-- between them. Organization, session, chat, sender and month are keys of the same index: their posting lists are
-- intersected, so that a search reads about as many entries as the rarest key has. The beginning of a word is looked up in
-- all organizations; a digit of the organization before each word divides what it reads by sixteen.

CREATE FUNCTION search_keys(session_id text, chat_key bigint, sender text, sent_at timestamptz)
    RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY[
        session_id, 'c' || chat_key::text, sender,
        'm' || (extract(year FROM sent_at AT TIME ZONE 'UTC') * 12 + extract(month FROM sent_at AT TIME ZONE 'UTC'))::integer::text
    ];
COMMENT ON FUNCTION search_keys IS 'What a search may be restricted to: session, chat, sender and month (months since the year 0) of a message.';

DROP INDEX messages_search;
ALTER TABLE messages ADD search tsvector;
COMMENT ON COLUMN messages.search IS 'What search looks through: folded words, each after the last digit of org_id; null when there is none.';
COMMENT ON COLUMN messages.fts IS 'The English words of the text, as responses show them.';
-- Only searches mention `search`, so the planner uses this partial index for nothing else.
CREATE INDEX messages_search ON messages
    USING gin (org_id, search_keys(session_id, chat_key, sender, sent_at), search) WHERE search IS NOT NULL;

DROP FUNCTION search_messages, search_matches;
DROP TYPE search_page, search_hit, search_match;
