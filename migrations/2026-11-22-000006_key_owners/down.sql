DROP INDEX api_keys_created_at;
ALTER TABLE api_keys DROP COLUMN manages_owners;
