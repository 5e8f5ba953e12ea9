DROP FUNCTION required_migration();
