DROP FUNCTION acquire_connector_lease;
DROP FUNCTION move_commands;
DROP TABLE connector_leases;
DROP TABLE commands;
