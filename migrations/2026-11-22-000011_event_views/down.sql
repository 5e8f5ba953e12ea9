DROP VIEW event_head;
DROP VIEW event_views;
DROP FUNCTION last_of_chat(uuid, bigint);
