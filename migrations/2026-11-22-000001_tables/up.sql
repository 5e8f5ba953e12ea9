-- The tables. Every primary and foreign key begins with org_id: a row cannot refer to another organization, and the schema
-- can be distributed by org_id. Ids have COLLATE "C", so that their order does not depend on the database's locale.

CREATE TABLE orgs (
    org_id      uuid        NOT NULL PRIMARY KEY,
    name        text        NOT NULL,
    disabled_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE orgs IS 'Organizations, the customers of the service.';
COMMENT ON COLUMN orgs.org_id IS 'The organization.';
COMMENT ON COLUMN orgs.name IS 'Name shown to operators.';
COMMENT ON COLUMN orgs.disabled_at IS 'When the organization was disabled: its tokens are rejected. Null while it is enabled.';
COMMENT ON COLUMN orgs.created_at IS 'When it was created.';

CREATE TABLE members (
    org_id     uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    member_key text        NOT NULL COLLATE "C",
    email      text        NOT NULL,
    name       text,
    role       text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, member_key)
);
COMMENT ON TABLE members IS 'Users of the organization''s shared inbox.';
COMMENT ON COLUMN members.org_id IS 'The organization.';
COMMENT ON COLUMN members.member_key IS 'The normalized email (NFC, Unicode lower case), which identifies the member.';
COMMENT ON COLUMN members.email IS 'The email as given.';
COMMENT ON COLUMN members.name IS 'The person''s name.';
COMMENT ON COLUMN members.role IS 'owner, admin or member.';
COMMENT ON COLUMN members.created_at IS 'When the member was added.';

CREATE TABLE sessions (
    org_id            uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    session_id        text        NOT NULL COLLATE "C",
    phone             text        NOT NULL COLLATE "C" CHECK (phone ~ '^[0-9]{5,20}$'),
    phone_id          text        NOT NULL COLLATE "C" CHECK (phone_id ~ '^phone-[a-z0-9]{12}$'),
    lid               text        COLLATE "C",
    label             text,
    status            text        NOT NULL DEFAULT 'disconnected'
                                  CHECK (status IN ('disconnected', 'connecting', 'connected', 'logged_out')),
    status_at         timestamptz,
    last_connected_at timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, session_id),
    UNIQUE (org_id, phone),
    UNIQUE (org_id, phone_id)
);
COMMENT ON TABLE sessions IS 'Sessions: the organization''s attached WhatsApp numbers.';
COMMENT ON COLUMN sessions.org_id IS 'The organization.';
COMMENT ON COLUMN sessions.session_id IS 'The session''s id, a ULID.';
COMMENT ON COLUMN sessions.phone IS 'The phone number with country code, digits only.';
COMMENT ON COLUMN sessions.phone_id IS 'The phone id: phone- and 12 lower-case letters or digits.';
COMMENT ON COLUMN sessions.lid IS 'The LID of the phone number, <digits>@lid.';
COMMENT ON COLUMN sessions.label IS 'Name given by the organization.';
COMMENT ON COLUMN sessions.status IS 'disconnected, connecting, connected or logged_out.';
COMMENT ON COLUMN sessions.status_at IS 'When the connector observed the status; an older report does not replace it.';
COMMENT ON COLUMN sessions.last_connected_at IS 'When it was last connected.';
COMMENT ON COLUMN sessions.created_at IS 'When it was attached.';
COMMENT ON COLUMN sessions.updated_at IS 'When the session last changed.';

CREATE TABLE api_keys (
    org_id        uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    key_id        text        NOT NULL COLLATE "C",
    name          text        NOT NULL,
    secret_sha256 bytea       NOT NULL CHECK (length(secret_sha256) = 32),
    capabilities  text[]      NOT NULL CHECK (capabilities <@ ARRAY['read', 'send', 'ingest', 'manage']),
    session_ids   text[]      COLLATE "C",
    expires_at    timestamptz,
    revoked_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key_id)
);
-- A token contains its key id, not its organization.
CREATE UNIQUE INDEX api_keys_key_id ON api_keys (key_id);
COMMENT ON TABLE api_keys IS 'Api keys of the organization. Only a hash of the secret is stored.';
COMMENT ON COLUMN api_keys.org_id IS 'The organization.';
COMMENT ON COLUMN api_keys.key_id IS 'The public part of the key.';
COMMENT ON COLUMN api_keys.name IS 'The purpose of the key.';
COMMENT ON COLUMN api_keys.secret_sha256 IS 'SHA-256 of the secret part, 256 random bits.';
COMMENT ON COLUMN api_keys.capabilities IS 'The key''s capabilities: read, send, ingest, manage.';
COMMENT ON COLUMN api_keys.session_ids IS 'The key''s session scope; null for all sessions.';
COMMENT ON COLUMN api_keys.expires_at IS 'When it expires; null for never.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was revoked.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was created.';

CREATE TABLE contacts (
    org_id      uuid    NOT NULL REFERENCES orgs ON DELETE CASCADE,
    contact_id  text    NOT NULL COLLATE "C",
    name        text,
    color       text    CHECK (color ~ '^#[0-9A-Fa-f]{6}$'),
    image       text,
    is_internal boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, contact_id)
);
COMMENT ON TABLE contacts IS 'Contacts of the organization''s sessions.';
COMMENT ON COLUMN contacts.org_id IS 'The organization.';
COMMENT ON COLUMN contacts.contact_id IS '<digits>@c.us, or <digits>@lid while no phone number is known.';
COMMENT ON COLUMN contacts.name IS 'The contact''s name.';
COMMENT ON COLUMN contacts.color IS '#RRGGBB.';
COMMENT ON COLUMN contacts.image IS 'URL of the picture.';
COMMENT ON COLUMN contacts.is_internal IS 'Whether the contact belongs to the organization.';

CREATE TABLE lids (
    org_id  uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    lid     text NOT NULL COLLATE "C" CHECK (lid LIKE '%@lid'),
    address text NOT NULL COLLATE "C" CHECK (address LIKE '%@c.us'),
    PRIMARY KEY (org_id, lid)
);
CREATE INDEX lids_address ON lids (org_id, address);
COMMENT ON TABLE lids IS 'Links of LIDs to phone numbers. Stored before a chat with either exists, and never deleted: merged chats cannot be split.';
COMMENT ON COLUMN lids.org_id IS 'The organization.';
COMMENT ON COLUMN lids.lid IS '<digits>@lid.';
COMMENT ON COLUMN lids.address IS '<digits>@c.us: the same contact by phone number.';

CREATE TABLE chats (
    org_id                  uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    chat_key                bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    chat_id                 text        NOT NULL COLLATE "C",
    type                    text        NOT NULL CHECK (type IN ('user', 'group', 'business')),
    name                    text,
    image                   text,
    description             text,
    invite_link             text,
    info_admins_only        boolean,
    messages_admins_only    boolean,
    add_members_admins_only boolean,
    member_add_mode         text,
    assignee                text        COLLATE "C",
    hubspot_metadata        jsonb       NOT NULL DEFAULT '{}',
    closed_at               timestamptz,
    created_at              timestamptz,
    updated_at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, chat_key),
    UNIQUE (org_id, chat_id),
    FOREIGN KEY (org_id, assignee) REFERENCES members (org_id, member_key) ON DELETE SET NULL (assignee)
);
CREATE INDEX chats_assignee ON chats (org_id, assignee) WHERE assignee IS NOT NULL;
COMMENT ON TABLE chats IS 'The data that all sessions of the organization share about a chat.';
COMMENT ON COLUMN chats.org_id IS 'The organization.';
COMMENT ON COLUMN chats.chat_key IS 'The chat''s key in this database; its chat_id changes when a LID is linked to a phone number.';
COMMENT ON COLUMN chats.chat_id IS 'The canonical address: <digits>@c.us, <id>@g.us, or <digits>@lid while no phone number is known.';
COMMENT ON COLUMN chats.type IS 'user, group or business.';
COMMENT ON COLUMN chats.name IS 'A group''s name; for a contact the name WhatsApp shows without a contact name.';
COMMENT ON COLUMN chats.image IS 'URL of the picture.';
COMMENT ON COLUMN chats.description IS 'A group''s description.';
COMMENT ON COLUMN chats.invite_link IS 'A group''s invite link.';
COMMENT ON COLUMN chats.info_admins_only IS 'Whether only admins may change the group''s name, picture and description.';
COMMENT ON COLUMN chats.messages_admins_only IS 'Whether only admins may write to the group.';
COMMENT ON COLUMN chats.add_members_admins_only IS 'Whether only admins may add members.';
COMMENT ON COLUMN chats.member_add_mode IS 'Who may add members, as reported by WhatsApp.';
COMMENT ON COLUMN chats.assignee IS 'The member the chat is assigned to: members.member_key.';
COMMENT ON COLUMN chats.hubspot_metadata IS 'HubSpot''s data about the chat.';
COMMENT ON COLUMN chats.closed_at IS 'When the chat was closed; null while it is open.';
COMMENT ON COLUMN chats.created_at IS 'When the chat was created, as reported by WhatsApp.';
COMMENT ON COLUMN chats.updated_at IS 'When any shared data of the chat last changed.';

CREATE TABLE chat_addresses (
    org_id   uuid   NOT NULL,
    address  text   NOT NULL COLLATE "C",
    chat_key bigint NOT NULL,
    PRIMARY KEY (org_id, address),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX chat_addresses_chat ON chat_addresses (org_id, chat_key);
COMMENT ON TABLE chat_addresses IS 'All addresses of each chat. Chat addresses in requests are resolved here only.';
COMMENT ON COLUMN chat_addresses.org_id IS 'The organization.';
COMMENT ON COLUMN chat_addresses.address IS '<digits>@c.us, <id>@g.us or <digits>@lid; device parts and @s.whatsapp.net are normalized before.';
COMMENT ON COLUMN chat_addresses.chat_key IS 'The chat.';

CREATE TABLE session_chats (
    org_id            uuid        NOT NULL,
    session_id        text        NOT NULL COLLATE "C",
    chat_key          bigint      NOT NULL,
    id                bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    archived          boolean     NOT NULL DEFAULT false,
    pinned            boolean     NOT NULL DEFAULT false,
    exited            boolean     NOT NULL DEFAULT false,
    muted_until       timestamptz,
    read_up_to        timestamptz,
    unread            integer     CHECK (unread >= 0),
    latest_message_id text        COLLATE "C",
    last_message_at   timestamptz,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, session_id, chat_key),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key);
COMMENT ON TABLE session_chats IS 'The state of a chat in one session.';
COMMENT ON COLUMN session_chats.org_id IS 'The organization.';
COMMENT ON COLUMN session_chats.session_id IS 'The session.';
COMMENT ON COLUMN session_chats.chat_key IS 'The chat.';
COMMENT ON COLUMN session_chats.id IS 'Unique in the service; a chat that is removed and comes back gets a new one.';
COMMENT ON COLUMN session_chats.archived IS 'Whether it is archived.';
COMMENT ON COLUMN session_chats.pinned IS 'Whether it is pinned.';
COMMENT ON COLUMN session_chats.exited IS 'Whether the session''s number has left the group.';
COMMENT ON COLUMN session_chats.muted_until IS 'When its mute ends; may be in the past.';
COMMENT ON COLUMN session_chats.read_up_to IS 'The read mark: incoming messages sent after it are unread. It only moves forward.';
COMMENT ON COLUMN session_chats.unread IS 'Number of incoming messages after the read mark; null until the first is counted.';
COMMENT ON COLUMN session_chats.latest_message_id IS 'The newest message by (sent_at, message_id).';
COMMENT ON COLUMN session_chats.last_message_at IS 'When the newest message was sent.';
COMMENT ON COLUMN session_chats.updated_at IS 'When the row last changed.';

CREATE TABLE messages (
    org_id     uuid        NOT NULL,
    chat_key   bigint      NOT NULL,
    sent_at    timestamptz NOT NULL,
    updated_at timestamptz,
    ack        smallint    CHECK (ack BETWEEN -1 AND 9),
    from_me    boolean     NOT NULL,
    session_id text        NOT NULL COLLATE "C",
    message_id text        NOT NULL COLLATE "C",
    sender     text        COLLATE "C",
    type       text,
    body       text,
    delivery   jsonb,
    details    jsonb       NOT NULL DEFAULT '{}',
    field_times jsonb,
    fts        tsvector    GENERATED ALWAYS AS (to_tsvector('english'::regconfig, body)) STORED,
    FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX messages_chat_sent_at ON messages (org_id, session_id, chat_key, sent_at DESC, message_id DESC);
-- Created after messages_chat_sent_at: without statistics the planner estimates the same cost for a lookup by key in both,
-- and then chooses the youngest index.
ALTER TABLE messages ADD PRIMARY KEY (org_id, session_id, chat_key, message_id);
COMMENT ON TABLE messages IS 'Messages, as stored by a session.';
COMMENT ON COLUMN messages.org_id IS 'The organization.';
COMMENT ON COLUMN messages.chat_key IS 'The chat.';
COMMENT ON COLUMN messages.sent_at IS 'When it was sent.';
COMMENT ON COLUMN messages.updated_at IS 'When it last changed, as reported by WhatsApp.';
COMMENT ON COLUMN messages.ack IS '0 pending, 1 sent, 2 received by the server, 3 delivered, 4 read; it never decreases.';
COMMENT ON COLUMN messages.from_me IS 'Whether the session''s own number sent it.';
COMMENT ON COLUMN messages.session_id IS 'The session that stored it.';
COMMENT ON COLUMN messages.message_id IS 'WhatsApp''s id of the message.';
COMMENT ON COLUMN messages.sender IS 'Contact id of the sender.';
COMMENT ON COLUMN messages.type IS 'WhatsApp''s message type.';
COMMENT ON COLUMN messages.body IS 'The text.';
COMMENT ON COLUMN messages.delivery IS '{"delivered": {contact: ms}, "read": {contact: ms}, "pending": [contact]}; null while no receipt is known.';
COMMENT ON COLUMN messages.details IS 'The keys of the message object that have no column.';
COMMENT ON COLUMN messages.field_times IS '{field: Unix microseconds} of the fields last reported before updated_at; null when all are as of updated_at.';
COMMENT ON COLUMN messages.fts IS 'The text as searched.';

CREATE TABLE pending_receipts (
    org_id     uuid        NOT NULL,
    session_id text        NOT NULL COLLATE "C",
    chat_key   bigint      NOT NULL,
    message_id text        NOT NULL COLLATE "C",
    contact_id text        NOT NULL COLLATE "C",
    kind       text        NOT NULL COLLATE "C",
    at         timestamptz NOT NULL,
    PRIMARY KEY (org_id, session_id, chat_key, message_id, contact_id, kind),
    FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE
);
COMMENT ON TABLE pending_receipts IS 'Receipts that arrived before their message; applied and deleted when it arrives.';
COMMENT ON COLUMN pending_receipts.org_id IS 'The organization.';
COMMENT ON COLUMN pending_receipts.session_id IS 'The session.';
COMMENT ON COLUMN pending_receipts.chat_key IS 'The chat.';
COMMENT ON COLUMN pending_receipts.message_id IS 'The message they belong to.';
COMMENT ON COLUMN pending_receipts.contact_id IS 'The contact that received or read it; empty for a deletion.';
COMMENT ON COLUMN pending_receipts.kind IS 'sent, server, delivered, read or played; or deleted, for a deletion for everyone.';
COMMENT ON COLUMN pending_receipts.at IS 'The time of the receipt.';

CREATE TABLE chat_members (
    org_id         uuid    NOT NULL,
    chat_key       bigint  NOT NULL,
    contact_id     text    NOT NULL COLLATE "C",
    is_admin       boolean NOT NULL DEFAULT false,
    is_super_admin boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, chat_key, contact_id),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE,
    FOREIGN KEY (org_id, contact_id) REFERENCES contacts (org_id, contact_id) ON DELETE CASCADE
);
CREATE INDEX chat_members_contact ON chat_members (org_id, contact_id, chat_key);
COMMENT ON TABLE chat_members IS 'Members of chats.';
COMMENT ON COLUMN chat_members.org_id IS 'The organization.';
COMMENT ON COLUMN chat_members.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_members.contact_id IS 'The contact.';
COMMENT ON COLUMN chat_members.is_admin IS 'Whether the contact is an admin of the group.';
COMMENT ON COLUMN chat_members.is_super_admin IS 'Whether the contact created the group.';

CREATE TABLE chat_access (
    org_id     uuid    NOT NULL,
    chat_key   bigint  NOT NULL,
    member_key text    NOT NULL COLLATE "C",
    allowed    boolean NOT NULL,
    PRIMARY KEY (org_id, chat_key, member_key),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE,
    FOREIGN KEY (org_id, member_key) REFERENCES members (org_id, member_key) ON DELETE CASCADE
);
CREATE INDEX chat_access_member ON chat_access (org_id, member_key);
COMMENT ON TABLE chat_access IS 'Which members may see a chat.';
COMMENT ON COLUMN chat_access.org_id IS 'The organization.';
COMMENT ON COLUMN chat_access.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_access.member_key IS 'The member.';
COMMENT ON COLUMN chat_access.allowed IS 'Whether the member may see the chat.';

CREATE TABLE labels (
    org_id     uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    label_id   text        NOT NULL COLLATE "C" CHECK (label_id ~ '^label-[a-z]{16}$'),
    name       text        NOT NULL,
    label_key  text        NOT NULL COLLATE "C",
    color      text        CHECK (color ~ '^#[0-9A-Fa-f]{6}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, label_id),
    UNIQUE (org_id, label_key)
);
COMMENT ON TABLE labels IS 'The organization''s labels.';
COMMENT ON COLUMN labels.org_id IS 'The organization.';
COMMENT ON COLUMN labels.label_id IS 'label- and 16 lower-case letters.';
COMMENT ON COLUMN labels.name IS 'The name as first given.';
COMMENT ON COLUMN labels.label_key IS 'The normalized name (NFC, Unicode lower case), which identifies the label.';
COMMENT ON COLUMN labels.color IS '#RRGGBB.';
COMMENT ON COLUMN labels.created_at IS 'When it was created.';

CREATE TABLE chat_labels (
    org_id   uuid   NOT NULL,
    chat_key bigint NOT NULL,
    label_id text   NOT NULL COLLATE "C",
    PRIMARY KEY (org_id, chat_key, label_id),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE,
    FOREIGN KEY (org_id, label_id) REFERENCES labels (org_id, label_id) ON DELETE CASCADE
);
CREATE INDEX chat_labels_label ON chat_labels (org_id, label_id, chat_key);
COMMENT ON TABLE chat_labels IS 'Labels of chats.';
COMMENT ON COLUMN chat_labels.org_id IS 'The organization.';
COMMENT ON COLUMN chat_labels.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_labels.label_id IS 'The label.';

CREATE TABLE properties (
    org_id      uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    property_id text        NOT NULL COLLATE "C" CHECK (property_id ~ '^property-[a-z]{16}$'),
    name        text        NOT NULL COLLATE "C",
    kind        text        NOT NULL CHECK (kind IN ('text', 'date', 'dropdown', 'picklist')),
    options     text[]      NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, property_id),
    UNIQUE (org_id, name)
);
COMMENT ON TABLE properties IS 'Definitions of custom properties.';
COMMENT ON COLUMN properties.org_id IS 'The organization.';
COMMENT ON COLUMN properties.property_id IS 'property- and 16 lower-case letters.';
COMMENT ON COLUMN properties.name IS 'The name, compared exactly.';
COMMENT ON COLUMN properties.kind IS 'text, date, dropdown or picklist.';
COMMENT ON COLUMN properties.options IS 'Allowed values of a dropdown or picklist, in the order given.';
COMMENT ON COLUMN properties.created_at IS 'When it was created.';

CREATE TABLE chat_properties (
    org_id      uuid   NOT NULL,
    chat_key    bigint NOT NULL,
    property_id text   NOT NULL COLLATE "C",
    value       jsonb  NOT NULL,
    PRIMARY KEY (org_id, chat_key, property_id),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE,
    FOREIGN KEY (org_id, property_id) REFERENCES properties (org_id, property_id) ON DELETE CASCADE
);
CREATE INDEX chat_properties_property ON chat_properties (org_id, property_id);
COMMENT ON TABLE chat_properties IS 'Values of custom properties.';
COMMENT ON COLUMN chat_properties.org_id IS 'The organization.';
COMMENT ON COLUMN chat_properties.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_properties.property_id IS 'The property.';
COMMENT ON COLUMN chat_properties.value IS 'A JSON string; a picklist''s is an array of strings.';

-- Every event has the next number of its organization and bucket. A writer takes numbers last, so the row lock of the head
-- is held only until COMMIT: numbers have no gaps and become visible in order. Readers need nothing but "number > last".
-- No foreign keys: events outlive their chat and their organization until they are removed.
CREATE TABLE event_heads (
    org_id  uuid    NOT NULL,
    bucket  integer NOT NULL CHECK (bucket BETWEEN 0 AND 15),
    last    bigint  NOT NULL,
    removed bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, bucket)
) WITH (fillfactor = 50);
COMMENT ON TABLE event_heads IS 'The ends of the event log of an organization: one row for each bucket that has events.';
COMMENT ON COLUMN event_heads.org_id IS 'The organization.';
COMMENT ON COLUMN event_heads.bucket IS 'The bucket.';
COMMENT ON COLUMN event_heads.last IS 'The number of the bucket''s last event.';
COMMENT ON COLUMN event_heads.removed IS 'Events up to this number were removed after their retention; 0 if none.';

CREATE TABLE events (
    org_id     uuid        NOT NULL,
    bucket     integer     NOT NULL GENERATED ALWAYS AS ((chat_key & 15)::integer) STORED,
    number     bigint      NOT NULL,
    -- The time of the change, not of the transaction's start: a later change of a chat has a later time.
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    chat_key   bigint      NOT NULL,
    session_id text        COLLATE "C",
    kind       text        NOT NULL COLLATE "C",
    actor      text        NOT NULL,
    changes    jsonb       NOT NULL,
    PRIMARY KEY (org_id, bucket, number)
);
-- For the audit log of one chat, newest first.
CREATE INDEX events_chat ON events (org_id, chat_key, at, number);
-- For the address of a deleted chat.
CREATE INDEX events_deleted ON events (org_id, chat_key) WHERE kind = 'deleted';
COMMENT ON TABLE events IS 'Change events: the outbox, written in the transaction of the change, deleted after the retention.';
COMMENT ON COLUMN events.org_id IS 'The organization.';
COMMENT ON COLUMN events.bucket IS 'The bucket of the chat: the events of a chat are in order.';
COMMENT ON COLUMN events.number IS 'Order of commit in the bucket, from 1, without gaps. The id of the event is number * 16 + bucket.';
COMMENT ON COLUMN events.at IS 'When it changed.';
COMMENT ON COLUMN events.chat_key IS 'The chat that changed; it may have been deleted since.';
COMMENT ON COLUMN events.session_id IS 'The session whose state changed; null for shared data.';
COMMENT ON COLUMN events.kind IS 'attached, detached, deleted, details, assignee, labels, properties, access, members, state or messages.';
COMMENT ON COLUMN events.actor IS 'Who made the change: member:<subject of the login token>, key:<key id>, connector or operator.';
COMMENT ON COLUMN events.changes IS '{field: [previous, new]}; instants are Unix microseconds.';

-- A second check: a statement can only write rows of the organization that its transaction is set to. Reads are not
-- restricted; their check is the org_id in every WHERE. FORCE applies the policies to the tables' owner, too.
CREATE FUNCTION current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('switchboard.org_id', true), '')::uuid;
COMMENT ON FUNCTION current_org() IS 'The organization that the current transaction may write; set with SET LOCAL switchboard.org_id.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['orgs', 'members', 'sessions', 'api_keys', 'contacts', 'lids', 'chats', 'chat_addresses',
        'session_chats', 'messages', 'pending_receipts', 'chat_members', 'chat_access', 'labels', 'chat_labels',
        'properties', 'chat_properties', 'event_heads', 'events']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (org_id = current_org())', t);
    END LOOP;
END
$$;
