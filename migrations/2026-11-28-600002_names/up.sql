-- Names are folded by the service, in one way for messages and names; chats are found by their phone number, too.

DROP FUNCTION search_session_chats, query_ngrams;
DROP TYPE session_chat_match;
DROP INDEX chats_search, contacts_search;
ALTER TABLE chats ALTER search_key DROP EXPRESSION;
ALTER TABLE contacts ALTER search_key DROP EXPRESSION;
DROP FUNCTION search_key;
COMMENT ON COLUMN chats.search_key IS 'The folded name: without case and accents, the first 256 characters.';
COMMENT ON COLUMN contacts.search_key IS 'The folded name: without case and accents, the first 256 characters.';
-- With org_id as a key, too, the planner does not combine them with another index that has all rows of the organization.
CREATE INDEX chats_search ON chats
    USING gin (org_id, name_ngrams(org_id, coalesce(search_key, '') || E'\n' || split_part(chat_id, '@', 1)))
    WITH (gin_pending_list_limit = 64);
CREATE INDEX contacts_search ON contacts USING gin (org_id, name_ngrams(org_id, search_key)) WITH (gin_pending_list_limit = 64);
