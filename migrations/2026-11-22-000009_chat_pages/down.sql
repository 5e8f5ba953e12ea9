DROP FUNCTION list_messages, list_chats, list_window, kept_count, listed_sessions;
DROP TYPE message_page, listed_message, chat_page, listed_chat;
