DROP VIEW events_horizon;
DROP VIEW event_views;
