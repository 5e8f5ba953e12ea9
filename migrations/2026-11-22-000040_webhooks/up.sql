-- Webhooks: endpoints that receive change events by HTTP, and the deliveries to them.
CREATE TABLE webhooks (
    org_id           uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    webhook_id       text        NOT NULL COLLATE "C",
    url              text        NOT NULL,
    kinds            text[]      NOT NULL DEFAULT '{}' COLLATE "C",
    session_ids      text[]      COLLATE "C",
    enabled          boolean     NOT NULL DEFAULT true,
    salt             bytea       NOT NULL CHECK (length(salt) = 16),
    key_id           bytea       NOT NULL CHECK (length(key_id) = 8),
    positions        bigint[]    NOT NULL DEFAULT array_fill(0::bigint, ARRAY[16]) CHECK (cardinality(positions) = 16),
    failures         integer     NOT NULL DEFAULT 0,
    retry_at         timestamptz,
    lease_holder     uuid,
    lease_expires_at timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, webhook_id)
);
-- Lists are ordered oldest first.
CREATE INDEX webhooks_created_at ON webhooks (org_id, created_at, webhook_id);
-- The webhook served longest ago is served next.
CREATE INDEX webhooks_lease_expires_at ON webhooks (lease_expires_at NULLS FIRST) WHERE enabled;
COMMENT ON TABLE webhooks IS 'Endpoints of the organization. Secrets are not stored but derived from a signing key.';
COMMENT ON COLUMN webhooks.org_id IS 'The organization.';
COMMENT ON COLUMN webhooks.webhook_id IS 'webhook- and 16 lower-case letters.';
COMMENT ON COLUMN webhooks.url IS 'The URL that deliveries are posted to.';
COMMENT ON COLUMN webhooks.kinds IS 'Kinds of events to deliver; empty for all.';
COMMENT ON COLUMN webhooks.session_ids IS 'Session scope: only events of chats that one of these sessions holds; null for all.';
COMMENT ON COLUMN webhooks.enabled IS 'Whether events are delivered.';
COMMENT ON COLUMN webhooks.salt IS 'Salt of the secret''s derivation; a new salt gives a new secret.';
COMMENT ON COLUMN webhooks.key_id IS 'Id of the signing key that the secret is derived from.';
COMMENT ON COLUMN webhooks.positions IS 'For each bucket from 0: all events up to this number were delivered or are in webhook_deliveries.';
COMMENT ON COLUMN webhooks.failures IS 'Consecutive batches that delivered nothing.';
COMMENT ON COLUMN webhooks.retry_at IS 'End of the backoff; null if there is none.';
COMMENT ON COLUMN webhooks.lease_holder IS 'The process that holds the lease.';
COMMENT ON COLUMN webhooks.lease_expires_at IS 'When the lease expires.';
COMMENT ON COLUMN webhooks.created_at IS 'When it was created.';

CREATE TABLE webhook_deliveries (
    org_id          uuid        NOT NULL,
    webhook_id      text        NOT NULL COLLATE "C",
    event_id        bigint      NOT NULL,
    chat_key        bigint      NOT NULL,
    state           text        NOT NULL COLLATE "C" CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts        integer     NOT NULL,
    status          integer,
    error           text,
    attempted_at    timestamptz,
    next_attempt_at timestamptz CHECK ((next_attempt_at IS NOT NULL) = (state = 'waiting')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, webhook_id, event_id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, webhook_id) ON DELETE CASCADE
);
-- For pending deliveries, and lists of one state.
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (org_id, webhook_id, state, event_id);
-- Old deliveries are deleted across organizations.
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);
COMMENT ON TABLE webhook_deliveries IS 'Deliveries of events to webhooks. The body is built from the event, which is kept as long.';
COMMENT ON COLUMN webhook_deliveries.org_id IS 'The organization.';
COMMENT ON COLUMN webhook_deliveries.webhook_id IS 'The webhook.';
COMMENT ON COLUMN webhook_deliveries.event_id IS 'The event.';
COMMENT ON COLUMN webhook_deliveries.chat_key IS 'The event''s chat: events of one chat are delivered in order.';
COMMENT ON COLUMN webhook_deliveries.state IS 'waiting for an attempt, delivered, or dead (dead letter).';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'Number of attempts since it was created or last replayed.';
COMMENT ON COLUMN webhook_deliveries.status IS 'HTTP status of the last response.';
COMMENT ON COLUMN webhook_deliveries.error IS 'Why the last attempt got no response.';
COMMENT ON COLUMN webhook_deliveries.attempted_at IS 'When it was last attempted.';
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS 'When the next attempt is due, while waiting.';
COMMENT ON COLUMN webhook_deliveries.created_at IS 'When it was created.';

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
