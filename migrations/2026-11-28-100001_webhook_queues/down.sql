DROP INDEX webhooks_enabled;
ALTER TABLE webhooks DROP COLUMN failing_since, DROP COLUMN disabled_at;
ALTER TABLE webhooks ADD COLUMN lease_holder uuid, ADD COLUMN lease_expires_at timestamptz;
CREATE INDEX webhooks_lease_expires_at ON webhooks (lease_expires_at NULLS FIRST) WHERE enabled;
COMMENT ON COLUMN webhooks.failures IS 'Consecutive batches that delivered nothing.';
COMMENT ON COLUMN webhooks.lease_holder IS 'The process that holds the lease.';
COMMENT ON COLUMN webhooks.lease_expires_at IS 'When the lease expires.';

ALTER TABLE webhook_deliveries ADD COLUMN next_attempt_at timestamptz;
UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'waiting';
ALTER TABLE webhook_deliveries ADD CHECK ((next_attempt_at IS NOT NULL) = (state = 'waiting'));
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS 'When the next attempt is due, while waiting.';
DROP INDEX webhook_deliveries_waiting;
DROP TABLE webhook_queues;
