DROP TABLE ingest_senders;
