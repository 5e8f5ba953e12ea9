-- Who created a key, which login tokens an organization accepts, and which members were removed.

ALTER TABLE api_keys ADD COLUMN created_by text NOT NULL DEFAULT 'operator' COLLATE "C";
COMMENT ON COLUMN api_keys.created_by IS 'The principal that created the key: key:<key id>, member:<subject> or operator.';
-- A key's own keys are revoked with it.
CREATE INDEX api_keys_created_by ON api_keys (org_id, created_by);

ALTER TABLE orgs ADD COLUMN logins_not_before timestamptz;
COMMENT ON COLUMN orgs.logins_not_before IS 'Login tokens issued before this time are rejected; null accepts all.';

CREATE TABLE removed_members (
    org_id     uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    member_key text        NOT NULL COLLATE "C",
    removed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, member_key)
);
COMMENT ON TABLE removed_members IS 'Members that were removed and not added again: their login tokens are rejected.';
COMMENT ON COLUMN removed_members.org_id IS 'The organization.';
COMMENT ON COLUMN removed_members.member_key IS 'The normalized email, as in members.';
COMMENT ON COLUMN removed_members.removed_at IS 'When the member was removed.';

ALTER TABLE removed_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE removed_members FORCE ROW LEVEL SECURITY;
CREATE POLICY reads ON removed_members FOR SELECT USING (true);
CREATE POLICY inserts ON removed_members FOR INSERT WITH CHECK (org_id = current_org());
CREATE POLICY updates ON removed_members FOR UPDATE USING (org_id = current_org());
CREATE POLICY deletes ON removed_members FOR DELETE USING (org_id = current_org());

-- Which chats a member may not see.
CREATE INDEX chat_access_hidden ON chat_access (org_id, member_key, chat_key) WHERE NOT allowed;
COMMENT ON COLUMN chat_access.allowed IS 'Whether the member may see the chat. Members without an entry may.';
