DROP VIEW message_views, chat_views;
DROP TYPE chat_view_property, chat_view_access, chat_view_label, chat_view_member;
