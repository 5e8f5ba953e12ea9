DROP FUNCTION lease_number;
DROP FUNCTION move_commands;
DROP TABLE connector_leases;
DROP TABLE commands;
