-- The queue of deliveries: leased per webhook and chat.
CREATE TABLE webhook_queues (
    org_id     uuid        NOT NULL,
    webhook_id text        NOT NULL COLLATE "C",
    chat_key   bigint      NOT NULL,
    due_at     timestamptz NOT NULL DEFAULT now(),
    holder     uuid,
    PRIMARY KEY (org_id, webhook_id, chat_key),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, webhook_id) ON DELETE CASCADE
);
CREATE INDEX webhook_queues_due_at ON webhook_queues (org_id, webhook_id, due_at);
COMMENT ON TABLE webhook_queues IS 'The queue of deliveries: a row for each webhook and chat that has waiting deliveries, leased by one process at a time.';
COMMENT ON COLUMN webhook_queues.org_id IS 'The organization.';
COMMENT ON COLUMN webhook_queues.webhook_id IS 'The webhook.';
COMMENT ON COLUMN webhook_queues.chat_key IS 'The chat of the deliveries.';
COMMENT ON COLUMN webhook_queues.due_at IS 'When the row may be leased: the end of the backoff, or the expiry of the lease.';
COMMENT ON COLUMN webhook_queues.holder IS 'The run that holds the lease; null without one.';

ALTER TABLE webhook_queues ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_queues FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON webhook_queues FOR SELECT USING (true);
CREATE POLICY inserts ON webhook_queues FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON webhook_queues FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON webhook_queues FOR DELETE USING (org_id = current_org());

INSERT INTO webhook_queues (org_id, webhook_id, chat_key)
SELECT DISTINCT org_id, webhook_id, chat_key FROM webhook_deliveries WHERE state = 'waiting';

-- For the deliveries of a chat, in order.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (org_id, webhook_id, chat_key, event_id) WHERE state = 'waiting';
ALTER TABLE webhook_deliveries DROP COLUMN next_attempt_at;

ALTER TABLE webhooks DROP COLUMN lease_holder, DROP COLUMN lease_expires_at;
ALTER TABLE webhooks ADD COLUMN failing_since timestamptz, ADD COLUMN disabled_at timestamptz;
CREATE INDEX webhooks_enabled ON webhooks (org_id, webhook_id) WHERE enabled;
COMMENT ON COLUMN webhooks.failures IS 'Consecutive runs in which the endpoint failed for every chat.';
COMMENT ON COLUMN webhooks.failing_since IS 'When the first of the attempts failed that all have failed since; null after one that succeeded.';
COMMENT ON COLUMN webhooks.disabled_at IS 'When the service disabled it after a long failure; null when it did not, or it was changed since.';
