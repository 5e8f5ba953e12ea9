-- What managing an organization from outside needs: whose keys may change owners, and the order in which keys are listed.

-- Every key so far was made by an operator.
ALTER TABLE api_keys ADD COLUMN manages_owners boolean NOT NULL DEFAULT true;
ALTER TABLE api_keys ALTER COLUMN manages_owners SET DEFAULT false;
COMMENT ON COLUMN api_keys.manages_owners IS 'Whether the key may add, change and remove owners: it was created by an operator, an owner, or a key that may.';

CREATE INDEX api_keys_created_at ON api_keys (org_id, created_at, key_id);
