DROP INDEX api_keys_oldest;
ALTER TABLE api_keys DROP COLUMN manages_owners;
