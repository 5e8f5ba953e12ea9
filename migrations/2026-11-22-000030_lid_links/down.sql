DROP TABLE chat_merges;
ALTER TABLE session_chats ALTER id SET GENERATED ALWAYS;
ALTER TABLE session_chats DROP mute_explicit, DROP exited_explicit, DROP pinned_explicit, DROP archived_explicit;
