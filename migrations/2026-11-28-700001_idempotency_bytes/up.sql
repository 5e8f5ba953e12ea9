-- The bytes of stored responses are counted, so that each organization's are limited. Responses that were stored before are not
-- counted: they are removed, and a client that repeats such a request repeats its change.
TRUNCATE idempotency_keys;

ALTER TABLE list_counts DROP CONSTRAINT list_counts_list_check,
    ADD CONSTRAINT list_counts_list_check CHECK (list IN ('chats', 'messages', 'idempotency_bytes'));
COMMENT ON COLUMN list_counts.list IS 'chats, messages, or idempotency_bytes: the bytes of responses stored under idempotency keys.';
