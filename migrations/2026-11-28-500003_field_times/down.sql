ALTER TABLE session_chats DROP field_times;
ALTER TABLE chats DROP field_times, DROP member_times;
ALTER TABLE contacts DROP field_times;
