-- The last acknowledged event of each sender, so that a sender that lost its own state can resume.
CREATE TABLE ingest_senders (
    org_id       uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    principal    text        NOT NULL COLLATE "C",
    sender       text        NOT NULL COLLATE "C",
    stream       uuid        NOT NULL,
    acknowledged bigint      NOT NULL CHECK (acknowledged >= 0),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, principal, sender)
);
-- Inactive senders are deleted across organizations.
CREATE INDEX ingest_senders_updated_at ON ingest_senders (updated_at);
COMMENT ON TABLE ingest_senders IS 'The last acknowledged event of each sender. Written in the transaction that stores the events.';
COMMENT ON COLUMN ingest_senders.org_id IS 'The organization.';
COMMENT ON COLUMN ingest_senders.principal IS 'The authenticated caller: key:<key id> or member:<subject of the login token>. Only the same caller can update the row.';
COMMENT ON COLUMN ingest_senders.sender IS 'The sender''s name, chosen by the caller.';
COMMENT ON COLUMN ingest_senders.stream IS 'The stream that was opened last. Only this stream can update the row.';
COMMENT ON COLUMN ingest_senders.acknowledged IS 'Sequence number of the last event that was stored or rejected; 0 before the first.';
COMMENT ON COLUMN ingest_senders.updated_at IS 'When the row was last updated.';

ALTER TABLE ingest_senders ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest_senders FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON ingest_senders FOR SELECT USING (true);
CREATE POLICY inserts ON ingest_senders FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON ingest_senders FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON ingest_senders FOR DELETE USING (org_id = current_org());
