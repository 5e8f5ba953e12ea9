-- Answers of writes that were asked for under an idempotency key, so that asking again changes nothing.
CREATE TABLE idempotency_keys (
    org_id         uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    key_sha256     bytea       NOT NULL CHECK (length(key_sha256) = 32),
    request_sha256 bytea       NOT NULL CHECK (length(request_sha256) = 32),
    response       bytea       NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key_sha256)
);
-- What is too old is looked for among all organizations.
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Writes done under an idempotency key. A row is written in the transaction of its write and counts for 24 hours.';
COMMENT ON COLUMN idempotency_keys.org_id IS 'The organization.';
COMMENT ON COLUMN idempotency_keys.key_sha256 IS 'SHA-256 of who called and of the key they sent: both may be long, and neither is of use here.';
COMMENT ON COLUMN idempotency_keys.request_sha256 IS 'SHA-256 of what was asked: the same key with another request is refused.';
COMMENT ON COLUMN idempotency_keys.response IS 'The protobuf message that was answered, without its secrets.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When the key was first used.';

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON idempotency_keys FOR SELECT USING (true);
CREATE POLICY inserts ON idempotency_keys FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON idempotency_keys FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON idempotency_keys FOR DELETE USING (org_id = current_org());
