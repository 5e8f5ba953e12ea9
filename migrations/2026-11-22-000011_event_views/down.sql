DROP VIEW events_horizon;
DROP VIEW event_views;
DROP FUNCTION last_of_chat(uuid, bigint);
