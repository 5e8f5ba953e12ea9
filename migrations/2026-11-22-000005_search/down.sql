DROP FUNCTION search_messages, search_matches;
DROP TYPE search_page, search_hit, search_match;
DROP INDEX messages_search;
DO $$
BEGIN
    DROP EXTENSION btree_gin;
EXCEPTION
    -- One that was there before us, or that others use by now, stays.
    WHEN insufficient_privilege OR dependent_objects_still_exist THEN NULL;
END
$$;
