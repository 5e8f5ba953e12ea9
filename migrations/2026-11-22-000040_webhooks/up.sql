-- Webhooks: where an organization is told of changes by HTTP, and what became of each telling.
CREATE TABLE webhooks (
    org_id       uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    webhook_id   text        NOT NULL COLLATE "C",
    url          text        NOT NULL,
    kinds        text[]      NOT NULL DEFAULT '{}' COLLATE "C",
    session_ids  text[]      COLLATE "C",
    enabled      boolean     NOT NULL DEFAULT true,
    salt         bytea       NOT NULL CHECK (length(salt) = 16),
    key_id       bytea       NOT NULL CHECK (length(key_id) = 8),
    position     bigint      NOT NULL,
    failures     integer     NOT NULL DEFAULT 0,
    retry_at     timestamptz,
    lease_holder    uuid,
    lease_expires_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, webhook_id)
);
-- Lists show the oldest first.
CREATE INDEX webhooks_created_at ON webhooks (org_id, created_at, webhook_id);
-- Who was served longest ago is served next.
CREATE INDEX webhooks_lease_expires_at ON webhooks (lease_expires_at NULLS FIRST) WHERE enabled;
COMMENT ON TABLE webhooks IS 'Where the organization is told of changes by HTTP. Their secrets are not stored: each is made of a key of the service.';
COMMENT ON COLUMN webhooks.org_id IS 'The organization.';
COMMENT ON COLUMN webhooks.webhook_id IS 'webhook- and 16 lower-case letters.';
COMMENT ON COLUMN webhooks.url IS 'Where changes are posted to.';
COMMENT ON COLUMN webhooks.kinds IS 'The kinds of change that are told; all when empty.';
COMMENT ON COLUMN webhooks.session_ids IS 'The only sessions whose chats'' changes are told; null for all.';
COMMENT ON COLUMN webhooks.enabled IS 'Whether changes are told at all.';
COMMENT ON COLUMN webhooks.salt IS 'What the secret is made of beside the service''s key: another one, another secret.';
COMMENT ON COLUMN webhooks.key_id IS 'Which of the service''s keys it is made of.';
COMMENT ON COLUMN webhooks.position IS 'The event up to which all were delivered or are in webhook_deliveries.';
COMMENT ON COLUMN webhooks.failures IS 'How many times in a row nothing could be delivered.';
COMMENT ON COLUMN webhooks.retry_at IS 'Until when the receiver is left alone; null when it is not.';
COMMENT ON COLUMN webhooks.lease_holder IS 'The process that delivers.';
COMMENT ON COLUMN webhooks.lease_expires_at IS 'From when another process may deliver.';
COMMENT ON COLUMN webhooks.created_at IS 'When it was created.';

CREATE TABLE webhook_deliveries (
    org_id      uuid        NOT NULL,
    webhook_id  text        NOT NULL COLLATE "C",
    event_id    bigint      NOT NULL,
    chat_key    bigint      NOT NULL,
    state       text        NOT NULL COLLATE "C" CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts       integer     NOT NULL,
    status      integer,
    error       text,
    attempted_at    timestamptz,
    next_attempt_at timestamptz CHECK ((next_attempt_at IS NOT NULL) = (state = 'waiting')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, webhook_id, event_id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, webhook_id) ON DELETE CASCADE
);
-- What is left to do, and the lists of one state.
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (org_id, webhook_id, state, event_id);
-- What is too old is looked for among all organizations.
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);
COMMENT ON TABLE webhook_deliveries IS 'What became of telling a webhook of an event. What was told is made of the event, which is kept for as long.';
COMMENT ON COLUMN webhook_deliveries.org_id IS 'The organization.';
COMMENT ON COLUMN webhook_deliveries.webhook_id IS 'The webhook.';
COMMENT ON COLUMN webhook_deliveries.event_id IS 'The event.';
COMMENT ON COLUMN webhook_deliveries.chat_key IS 'The chat it tells of: its events are delivered one after the other.';
COMMENT ON COLUMN webhook_deliveries.state IS 'waiting to be tried, delivered, or dead: given up.';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'How many times it was tried since it came up or was last replayed, by itself or together with others.';
COMMENT ON COLUMN webhook_deliveries.status IS 'The HTTP status of the last answer.';
COMMENT ON COLUMN webhook_deliveries.error IS 'Why the last try got no answer.';
COMMENT ON COLUMN webhook_deliveries.attempted_at IS 'When it was last tried.';
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS 'From when it is tried again, while it waits.';
COMMENT ON COLUMN webhook_deliveries.created_at IS 'When it came up.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['webhooks', 'webhook_deliveries']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (org_id = current_org())', t);
    END LOOP;
END
$$;
