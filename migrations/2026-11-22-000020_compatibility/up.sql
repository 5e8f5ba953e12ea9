-- During a rollout, programs of two versions share a database. A migration that is incompatible with the older one replaces
-- this function by one that returns its own version.
CREATE FUNCTION required_migration() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '20261122000001';
COMMENT ON FUNCTION required_migration() IS 'Version of the oldest migration that a program must have to work with this schema.';
