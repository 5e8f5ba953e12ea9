DROP VIEW event_head;
DROP VIEW event_views;
DROP FUNCTION deleted_chat_fields(uuid, bigint);
