//! PostgreSQL as operators run it: restarts, full disks, connection poolers, standbys, migrations beside readers.

mod lost_connections;
