//! PostgreSQL as operators run it: restarts, full disks, connection poolers, standbys, migrations beside readers.

mod disk_full;
mod lost_connections;
mod migrations;
mod poolers;
mod standby;
mod unanswered;
