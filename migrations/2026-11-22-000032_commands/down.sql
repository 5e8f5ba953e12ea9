DROP TABLE connector_leases;
DROP TABLE commands;
