DROP FUNCTION merge_chats;
DROP FUNCTION tie_lids;
