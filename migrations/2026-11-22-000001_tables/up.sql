-- Everything Switchboard stores. Every key begins with org_id, and so does every foreign key: a row cannot point into
-- another organization, and the schema can be distributed by org_id. Ids are compared byte by byte (COLLATE "C"),
-- whatever the database's locale.

CREATE TABLE orgs (
    org_id      uuid        NOT NULL PRIMARY KEY,
    name        text        NOT NULL,
    disabled_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE orgs IS 'Organizations: the owners of everything else.';
COMMENT ON COLUMN orgs.org_id IS 'The organization.';
COMMENT ON COLUMN orgs.name IS 'Name shown to operators.';
COMMENT ON COLUMN orgs.disabled_at IS 'Since when no token of the organization is accepted; null when it is enabled.';
COMMENT ON COLUMN orgs.created_at IS 'When it was created here.';

CREATE TABLE members (
    org_id     uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    member_key text        NOT NULL COLLATE "C",
    email      text        NOT NULL,
    name       text,
    role       text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, member_key)
);
COMMENT ON TABLE members IS 'People who work in the organization''s shared inbox.';
COMMENT ON COLUMN members.org_id IS 'The organization.';
COMMENT ON COLUMN members.member_key IS 'The email in the form it is compared in: NFC, Unicode lower case.';
COMMENT ON COLUMN members.email IS 'The email as it was given.';
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
COMMENT ON TABLE sessions IS 'The organization''s numbers, each attached here as one session.';
COMMENT ON COLUMN sessions.org_id IS 'The organization.';
COMMENT ON COLUMN sessions.session_id IS 'The session, a ULID.';
COMMENT ON COLUMN sessions.phone IS 'Country code and number in digits.';
COMMENT ON COLUMN sessions.phone_id IS 'The number''s other name: phone- and 12 lower-case letters or digits.';
COMMENT ON COLUMN sessions.lid IS 'The number''s own LID, <digits>@lid.';
COMMENT ON COLUMN sessions.label IS 'Name given by the organization.';
COMMENT ON COLUMN sessions.status IS 'disconnected, connecting, connected or logged_out.';
COMMENT ON COLUMN sessions.status_at IS 'When the connector saw that status; an older report does not replace it.';
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
-- A token names its key, not its organization.
CREATE UNIQUE INDEX api_keys_key_id ON api_keys (key_id);
COMMENT ON TABLE api_keys IS 'Keys that stand for the organization. The secret itself is never stored.';
COMMENT ON COLUMN api_keys.org_id IS 'The organization.';
COMMENT ON COLUMN api_keys.key_id IS 'The public part of the key.';
COMMENT ON COLUMN api_keys.name IS 'What the key is for.';
COMMENT ON COLUMN api_keys.secret_sha256 IS 'SHA-256 of the secret part, 256 random bits.';
COMMENT ON COLUMN api_keys.capabilities IS 'What the key may be used for: read, send, ingest, manage.';
COMMENT ON COLUMN api_keys.session_ids IS 'The only sessions the key reaches; null for all.';
COMMENT ON COLUMN api_keys.expires_at IS 'From when it is refused; null for never.';
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
COMMENT ON TABLE contacts IS 'People the organization''s numbers know.';
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
COMMENT ON TABLE lids IS 'Which LID is which phone number. Kept before there is a chat with either, and never taken back: chats that became one cannot be parted.';
COMMENT ON COLUMN lids.org_id IS 'The organization.';
COMMENT ON COLUMN lids.lid IS '<digits>@lid.';
COMMENT ON COLUMN lids.address IS '<digits>@c.us: the same person by phone number.';

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
COMMENT ON TABLE chats IS 'What all numbers of the organization share about a chat.';
COMMENT ON COLUMN chats.org_id IS 'The organization.';
COMMENT ON COLUMN chats.chat_key IS 'The chat inside this database; its chat_id may change when a LID turns out to be a phone number.';
COMMENT ON COLUMN chats.chat_id IS 'The chat as answers spell it: <digits>@c.us, <id>@g.us, or <digits>@lid while no phone number is known.';
COMMENT ON COLUMN chats.type IS 'user, group or business.';
COMMENT ON COLUMN chats.name IS 'A group''s name; for a person what WhatsApp shows when there is no contact name.';
COMMENT ON COLUMN chats.image IS 'URL of the picture.';
COMMENT ON COLUMN chats.description IS 'A group''s description.';
COMMENT ON COLUMN chats.invite_link IS 'A group''s invite link.';
COMMENT ON COLUMN chats.info_admins_only IS 'Whether only admins may change the group''s name, picture and description.';
COMMENT ON COLUMN chats.messages_admins_only IS 'Whether only admins may write to the group.';
COMMENT ON COLUMN chats.add_members_admins_only IS 'Whether only admins may add members.';
COMMENT ON COLUMN chats.member_add_mode IS 'Who may add members, in WhatsApp''s own words.';
COMMENT ON COLUMN chats.assignee IS 'The member the chat is assigned to: members.member_key.';
COMMENT ON COLUMN chats.hubspot_metadata IS 'What HubSpot knows of the chat.';
COMMENT ON COLUMN chats.closed_at IS 'When the chat was closed; null while it is open.';
COMMENT ON COLUMN chats.created_at IS 'When WhatsApp says the chat began.';
COMMENT ON COLUMN chats.updated_at IS 'When anything shared about the chat last changed here.';

CREATE TABLE chat_addresses (
    org_id   uuid   NOT NULL,
    address  text   NOT NULL COLLATE "C",
    chat_key bigint NOT NULL,
    PRIMARY KEY (org_id, address),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX chat_addresses_chat ON chat_addresses (org_id, chat_key);
COMMENT ON TABLE chat_addresses IS 'Every address a chat answers to. The only way an id given by a caller becomes a chat.';
COMMENT ON COLUMN chat_addresses.org_id IS 'The organization.';
COMMENT ON COLUMN chat_addresses.address IS '<digits>@c.us, <id>@g.us or <digits>@lid; device parts and @s.whatsapp.net are folded before.';
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
COMMENT ON TABLE session_chats IS 'What WhatsApp knows of a chat as one number sees it.';
COMMENT ON COLUMN session_chats.org_id IS 'The organization.';
COMMENT ON COLUMN session_chats.session_id IS 'The session.';
COMMENT ON COLUMN session_chats.chat_key IS 'The chat.';
COMMENT ON COLUMN session_chats.id IS 'Unique in the service, given anew when a removed chat comes back.';
COMMENT ON COLUMN session_chats.archived IS 'Whether the number has archived the chat.';
COMMENT ON COLUMN session_chats.pinned IS 'Whether the number has pinned the chat.';
COMMENT ON COLUMN session_chats.exited IS 'Whether the number has left the group.';
COMMENT ON COLUMN session_chats.muted_until IS 'Until when it is muted; may lie in the past.';
COMMENT ON COLUMN session_chats.read_up_to IS 'The read mark: incoming messages sent after it are unread. It only moves forward.';
COMMENT ON COLUMN session_chats.unread IS 'Incoming messages newer than the read mark; null while there was never anything to count.';
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
-- The younger of the two: while PostgreSQL has no statistics yet, both seem to cost the same for a look-up by key, and of
-- such the planner takes the youngest.
ALTER TABLE messages ADD PRIMARY KEY (org_id, session_id, chat_key, message_id);
COMMENT ON TABLE messages IS 'Stored messages, as the number that stored them saw them.';
COMMENT ON COLUMN messages.org_id IS 'The organization.';
COMMENT ON COLUMN messages.chat_key IS 'The chat.';
COMMENT ON COLUMN messages.sent_at IS 'When it was sent.';
COMMENT ON COLUMN messages.updated_at IS 'When WhatsApp last changed it.';
COMMENT ON COLUMN messages.ack IS '0 pending, 1 sent, 2 at the server, 3 delivered, 4 read; it never falls.';
COMMENT ON COLUMN messages.from_me IS 'Whether the number itself sent it.';
COMMENT ON COLUMN messages.session_id IS 'The session that stored it.';
COMMENT ON COLUMN messages.message_id IS 'WhatsApp''s own id of the message.';
COMMENT ON COLUMN messages.sender IS 'Who sent it: a contact id.';
COMMENT ON COLUMN messages.type IS 'WhatsApp''s kind of message.';
COMMENT ON COLUMN messages.body IS 'The text.';
COMMENT ON COLUMN messages.delivery IS '{"delivered": {contact: ms}, "read": {contact: ms}, "pending": [contact]}; null while nothing is known.';
COMMENT ON COLUMN messages.details IS 'The rarer keys of the message object, by their name there; a key that is not known is left out.';
COMMENT ON COLUMN messages.field_times IS 'Of the fields that were last said before updated_at: {field: Unix microseconds}; null when all are as of updated_at.';
COMMENT ON COLUMN messages.fts IS 'The text as search sees it.';

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
COMMENT ON TABLE pending_receipts IS 'Receipts that came before their message; the message takes them when it arrives.';
COMMENT ON COLUMN pending_receipts.org_id IS 'The organization.';
COMMENT ON COLUMN pending_receipts.session_id IS 'The session.';
COMMENT ON COLUMN pending_receipts.chat_key IS 'The chat.';
COMMENT ON COLUMN pending_receipts.message_id IS 'The message they are about.';
COMMENT ON COLUMN pending_receipts.contact_id IS 'Who received or read it; empty for a deletion.';
COMMENT ON COLUMN pending_receipts.kind IS 'sent, server, delivered, read or played; or deleted, when it was deleted for everyone.';
COMMENT ON COLUMN pending_receipts.at IS 'When.';

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
COMMENT ON TABLE chat_members IS 'Who is in a chat.';
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
COMMENT ON TABLE chat_access IS 'Which members a chat is open to.';
COMMENT ON COLUMN chat_access.org_id IS 'The organization.';
COMMENT ON COLUMN chat_access.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_access.member_key IS 'The member.';
COMMENT ON COLUMN chat_access.allowed IS 'Whether the chat is open to the member.';

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
COMMENT ON COLUMN labels.name IS 'The name as it was first spelled.';
COMMENT ON COLUMN labels.label_key IS 'The name in the form it is compared in: NFC, Unicode lower case.';
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
COMMENT ON TABLE chat_labels IS 'Which labels a chat has.';
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
COMMENT ON TABLE properties IS 'The organization''s custom properties of chats.';
COMMENT ON COLUMN properties.org_id IS 'The organization.';
COMMENT ON COLUMN properties.property_id IS 'property- and 16 lower-case letters.';
COMMENT ON COLUMN properties.name IS 'The name, compared exactly.';
COMMENT ON COLUMN properties.kind IS 'text, date, dropdown or picklist.';
COMMENT ON COLUMN properties.options IS 'What a dropdown or picklist may hold, in the order given.';
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
COMMENT ON TABLE chat_properties IS 'The custom properties a chat has.';
COMMENT ON COLUMN chat_properties.org_id IS 'The organization.';
COMMENT ON COLUMN chat_properties.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_properties.property_id IS 'The property.';
COMMENT ON COLUMN chat_properties.value IS 'A JSON string; a picklist''s is an array of strings.';

CREATE TABLE events (
    org_id     uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    event_id   bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    tx         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at         timestamptz NOT NULL DEFAULT now(),
    chat_key   bigint,
    session_id text        COLLATE "C",
    kind       text        NOT NULL COLLATE "C",
    actor      text        NOT NULL,
    changes    jsonb       NOT NULL,
    PRIMARY KEY (org_id, event_id)
);
COMMENT ON TABLE events IS 'The outbox: what changed, written in the transaction that changed it.';
COMMENT ON COLUMN events.org_id IS 'The organization.';
COMMENT ON COLUMN events.event_id IS 'Order of writing. Numbers commit out of order: read only below pg_snapshot_xmin of tx.';
COMMENT ON COLUMN events.tx IS 'The transaction that wrote it.';
COMMENT ON COLUMN events.at IS 'When.';
COMMENT ON COLUMN events.chat_key IS 'The chat that changed; it may be gone since.';
COMMENT ON COLUMN events.session_id IS 'The session it changed for; null for what all numbers share.';
COMMENT ON COLUMN events.kind IS 'The kind of change.';
COMMENT ON COLUMN events.actor IS 'Who did it.';
COMMENT ON COLUMN events.changes IS 'Each changed field with its previous and its new value.';

-- The second wall: whatever a statement says, it writes only rows of the organization its transaction was opened for.
-- Reads are open here; their wall is the org_id in every key. FORCE makes it hold for the tables' owner too.
CREATE FUNCTION current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('switchboard.org_id', true), '')::uuid;
COMMENT ON FUNCTION current_org() IS 'The organization the current transaction may write to; set with SET LOCAL switchboard.org_id.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['orgs', 'members', 'sessions', 'api_keys', 'contacts', 'lids', 'chats', 'chat_addresses',
        'session_chats', 'messages', 'pending_receipts', 'chat_members', 'chat_access', 'labels', 'chat_labels',
        'properties', 'chat_properties', 'events']
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
