-- Which keys may change owners, and the index that lists keys.

-- Existing keys were created by operators.
ALTER TABLE api_keys ADD COLUMN manages_owners boolean NOT NULL DEFAULT true;
ALTER TABLE api_keys ALTER COLUMN manages_owners SET DEFAULT false;
COMMENT ON COLUMN api_keys.manages_owners IS 'Whether the key may add, change and remove owners: true if it was created by an operator, an owner or such a key.';

CREATE INDEX api_keys_created_at ON api_keys (org_id, created_at, key_id);
