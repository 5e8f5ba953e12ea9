TRUNCATE idempotency_keys;

ALTER TABLE list_counts DROP CONSTRAINT list_counts_list_check;
DELETE FROM list_counts WHERE list = 'idempotency_bytes';
ALTER TABLE list_counts ADD CONSTRAINT list_counts_list_check CHECK (list IN ('chats', 'messages'));
COMMENT ON COLUMN list_counts.list IS 'chats or messages.';
