DROP FUNCTION lease_number;
DROP TABLE connector_leases;
DROP TABLE commands;
