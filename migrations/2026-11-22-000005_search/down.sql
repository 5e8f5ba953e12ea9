DROP FUNCTION search_messages, search_matches;
DROP TYPE search_page, search_hit, search_match;
DROP INDEX messages_search;
DO $$
BEGIN
    DROP EXTENSION btree_gin;
EXCEPTION
    -- An extension that existed before or that others use is kept.
    WHEN insufficient_privilege OR dependent_objects_still_exist THEN NULL;
END
$$;
