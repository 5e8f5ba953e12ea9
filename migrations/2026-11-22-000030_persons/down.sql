DROP FUNCTION merge_chats;
DROP FUNCTION tie_lids;
ALTER TABLE session_chats DROP mute_told, DROP exited_told, DROP pinned_told, DROP archived_told;
