COMMENT ON COLUMN chat_access.allowed IS 'Whether the member may see the chat.';
DROP INDEX chat_access_hidden;
DROP TABLE removed_members;
ALTER TABLE orgs DROP COLUMN logins_not_before;
DROP INDEX api_keys_created_by;
ALTER TABLE api_keys DROP COLUMN created_by;
