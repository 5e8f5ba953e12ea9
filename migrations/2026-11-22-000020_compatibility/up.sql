-- Programs of two versions share a database while the newer one is rolled out. A migration that the older one cannot
-- work with replaces this function by one that returns its own version.
CREATE FUNCTION required_migration() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '20261122000001';
COMMENT ON FUNCTION required_migration() IS 'Version of the migration that a program must know to work with this schema; one that does not know it is too old.';
