-- How far each sender of events has come, so that it can go on there when it lost its own count.
CREATE TABLE ingest_senders (
    org_id       uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    principal    text        NOT NULL COLLATE "C",
    sender       text        NOT NULL COLLATE "C",
    stream       uuid        NOT NULL,
    acknowledged bigint      NOT NULL CHECK (acknowledged >= 0),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, principal, sender)
);
-- Those that are gone for long are looked for among all organizations.
CREATE INDEX ingest_senders_updated_at ON ingest_senders (updated_at);
COMMENT ON TABLE ingest_senders IS 'How far each sender of events has come. Written in the transaction that stores the events.';
COMMENT ON COLUMN ingest_senders.org_id IS 'The organization.';
COMMENT ON COLUMN ingest_senders.principal IS 'Who sends: key:<key id> or member:<subject of the login token>. Nobody else can move the mark.';
COMMENT ON COLUMN ingest_senders.sender IS 'The sender''s own name for itself.';
COMMENT ON COLUMN ingest_senders.stream IS 'The stream that was opened last. No other one can move the mark.';
COMMENT ON COLUMN ingest_senders.acknowledged IS 'The sequence number of the last event that is stored or refused; 0 before the first.';
COMMENT ON COLUMN ingest_senders.updated_at IS 'When it last moved.';

ALTER TABLE ingest_senders ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest_senders FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON ingest_senders FOR SELECT USING (true);
CREATE POLICY inserts ON ingest_senders FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON ingest_senders FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON ingest_senders FOR DELETE USING (org_id = current_org());
