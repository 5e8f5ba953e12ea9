DROP FUNCTION needed_migration();
