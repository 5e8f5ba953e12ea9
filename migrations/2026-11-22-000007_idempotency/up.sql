-- Responses of writes with an idempotency key, so that a repeated request changes nothing.
CREATE TABLE idempotency_keys (
    org_id         uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    key_sha256     bytea       NOT NULL CHECK (length(key_sha256) = 32),
    request_sha256 bytea       NOT NULL CHECK (length(request_sha256) = 32),
    response       bytea       NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key_sha256)
);
-- Expired keys are deleted across organizations.
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Writes done under an idempotency key. A row is inserted in the write''s transaction and is valid for 24 hours.';
COMMENT ON COLUMN idempotency_keys.org_id IS 'The organization.';
COMMENT ON COLUMN idempotency_keys.key_sha256 IS 'SHA-256 of the caller and the key.';
COMMENT ON COLUMN idempotency_keys.request_sha256 IS 'SHA-256 of the request: the same key with another request is rejected.';
COMMENT ON COLUMN idempotency_keys.response IS 'The response as protobuf, without secrets.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When the key was first used.';

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON idempotency_keys FOR SELECT USING (true);
CREATE POLICY inserts ON idempotency_keys FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON idempotency_keys FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON idempotency_keys FOR DELETE USING (org_id = current_org());
