DROP FUNCTION list_messages, list_chats, page_window, stored_list_count, sessions_in_scope;
DROP TYPE message_page, listed_message, chat_page, listed_chat;
