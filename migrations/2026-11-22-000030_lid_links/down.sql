DROP FUNCTION merge_chats;
DROP FUNCTION link_lids;
ALTER TABLE session_chats DROP mute_explicit, DROP exited_explicit, DROP pinned_explicit, DROP archived_explicit;
