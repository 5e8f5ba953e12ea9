DROP VIEW event_views;
