-- The schema of the first release. Every primary and foreign key begins with org_id: a row cannot refer to another
-- organization, and the tables can be distributed by org_id. Ids have COLLATE "C", so that their order does not depend on the
-- database's locale.

-- Functions.

-- During a rollout, programs of two versions share a database. A migration that is incompatible with the older one replaces
-- this function by one that returns its own version.
CREATE FUNCTION required_migration() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '20261130000001';
COMMENT ON FUNCTION required_migration() IS 'Version of the oldest migration that a program must have to work with this schema.';

-- A trusted extension: the database's owner may create it.
CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE FUNCTION current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('switchboard.org_id', true), '')::uuid;
COMMENT ON FUNCTION current_org() IS 'The organization that the current transaction may write; set with SET LOCAL switchboard.org_id.';

-- Only the owner of a table may analyze it, and the service is another role. Plans made for a table of a few rows read all of a
-- large one until it is analyzed, and PostgreSQL looks for grown tables once a minute.
CREATE FUNCTION analyze_grown_tables() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    grown regclass;
    analyzed integer := 0;
BEGIN
    FOR grown IN
        SELECT c.oid FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
        WHERE c.relkind = 'r' AND c.relowner = current_user::regrole AND s.n_live_tup > 500 AND (
            s.n_live_tup > 3 * c.reltuples
            -- A table that was only vacuumed has a number of rows, but no statistics.
            OR s.last_analyze IS NULL AND s.last_autoanalyze IS NULL
        )
    LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) %s', grown);
        analyzed := analyzed + 1;
    END LOOP;
    RETURN analyzed;
END
$$;
COMMENT ON FUNCTION analyze_grown_tables() IS 'Analyzes the tables that have grown to three times their size since they were analyzed. Returns their number.';

-- Not pg_trgm: it ignores characters that are no letters in the database's locale, and texts shorter than three characters.
CREATE FUNCTION name_ngrams(org_id uuid, key text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 5000
    RETURN ARRAY(
        SELECT DISTINCT (org_id::text || substr(key, start, size)) COLLATE "C"
        FROM generate_series(1, 3) size
        CROSS JOIN LATERAL generate_series(1, length(key) - size + 1) start
    );
COMMENT ON FUNCTION name_ngrams(uuid, text) IS 'All 1-, 2- and 3-grams of a name, each prefixed with its organization.';

CREATE FUNCTION search_keys(session_id text, chat_key bigint, sender text, sent_at timestamptz)
    RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY[
        session_id, 'c' || chat_key::text, sender,
        'm' || (extract(year FROM sent_at AT TIME ZONE 'UTC') * 12 + extract(month FROM sent_at AT TIME ZONE 'UTC'))::integer::text
    ];
COMMENT ON FUNCTION search_keys IS 'What a search may be restricted to: session, chat, sender and month (months since the year 0) of a message.';

-- Organizations and their credentials.

CREATE TABLE orgs (
    org_id            uuid        NOT NULL PRIMARY KEY,
    name              text        NOT NULL,
    disabled_at       timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    logins_not_before timestamptz
);
COMMENT ON TABLE orgs IS 'Organizations, the customers of the service.';
COMMENT ON COLUMN orgs.org_id IS 'The organization.';
COMMENT ON COLUMN orgs.name IS 'Name shown to operators.';
COMMENT ON COLUMN orgs.disabled_at IS 'When the organization was disabled: its tokens are rejected. Null while it is enabled.';
COMMENT ON COLUMN orgs.created_at IS 'When it was created.';
COMMENT ON COLUMN orgs.logins_not_before IS 'Login tokens issued before this time are rejected; null accepts all.';

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

CREATE TABLE api_keys (
    org_id         uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    key_id         text        NOT NULL COLLATE "C",
    name           text        NOT NULL,
    secret_sha256  bytea       NOT NULL CHECK (length(secret_sha256) = 32),
    capabilities   text[]      NOT NULL CHECK (capabilities <@ ARRAY['read', 'send', 'ingest', 'manage']),
    session_ids    text[]      COLLATE "C",
    expires_at     timestamptz,
    revoked_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    manages_owners boolean     NOT NULL DEFAULT false,
    created_by     text        NOT NULL DEFAULT 'operator' COLLATE "C",
    claimant       text        COLLATE "C",
    PRIMARY KEY (org_id, key_id)
);
CREATE INDEX api_keys_created_at ON api_keys (org_id, created_at, key_id);
-- A key's own keys are revoked with it.
CREATE INDEX api_keys_created_by ON api_keys (org_id, created_by);
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
COMMENT ON COLUMN api_keys.manages_owners IS 'Whether the key may add, change and remove owners: true if it was created by an operator, an owner or such a key.';
COMMENT ON COLUMN api_keys.created_by IS 'The principal that created the key: key:<key id>, member:<subject> or operator.';
COMMENT ON COLUMN api_keys.claimant IS 'The key whose claims (session_chats.claimed_by) give this one no access either, because it was created with it; null for none but its own.';

-- Responses of writes with an idempotency key, so that a repeated request changes nothing.
CREATE TABLE idempotency_keys (
    org_id         uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    key_sha256     bytea       NOT NULL CHECK (length(key_sha256) = 32),
    request_sha256 bytea       NOT NULL CHECK (length(request_sha256) = 32),
    response       bytea       NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key_sha256)
);
-- Expired keys are deleted across organizations.
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Writes done under an idempotency key. A row is inserted in the write''s transaction and is valid for 24 hours.';
COMMENT ON COLUMN idempotency_keys.org_id IS 'The organization.';
COMMENT ON COLUMN idempotency_keys.key_sha256 IS 'SHA-256 of the caller and the key.';
COMMENT ON COLUMN idempotency_keys.request_sha256 IS 'SHA-256 of the request: the same key with another request is rejected.';
COMMENT ON COLUMN idempotency_keys.response IS 'The response as protobuf, without secrets.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When the key was first used.';

-- Sessions.

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

CREATE TABLE connector_leases (
    org_id     uuid        NOT NULL,
    session_id text        NOT NULL COLLATE "C",
    holder     uuid        NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, session_id),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE
);
COMMENT ON TABLE connector_leases IS 'Who carries out the commands and the sends of a session: the stream of a connector, or the service for a connection that it serves itself. One that stops renewing loses its lease.';
COMMENT ON COLUMN connector_leases.org_id IS 'The organization.';
COMMENT ON COLUMN connector_leases.session_id IS 'The session.';
COMMENT ON COLUMN connector_leases.holder IS 'The holder: the connector''s stream, or the random part of the connection id.';
COMMENT ON COLUMN connector_leases.expires_at IS 'When the lease expires.';

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

-- Contacts. WhatsApp reports a contact by LID while its phone number is hidden, and by phone number otherwise. Once the two
-- are linked, both addresses resolve to one chat, the phone number's.

CREATE TABLE contacts (
    org_id      uuid    NOT NULL REFERENCES orgs ON DELETE CASCADE,
    contact_id  text    NOT NULL COLLATE "C",
    name        text,
    color       text    CHECK (color ~ '^#[0-9A-Fa-f]{6}$'),
    image       text,
    is_internal boolean NOT NULL DEFAULT false,
    field_times jsonb   NOT NULL DEFAULT '{}',
    search_key  text    COLLATE "C",
    PRIMARY KEY (org_id, contact_id)
);
-- Pending entries are scanned one by one until they are merged into the index: after 64 kB instead of the default 4 MB.
-- With org_id as a key, too, the planner does not combine it with another index that has all rows of the organization.
CREATE INDEX contacts_search ON contacts USING gin (org_id, name_ngrams(org_id, search_key)) WITH (gin_pending_list_limit = 64);
COMMENT ON TABLE contacts IS 'Contacts of the organization''s sessions.';
COMMENT ON COLUMN contacts.org_id IS 'The organization.';
COMMENT ON COLUMN contacts.contact_id IS '<digits>@c.us, or <digits>@lid or <country>.<id>@bsuid while no phone number is known.';
COMMENT ON COLUMN contacts.name IS 'The contact''s name.';
COMMENT ON COLUMN contacts.color IS '#RRGGBB.';
COMMENT ON COLUMN contacts.image IS 'URL of the picture.';
COMMENT ON COLUMN contacts.is_internal IS 'Whether the contact belongs to the organization.';
COMMENT ON COLUMN contacts.search_key IS 'The folded name: without case and accents, the first 256 characters.';
COMMENT ON COLUMN contacts.field_times IS '{field: Unix microseconds}: when each field was last reported.';

-- All addresses of a person besides the one by which answers name it: LIDs, business-scoped user ids and other phone numbers.
CREATE TABLE person_links (
    org_id  uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    address text NOT NULL COLLATE "C",
    person  text NOT NULL COLLATE "C",
    PRIMARY KEY (org_id, address) INCLUDE (person)
);
CREATE INDEX person_links_person ON person_links (org_id, person);
COMMENT ON TABLE person_links IS 'Addresses of persons. Stored before a contact or chat with either exists, and never deleted: merged chats cannot be split.';
COMMENT ON COLUMN person_links.org_id IS 'The organization.';
COMMENT ON COLUMN person_links.address IS 'An address of the person: <digits>@c.us, <digits>@lid or <country>.<id>@bsuid.';
COMMENT ON COLUMN person_links.person IS 'The address by which the person is known. Of a number with two spellings, the known one has a row, too, with itself.';

-- Chats: what all sessions of an organization share.

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
    field_times             jsonb       NOT NULL DEFAULT '{}',
    member_times            jsonb       NOT NULL DEFAULT '{}',
    member_count            bigint      NOT NULL DEFAULT 0,
    closed_at               timestamptz,
    created_at              timestamptz,
    updated_at              timestamptz NOT NULL DEFAULT now(),
    search_key              text        COLLATE "C",
    PRIMARY KEY (org_id, chat_key),
    -- With the column that it leads to: see chats_listed.
    CONSTRAINT chats_address UNIQUE (org_id, chat_id) INCLUDE (chat_key),
    -- The program unassigns the chats of a member that it deletes: SET NULL cannot be distributed.
    FOREIGN KEY (org_id, assignee) REFERENCES members (org_id, member_key)
);
-- For lists of an assignee's chats, or of those that are assigned to nobody, and of closed and open ones.
CREATE INDEX chats_assignee ON chats (org_id, assignee, closed_at, chat_key);
CREATE INDEX chats_closed_at ON chats (org_id, closed_at, chat_key);
CREATE INDEX chats_search ON chats
    USING gin (org_id, name_ngrams(org_id, coalesce(search_key, '') || E'\n' || split_part(chat_id, '@', 1)))
    WITH (gin_pending_list_limit = 64);
-- For the foreign keys of the copies that lists sort and filter by. With the columns of the other filters: otherwise PostgreSQL
-- may look a chat up by reading all of the organization's entries of an index that has them. Created last: see
-- session_chats_chat.
ALTER TABLE chats ADD CONSTRAINT chats_listed UNIQUE (org_id, chat_key, chat_id, type) INCLUDE (assignee, closed_at);
COMMENT ON TABLE chats IS 'The data that all sessions of the organization share about a chat.';
COMMENT ON COLUMN chats.org_id IS 'The organization.';
COMMENT ON COLUMN chats.chat_key IS 'The chat''s key in this database; its chat_id changes when a LID is linked to a phone number.';
COMMENT ON COLUMN chats.chat_id IS 'The canonical address: <id>@g.us, <digits>@c.us, or <digits>@lid or <country>.<id>@bsuid while no phone number is known.';
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
COMMENT ON COLUMN chats.search_key IS 'The folded name: without case and accents, the first 256 characters.';
COMMENT ON COLUMN chats.field_times IS '{field: Unix microseconds}: when each field was last reported; as members, the list of members.';
COMMENT ON COLUMN chats.member_times IS '{contact: Unix microseconds}: when each member joined, left or changed, if that was after the list of members was reported.';
COMMENT ON COLUMN chats.member_count IS 'Number of its rows in chat_members.';

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
COMMENT ON COLUMN chat_addresses.address IS '<digits>@c.us, <id>@g.us, <digits>@lid or <country>.<id>@bsuid; other spellings are normalized before.';
COMMENT ON COLUMN chat_addresses.chat_key IS 'The chat.';

CREATE TABLE chat_merges (
    org_id      uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    chat_key    bigint      NOT NULL,
    merged_into bigint      NOT NULL,
    merged_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org_id, chat_key)
);
CREATE INDEX chat_merges_into ON chat_merges (org_id, merged_into);
COMMENT ON TABLE chat_merges IS 'Chats of LIDs that were merged into the chat of the phone number and removed.';
COMMENT ON COLUMN chat_merges.org_id IS 'The organization.';
COMMENT ON COLUMN chat_merges.chat_key IS 'The removed chat.';
COMMENT ON COLUMN chat_merges.merged_into IS 'The chat that was kept.';
COMMENT ON COLUMN chat_merges.merged_at IS 'When they were merged. Events of the removed chat up to then belong to the history of the kept chat.';

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
-- Which chats a member may not see.
CREATE INDEX chat_access_hidden ON chat_access (org_id, member_key, chat_key) WHERE NOT allowed;
COMMENT ON TABLE chat_access IS 'Which members may see a chat.';
COMMENT ON COLUMN chat_access.org_id IS 'The organization.';
COMMENT ON COLUMN chat_access.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_access.member_key IS 'The member.';
COMMENT ON COLUMN chat_access.allowed IS 'Whether the member may see the chat. Members without an entry may.';

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

CREATE TABLE notes (
    org_id     uuid        NOT NULL,
    note_id    text        NOT NULL COLLATE "C" CHECK (note_id ~ '^note-[a-z]{16}$'),
    chat_key   bigint      NOT NULL,
    body       text        NOT NULL,
    author     text        NOT NULL COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, note_id),
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX notes_chat ON notes (org_id, chat_key, created_at, note_id);
CREATE INDEX notes_list ON notes (org_id, created_at, note_id);
COMMENT ON TABLE notes IS 'Notes about chats, for the team only.';
COMMENT ON COLUMN notes.org_id IS 'The organization.';
COMMENT ON COLUMN notes.note_id IS 'note- and 16 lower-case letters.';
COMMENT ON COLUMN notes.chat_key IS 'The chat.';
COMMENT ON COLUMN notes.body IS 'The text.';
COMMENT ON COLUMN notes.author IS 'Who wrote it: the normalized email of a member, otherwise key:<key id> or member:<subject of the login token>.';
COMMENT ON COLUMN notes.created_at IS 'When it was written.';
COMMENT ON COLUMN notes.updated_at IS 'When its text last changed.';

-- Chats: what each session has.

CREATE TABLE session_chats (
    org_id            uuid        NOT NULL,
    session_id        text        NOT NULL COLLATE "C",
    chat_key          bigint      NOT NULL,
    id                bigint      NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    archived          boolean     NOT NULL DEFAULT false,
    pinned            boolean     NOT NULL DEFAULT false,
    exited            boolean     NOT NULL DEFAULT false,
    muted_until       timestamptz,
    read_up_to        timestamptz,
    unread            integer     CHECK (unread >= 0),
    min_unread        integer     CHECK (min_unread <= unread),
    latest_message_id text        COLLATE "C",
    latest_arrival    bigint,
    last_message_at   timestamptz,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    archived_explicit boolean     NOT NULL DEFAULT false,
    pinned_explicit   boolean     NOT NULL DEFAULT false,
    exited_explicit   boolean     NOT NULL DEFAULT false,
    mute_explicit     boolean     NOT NULL DEFAULT false,
    is_group          boolean     NOT NULL DEFAULT false,
    field_times       jsonb       NOT NULL DEFAULT '{}',
    -- A sort key without nulls, so that "after this position" is one index range, and filters as boolean columns, which
    -- the planner matches with partial indexes in a generic plan, too.
    active_at         timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(last_message_at, '-infinity')) STORED,
    is_unread         boolean     NOT NULL GENERATED ALWAYS AS (coalesce(unread, 0) > 0) STORED,
    listed_id         text        COLLATE "C",
    listed_type       text,
    claimed_by        text        COLLATE "C",
    PRIMARY KEY (org_id, session_id, chat_key),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, chat_key) REFERENCES chats (org_id, chat_key) ON DELETE CASCADE,
    -- Checked at the end of the transaction, which changes the chat and its copies.
    FOREIGN KEY (org_id, chat_key, listed_id, listed_type) REFERENCES chats (org_id, chat_key, chat_id, type)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
-- For a session's list, one index for each order and filter, so that the cost of a page depends neither on its position nor
-- on how few chats match. Full indexes for all chats and for archived or not; partial indexes for the filters that few chats
-- match.
CREATE INDEX session_chats_active ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC);
CREATE INDEX session_chats_active_archived ON session_chats
    (org_id, session_id, archived, pinned DESC, active_at DESC, id DESC);
CREATE INDEX session_chats_active_unread ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC) WHERE is_unread;
CREATE INDEX session_chats_active_muted ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC) WHERE muted_until IS NOT NULL;
CREATE INDEX session_chats_active_group ON session_chats
    (org_id, session_id, pinned DESC, active_at DESC, id DESC) WHERE is_group;
-- For lists across sessions: the order and the columns of the filters, so that a page is found by an index-only scan. If few
-- chats of a session are unread, session_chats_active_unread is used instead.
CREATE INDEX session_chats_list ON session_chats (org_id, session_id, active_at DESC, listed_id)
    INCLUDE (chat_key, listed_type, is_unread, archived);
-- session_id is a key column: otherwise PostgreSQL may search the sessions of a chat in the primary key and read all of the
-- organization's entries. Created last: without statistics the planner estimates the same cost for several indexes, and
-- then chooses the youngest.
-- With all columns of session_chats_list: see chats_listed.
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key, session_id)
    INCLUDE (active_at, listed_id, listed_type, is_unread, archived);
-- A session belongs to one organization. Otherwise the planner multiplies how few rows have the one and the other, and expects as
-- few rows for both as for the whole key: it then reads all chats of a session to find one.
CREATE STATISTICS session_chats_keys (dependencies) ON org_id, session_id, chat_key FROM session_chats;
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
COMMENT ON COLUMN session_chats.unread IS 'Number of incoming messages after the read mark, or min_unread if that is more; null while unknown.';
COMMENT ON COLUMN session_chats.min_unread IS 'The least value of unread until the read mark moves: the chat was marked as unread, or as read without a mark (0).';
COMMENT ON COLUMN session_chats.latest_message_id IS 'The newest message by (sent_at, arrival) that is not silent.';
COMMENT ON COLUMN session_chats.last_message_at IS 'When the newest message was sent.';
COMMENT ON COLUMN session_chats.updated_at IS 'When the row last changed.';
COMMENT ON COLUMN session_chats.active_at IS 'When the newest message was sent; -infinity when there is none.';
COMMENT ON COLUMN session_chats.claimed_by IS 'The API key limited to some sessions that alone reported that the session holds the chat; null if anything else did.';
COMMENT ON COLUMN session_chats.is_unread IS 'Whether there are unread messages.';
COMMENT ON COLUMN session_chats.is_group IS 'Whether the chat is a group, by its address: a copy for the index of a session''s groups.';
COMMENT ON COLUMN session_chats.listed_id IS 'A copy of chats.chat_id, for lists.';
COMMENT ON COLUMN session_chats.listed_type IS 'A copy of chats.type, for lists.';
COMMENT ON COLUMN session_chats.archived_explicit IS 'Whether archived was set explicitly.';
COMMENT ON COLUMN session_chats.pinned_explicit IS 'Whether pinned was set explicitly.';
COMMENT ON COLUMN session_chats.exited_explicit IS 'Whether exited was set explicitly.';
COMMENT ON COLUMN session_chats.mute_explicit IS 'Whether muted_until was set explicitly.';
COMMENT ON COLUMN session_chats.latest_arrival IS 'The arrival of the newest message.';
COMMENT ON COLUMN session_chats.field_times IS '{field: Unix microseconds}: when each flag was last reported or set. As listed_pinned, listed_unread (0 or 1) and listed_muted_until (microseconds): what the gateway listed last.';

CREATE TABLE commands (
    org_id     uuid    NOT NULL,
    session_id text    NOT NULL COLLATE "C",
    chat_key   bigint  NOT NULL,
    field      text    NOT NULL COLLATE "C" CHECK (field IN ('archived', 'pinned', 'muted', 'read')),
    flag       boolean NOT NULL,
    at         timestamptz,
    version    bigint  NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    PRIMARY KEY (org_id, session_id, chat_key, field),
    FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX commands_oldest ON commands (org_id, session_id, version);
COMMENT ON TABLE commands IS 'Changes of chats not yet applied to WhatsApp: the newest of each field of a chat. Inserted in the transaction of the change, deleted when a connector reports it as applied.';
COMMENT ON COLUMN commands.org_id IS 'The organization.';
COMMENT ON COLUMN commands.session_id IS 'The session whose connector applies the change.';
COMMENT ON COLUMN commands.chat_key IS 'The chat.';
COMMENT ON COLUMN commands.field IS 'The field to change: archived, pinned, muted or read.';
COMMENT ON COLUMN commands.flag IS 'The new value.';
COMMENT ON COLUMN commands.at IS 'For muted the end of the mute, for read the time of the last read message; otherwise null.';
COMMENT ON COLUMN commands.version IS 'Order of writing; a newer change of the same field has a higher version.';

-- By address: a chat's key changes when it is merged into another one, its addresses keep finding it.
CREATE TABLE sends (
    org_id       uuid        NOT NULL,
    send_id      uuid        NOT NULL,
    session_id   text        NOT NULL COLLATE "C",
    address      text        NOT NULL COLLATE "C",
    kind         text        NOT NULL COLLATE "C",
    message_id   text        COLLATE "C",
    from_me      boolean     NOT NULL DEFAULT true,
    author       text        NOT NULL DEFAULT '' COLLATE "C",
    has_own_id   boolean     NOT NULL DEFAULT false,
    content      jsonb       NOT NULL,
    state        text        NOT NULL COLLATE "C" CHECK (state IN
                             ('queued', 'sending', 'accepted', 'failed', 'unknown', 'cancelled', 'local_only')),
    reason       text,
    attempts     integer     NOT NULL DEFAULT 0,
    attempted_by text      COLLATE "C",
    may_be_sent  boolean     NOT NULL DEFAULT false,
    not_before   timestamptz NOT NULL DEFAULT now(),
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    is_open      boolean     NOT NULL GENERATED ALWAYS AS (state IN ('queued', 'sending', 'unknown')) STORED,
    PRIMARY KEY (org_id, send_id),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE
);
-- For lists, newest first: a send's id begins with the time.
CREATE INDEX sends_session ON sends (org_id, session_id, send_id);
-- For the next sends of a session, in order for each chat.
CREATE INDEX sends_open ON sends (org_id, session_id, address, send_id) WHERE is_open;
CREATE INDEX sends_message ON sends (org_id, message_id) WHERE message_id IS NOT NULL;
-- Old sends are deleted across organizations.
CREATE INDEX sends_updated_at ON sends (updated_at);
COMMENT ON TABLE sends IS 'What API clients send through the connections of sessions: messages, reactions, edits and deletions. Inserted in the transaction that stores the message in its chat. Also changes of chats that a connection could not apply to WhatsApp.';
COMMENT ON COLUMN sends.org_id IS 'The organization.';
COMMENT ON COLUMN sends.send_id IS 'The id, a UUID of version 7: sends of a chat are sent in the order of their ids.';
COMMENT ON COLUMN sends.session_id IS 'The session that sends.';
COMMENT ON COLUMN sends.address IS 'The canonical address of the chat when it was inserted.';
COMMENT ON COLUMN sends.kind IS 'text, media, location, contacts, poll, template, reaction, edit or delete; archived, pinned, muted or read of a command.';
COMMENT ON COLUMN sends.message_id IS 'The id of the message that is sent, as it is stored now, or that a reaction, an edit or a deletion is about.';
COMMENT ON COLUMN sends.from_me IS 'Whether the session''s own number sent that message.';
COMMENT ON COLUMN sends.author IS 'The person that sent that message, if it is an incoming one of a group; otherwise empty.';
COMMENT ON COLUMN sends.has_own_id IS 'Whether the gateway gets message_id as the id of the message; otherwise message_id is provisional until the gateway has accepted the message.';
COMMENT ON COLUMN sends.content IS 'What is sent.';
COMMENT ON COLUMN sends.state IS 'queued, sending (stored before the gateway is called), accepted, failed, unknown (may have been sent, is not sent again), cancelled, or local_only (a command that the gateway cannot apply). Whether an accepted message was delivered or read says its ack.';
COMMENT ON COLUMN sends.reason IS 'Why it is in that state, or why the last attempt failed.';
COMMENT ON COLUMN sends.attempts IS 'Number of attempts.';
COMMENT ON COLUMN sends.attempted_by IS 'The kind of the connection that made the last attempt: what another one began is not repeated.';
COMMENT ON COLUMN sends.may_be_sent IS 'Whether an earlier attempt may have sent it: then it ends as unknown where it would be failed or cancelled.';
COMMENT ON COLUMN sends.not_before IS 'When it may be attempted next.';
COMMENT ON COLUMN sends.created_by IS 'Who sent it: member:<subject of the login token>, key:<key id> or operator.';
COMMENT ON COLUMN sends.created_at IS 'When it was inserted.';
COMMENT ON COLUMN sends.updated_at IS 'When its state last changed.';
COMMENT ON COLUMN sends.is_open IS 'Whether it is queued, sending or unknown.';

CREATE TABLE chat_activity (
    org_id          uuid        NOT NULL,
    chat_key        bigint      NOT NULL,
    listed_id       text        NOT NULL COLLATE "C",
    listed_type     text        NOT NULL,
    session_id      text        NOT NULL COLLATE "C",
    active_at       timestamptz NOT NULL,
    is_unread       boolean     NOT NULL,
    -- With all columns of chat_activity_list: see chats_listed.
    PRIMARY KEY (org_id, chat_key) INCLUDE (session_id, active_at, listed_id, listed_type, is_unread),
    FOREIGN KEY (org_id, chat_key, listed_id, listed_type) REFERENCES chats (org_id, chat_key, chat_id, type)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX chat_activity_list ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type, is_unread);
CREATE INDEX chat_activity_unread ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type) WHERE is_unread;
COMMENT ON TABLE chat_activity IS 'Each chat once, with the state of the session with the newest activity in it. Written with session_chats.';
COMMENT ON COLUMN chat_activity.org_id IS 'The organization.';
COMMENT ON COLUMN chat_activity.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_activity.listed_id IS 'A copy of chats.chat_id.';
COMMENT ON COLUMN chat_activity.listed_type IS 'A copy of chats.type.';
COMMENT ON COLUMN chat_activity.session_id IS 'The session with the newest activity; the lowest id of several.';
COMMENT ON COLUMN chat_activity.active_at IS 'When the newest message was sent; -infinity when there is none.';
COMMENT ON COLUMN chat_activity.is_unread IS 'Whether that session has unread messages in the chat.';

CREATE TABLE list_counts (
    org_id     uuid     NOT NULL REFERENCES orgs ON DELETE CASCADE,
    list       text     NOT NULL COLLATE "C" CHECK (list IN ('chats', 'messages', 'idempotency_bytes', 'media_bytes')),
    session_id text     NOT NULL COLLATE "C",
    shard      smallint NOT NULL,
    count      bigint   NOT NULL,
    PRIMARY KEY (org_id, list, session_id, shard)
);
-- The bytes of all organizations.
CREATE INDEX list_counts_media ON list_counts (org_id) WHERE list = 'media_bytes';
COMMENT ON TABLE list_counts IS 'Lengths of lists: the sum over all shards. Written with the listed rows.';
COMMENT ON COLUMN list_counts.org_id IS 'The organization.';
COMMENT ON COLUMN list_counts.list IS 'chats, messages, or no list but a sum: idempotency_bytes of responses under idempotency keys, media_bytes of media objects.';
COMMENT ON COLUMN list_counts.session_id IS 'The session whose list it is; empty for the organization''s list of all chats.';
COMMENT ON COLUMN list_counts.shard IS 'Transactions update different rows, so that they do not wait for each other.';
COMMENT ON COLUMN list_counts.count IS 'Rows inserted minus rows deleted; may be negative in one shard.';

-- Messages.

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
    first_body text,
    reactions  jsonb,
    arrival    bigint      NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    silent     boolean     NOT NULL DEFAULT false,
    author     text        NOT NULL DEFAULT '' COLLATE "C",
    has_links  boolean     NOT NULL DEFAULT true,
    search     tsvector,
    fts        tsvector    GENERATED ALWAYS AS (to_tsvector('english'::regconfig, body)) STORED,
    FOREIGN KEY (org_id, session_id, chat_key)
        REFERENCES session_chats (org_id, session_id, chat_key) ON DELETE CASCADE
);
CREATE INDEX messages_chat_arrival ON messages (org_id, session_id, chat_key, sent_at DESC, arrival DESC);
-- Full-text search in a column that the service writes: folded words, and pairs of letters where words have no blanks
-- between them. Organization, session, chat, sender and month are keys of the same index: their posting lists are
-- intersected, so that a search reads about as many entries as the rarest key has. The beginning of a word is looked up in
-- all organizations; a digit of the organization before each word divides what it reads by sixteen.
-- Only searches mention `search`, so the planner uses this partial index for nothing else.
CREATE INDEX messages_search ON messages
    USING gin (org_id, search_keys(session_id, chat_key, sender, sent_at), search) WHERE search IS NOT NULL;
-- For lists across chats. `chat_key > 0` holds for all rows: only those lists have the condition, so that a list of one chat
-- uses messages_chat_arrival. The planner assumes a small session and would estimate these indexes as equally good.
CREATE INDEX messages_list ON messages (org_id, session_id, sent_at DESC, arrival DESC) INCLUDE (chat_key)
    WHERE chat_key > 0;
CREATE INDEX messages_org_list ON messages (org_id, sent_at DESC, arrival DESC) INCLUDE (session_id, chat_key)
    WHERE chat_key > 0;
-- Created last: without statistics the planner estimates the same cost for a lookup by key in several indexes,
-- and then chooses the youngest index.
ALTER TABLE messages ADD PRIMARY KEY (org_id, session_id, chat_key, message_id, from_me, author);
-- See session_chats_keys.
CREATE STATISTICS messages_keys (dependencies) ON org_id, session_id, chat_key FROM messages;
-- For authors that become known by another address.
CREATE INDEX messages_author ON messages (org_id, author) WHERE author <> '';
COMMENT ON TABLE messages IS 'Messages, as stored by a session.';
COMMENT ON COLUMN messages.org_id IS 'The organization.';
COMMENT ON COLUMN messages.chat_key IS 'The chat.';
COMMENT ON COLUMN messages.sent_at IS 'When it was sent.';
COMMENT ON COLUMN messages.updated_at IS 'When it last changed, as reported by WhatsApp.';
COMMENT ON COLUMN messages.ack IS '-1 failed, 0 pending, 1 sent, 2 received by the server, 3 delivered, 4 read; it never decreases, except that -1 is between 2 and 3.';
COMMENT ON COLUMN messages.from_me IS 'Whether the session''s own number sent it.';
COMMENT ON COLUMN messages.session_id IS 'The session that stored it.';
COMMENT ON COLUMN messages.message_id IS 'WhatsApp''s id of the message, chosen by its sender.';
COMMENT ON COLUMN messages.sender IS 'Contact id of the sender.';
COMMENT ON COLUMN messages.type IS 'WhatsApp''s message type.';
COMMENT ON COLUMN messages.body IS 'The text.';
COMMENT ON COLUMN messages.delivery IS '{"delivered": {contact: ms}, "read": {contact: ms}, "pending": [contact]}; null while no receipt is known.';
COMMENT ON COLUMN messages.details IS 'The keys of the message object that have no column.';
COMMENT ON COLUMN messages.field_times IS '{field: Unix microseconds} of the fields last reported before updated_at; null when all are as of updated_at.';
COMMENT ON COLUMN messages.search IS 'What search looks through: folded words, each after the last digit of org_id; null when there is none.';
COMMENT ON COLUMN messages.fts IS 'The English words of the text, as responses show them.';
COMMENT ON COLUMN messages.first_body IS 'The text as first sent, without a version; null while body is that text.';
COMMENT ON COLUMN messages.reactions IS '{contact: [Unix microseconds, emoji]}: the last reaction of each person, an empty emoji when it was removed; null while there is none.';
COMMENT ON COLUMN messages.arrival IS 'Order of arrival: greater than that of every message of the chat that arrived before.';
COMMENT ON COLUMN messages.silent IS 'Whether it is neither counted as unread nor the chat''s latest message: a notice, or stored silently.';
COMMENT ON COLUMN messages.author IS 'Of an incoming message of a group: the person that sent it. Otherwise empty.';
COMMENT ON COLUMN messages.has_links IS 'Whether an address in it may not be the one by which its person is known: message_views looks up its persons.';

-- Media files of messages, and where their bytes are.

CREATE TABLE media_objects (
    org_id   uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    sha256   bytea       NOT NULL CHECK (length(sha256) = 32),
    size     bigint      NOT NULL CHECK (size >= 0),
    check_at timestamptz NOT NULL,
    deleting boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, sha256)
);
-- Objects are checked across organizations.
CREATE INDEX media_objects_check_at ON media_objects (check_at);
COMMENT ON TABLE media_objects IS 'Objects of the media store, each once in an organization. A row is inserted before its object, and deleted after it.';
COMMENT ON COLUMN media_objects.org_id IS 'The organization.';
COMMENT ON COLUMN media_objects.sha256 IS 'SHA-256 of the bytes, the name of the object.';
COMMENT ON COLUMN media_objects.size IS 'Number of bytes.';
COMMENT ON COLUMN media_objects.check_at IS 'When to look whether a message still has it: soon after one was deleted, otherwise now and then.';
COMMENT ON COLUMN media_objects.deleting IS 'Whether no message has it and it is being deleted: it is not used again before that is done.';

CREATE TABLE media (
    org_id          uuid        NOT NULL,
    media_id        text        NOT NULL COLLATE "C" CHECK (media_id ~ '^media-[a-z]{16}$'),
    session_id      text        NOT NULL COLLATE "C",
    chat_key        bigint      NOT NULL,
    message_id      text        NOT NULL COLLATE "C",
    from_me         boolean     NOT NULL,
    author          text        NOT NULL COLLATE "C",
    state           text        NOT NULL DEFAULT 'pending' COLLATE "C"
                                CHECK (state IN ('pending', 'stored', 'expired', 'too_large', 'rejected')),
    reason          text,
    locator         jsonb,
    mime_type       text,
    file_name       text,
    size            bigint      CHECK (size >= 0),
    declared_sha256 bytea,
    sha256          bytea,
    attempts        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, media_id),
    UNIQUE (org_id, session_id, chat_key, message_id, from_me, author),
    -- Checked at the end of the transaction, which moves a message and its media to another chat.
    FOREIGN KEY (org_id, session_id, chat_key, message_id, from_me, author)
        REFERENCES messages (org_id, session_id, chat_key, message_id, from_me, author)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, sha256) REFERENCES media_objects (org_id, sha256),
    CHECK ((state = 'stored') = (sha256 IS NOT NULL))
);
CREATE INDEX media_due ON media (org_id, session_id, due_at) WHERE state = 'pending';
CREATE INDEX media_object ON media (org_id, sha256) WHERE sha256 IS NOT NULL;
-- For authors that become known by another address.
CREATE INDEX media_author ON media (org_id, author) WHERE author <> '';
-- The oldest files of an organization that has too many bytes.
CREATE INDEX media_oldest ON media (org_id, updated_at) WHERE state = 'stored';
-- Old files are expired across organizations.
CREATE INDEX media_pending_since ON media (created_at) WHERE state = 'pending';
CREATE INDEX media_stored_since ON media (updated_at) WHERE state = 'stored';
COMMENT ON TABLE media IS 'The media files of messages: where to fetch them, and what became of that.';
COMMENT ON COLUMN media.org_id IS 'The organization.';
COMMENT ON COLUMN media.media_id IS 'media- and 16 lower-case letters.';
COMMENT ON COLUMN media.session_id IS 'The session of the message.';
COMMENT ON COLUMN media.chat_key IS 'The chat of the message.';
COMMENT ON COLUMN media.message_id IS 'WhatsApp''s id of the message.';
COMMENT ON COLUMN media.from_me IS 'Whether the session''s own number sent the message.';
COMMENT ON COLUMN media.author IS 'messages.author of the message.';
COMMENT ON COLUMN media.state IS 'pending until it is fetched, stored, expired (the gateway or the service has it no longer), too_large, or rejected.';
COMMENT ON COLUMN media.reason IS 'Why it is not stored, or why the last attempt failed.';
COMMENT ON COLUMN media.locator IS 'What the gateway needs to find it; null once it is stored.';
COMMENT ON COLUMN media.mime_type IS 'MIME type.';
COMMENT ON COLUMN media.file_name IS 'Name of the file.';
COMMENT ON COLUMN media.size IS 'Number of bytes: as declared, until it is stored.';
COMMENT ON COLUMN media.declared_sha256 IS 'SHA-256 that the bytes must have, if the gateway declared one.';
COMMENT ON COLUMN media.sha256 IS 'The object with its bytes; null unless it is stored.';
COMMENT ON COLUMN media.attempts IS 'Number of attempts to fetch it.';
COMMENT ON COLUMN media.due_at IS 'When to fetch it, while it is pending.';
COMMENT ON COLUMN media.created_at IS 'When its message named it.';
COMMENT ON COLUMN media.updated_at IS 'When its state last changed.';

-- Updates wait by address, since their chat may not exist.
CREATE TABLE waiting_updates (
    org_id      uuid        NOT NULL,
    address     text        NOT NULL COLLATE "C",
    session_id  text        NOT NULL COLLATE "C",
    message_id  text        NOT NULL COLLATE "C",
    sender      text        NOT NULL COLLATE "C",
    kind        text        NOT NULL COLLATE "C",
    contact_id  text        NOT NULL COLLATE "C",
    at          timestamptz NOT NULL,
    value       text        COLLATE "C",
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, address, session_id, message_id, sender, kind, contact_id),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE
);
-- For senders that become known by another address.
CREATE INDEX waiting_updates_sender ON waiting_updates (org_id, sender);
CREATE INDEX waiting_updates_session ON waiting_updates (org_id, session_id, received_at);
-- Expired rows are deleted across organizations.
CREATE INDEX waiting_updates_received_at ON waiting_updates (received_at);
COMMENT ON TABLE waiting_updates IS 'Updates that arrived before their message or chat; applied and deleted when it arrives, or deleted after 30 days.';
COMMENT ON COLUMN waiting_updates.org_id IS 'The organization.';
COMMENT ON COLUMN waiting_updates.address IS 'The canonical address of the chat.';
COMMENT ON COLUMN waiting_updates.session_id IS 'The session.';
COMMENT ON COLUMN waiting_updates.message_id IS 'The message; empty for an update of the chat.';
COMMENT ON COLUMN waiting_updates.sender IS 'Which of the messages with that id: empty for any, me, others, or the person that sent it.';
COMMENT ON COLUMN waiting_updates.kind IS 'sent, server, delivered, read, played, failed, unknown, edit, reaction or deleted; read_up_to, unread or member of a chat.';
COMMENT ON COLUMN waiting_updates.contact_id IS 'The contact that received, read or reacted to it, or is a member; for an edit its time in Unix microseconds, so that each edit is a row; otherwise empty.';
COMMENT ON COLUMN waiting_updates.at IS 'The time of the update; of unread the read mark that it follows.';
COMMENT ON COLUMN waiting_updates.value IS 'The reason of a failure, the text of an edit, the emoji of a reaction, a number of unread messages, or 0, 1 or 2 for no member, a member or an admin.';
COMMENT ON COLUMN waiting_updates.received_at IS 'When it arrived.';

CREATE TABLE chat_deletions (
    org_id     uuid        NOT NULL,
    session_id text        NOT NULL COLLATE "C",
    address    text        NOT NULL COLLATE "C",
    deleted_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, session_id, address),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE
);
CREATE INDEX chat_deletions_address ON chat_deletions (org_id, address);
COMMENT ON TABLE chat_deletions IS 'Chats that a caller deleted from a session: older messages are not stored again.';
COMMENT ON COLUMN chat_deletions.org_id IS 'The organization.';
COMMENT ON COLUMN chat_deletions.session_id IS 'The session.';
COMMENT ON COLUMN chat_deletions.address IS 'The canonical address of the chat.';
COMMENT ON COLUMN chat_deletions.deleted_at IS 'When it was deleted last, rounded down to the second, as the times of messages are.';

-- Change events.

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
    message_id text        COLLATE "C",
    from_me    boolean,
    author     text        COLLATE "C",
    PRIMARY KEY (org_id, bucket, number),
    CHECK ((message_id IS NULL) = (from_me IS NULL))
);
-- For the audit log of one chat, newest first.
CREATE INDEX events_chat ON events (org_id, chat_key, at, number);
-- For the last state of a deleted chat.
CREATE INDEX events_deleted ON events (org_id, chat_key) WHERE kind = 'deleted';
COMMENT ON TABLE events IS 'Change events: the outbox, written in the transaction of the change, deleted after the retention.';
COMMENT ON COLUMN events.org_id IS 'The organization.';
COMMENT ON COLUMN events.bucket IS 'The bucket of the chat: the events of a chat are in order.';
COMMENT ON COLUMN events.number IS 'Order of commit in the bucket, from 1, without gaps. The id of the event is number * 16 + bucket.';
COMMENT ON COLUMN events.at IS 'When it changed.';
COMMENT ON COLUMN events.chat_key IS 'The chat that changed; it may have been deleted since.';
COMMENT ON COLUMN events.session_id IS 'The session whose state changed; null for shared data.';
COMMENT ON COLUMN events.kind IS 'attached, detached, deleted, details, assignee, labels, properties, access, members, state, messages, message.created, message.updated, message.deleted, reaction.added, reaction.removed, note.created, note.updated, note.deleted or webhook.disabled.';
COMMENT ON COLUMN events.actor IS 'Who made the change: member:<subject of the login token>, key:<key id>, connector or operator.';
COMMENT ON COLUMN events.changes IS '{field: [previous, new]}; instants are Unix microseconds.';
COMMENT ON COLUMN events.message_id IS 'WhatsApp''s id of the message that the event is about; null for others.';
COMMENT ON COLUMN events.from_me IS 'Whether the session''s own number sent that message.';
COMMENT ON COLUMN events.author IS 'The person that sent that message, if it is an incoming one of a group; otherwise empty.';

-- Webhooks: endpoints that receive change events by HTTP, and the deliveries to them.

CREATE TABLE webhooks (
    org_id           uuid        NOT NULL REFERENCES orgs ON DELETE CASCADE,
    webhook_id       text        NOT NULL COLLATE "C",
    url              text        NOT NULL,
    kinds            text[]      NOT NULL DEFAULT '{}' COLLATE "C",
    session_ids      text[]      COLLATE "C",
    enabled          boolean     NOT NULL DEFAULT true,
    salt             bytea       NOT NULL CHECK (length(salt) = 16),
    key_id           bytea       NOT NULL CHECK (length(key_id) = 8),
    positions        bigint[]    NOT NULL DEFAULT array_fill(0::bigint, ARRAY[16]) CHECK (cardinality(positions) = 16),
    failures         integer     NOT NULL DEFAULT 0,
    retry_at         timestamptz,
    failing_since    timestamptz,
    disabled_at      timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    claimant         text        COLLATE "C",
    PRIMARY KEY (org_id, webhook_id)
);
-- Lists are ordered oldest first.
CREATE INDEX webhooks_created_at ON webhooks (org_id, created_at, webhook_id);
CREATE INDEX webhooks_enabled ON webhooks (org_id, webhook_id) WHERE enabled;
COMMENT ON TABLE webhooks IS 'Endpoints of the organization. Secrets are not stored but derived from a signing key.';
COMMENT ON COLUMN webhooks.org_id IS 'The organization.';
COMMENT ON COLUMN webhooks.webhook_id IS 'webhook- and 16 lower-case letters.';
COMMENT ON COLUMN webhooks.url IS 'The URL that deliveries are posted to.';
COMMENT ON COLUMN webhooks.kinds IS 'Kinds of events to deliver; empty for all.';
COMMENT ON COLUMN webhooks.session_ids IS 'Session scope: only events of chats that one of these sessions holds; null for all.';
COMMENT ON COLUMN webhooks.enabled IS 'Whether events are delivered.';
COMMENT ON COLUMN webhooks.salt IS 'Salt of the secret''s derivation; a new salt gives a new secret.';
COMMENT ON COLUMN webhooks.key_id IS 'Id of the signing key that the secret is derived from.';
COMMENT ON COLUMN webhooks.positions IS 'For each bucket from 0: all events up to this number were delivered or are in webhook_deliveries.';
COMMENT ON COLUMN webhooks.failures IS 'Consecutive runs in which the endpoint failed for every chat.';
COMMENT ON COLUMN webhooks.retry_at IS 'End of the backoff; null if there is none.';
COMMENT ON COLUMN webhooks.created_at IS 'When it was created.';
COMMENT ON COLUMN webhooks.failing_since IS 'When the first of the attempts failed that all have failed since; null after one that succeeded.';
COMMENT ON COLUMN webhooks.disabled_at IS 'When the service disabled it after a long failure; null when it did not, or it was changed since.';
COMMENT ON COLUMN webhooks.claimant IS 'The key whose claims (session_chats.claimed_by) are not delivered, because it created or changed the webhook; null for none.';

CREATE TABLE webhook_queues (
    org_id     uuid        NOT NULL,
    webhook_id text        NOT NULL COLLATE "C",
    chat_key   bigint      NOT NULL,
    due_at     timestamptz NOT NULL DEFAULT now(),
    holder     uuid,
    PRIMARY KEY (org_id, webhook_id, chat_key),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, webhook_id) ON DELETE CASCADE
);
CREATE INDEX webhook_queues_due_at ON webhook_queues (org_id, webhook_id, due_at);
COMMENT ON TABLE webhook_queues IS 'The queue of deliveries: a row for each webhook and chat that has waiting deliveries, leased by one process at a time.';
COMMENT ON COLUMN webhook_queues.org_id IS 'The organization.';
COMMENT ON COLUMN webhook_queues.webhook_id IS 'The webhook.';
COMMENT ON COLUMN webhook_queues.chat_key IS 'The chat of the deliveries.';
COMMENT ON COLUMN webhook_queues.due_at IS 'When the row may be leased: the end of the backoff, or the expiry of the lease.';
COMMENT ON COLUMN webhook_queues.holder IS 'The run that holds the lease; null without one.';

CREATE TABLE webhook_deliveries (
    org_id          uuid        NOT NULL,
    webhook_id      text        NOT NULL COLLATE "C",
    event_id        bigint      NOT NULL,
    chat_key        bigint      NOT NULL,
    state           text        NOT NULL COLLATE "C" CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts        integer     NOT NULL,
    status          integer,
    error           text,
    attempted_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, webhook_id, event_id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, webhook_id) ON DELETE CASCADE
);
-- For pending deliveries, and lists of one state.
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (org_id, webhook_id, state, event_id);
-- Old deliveries are deleted across organizations.
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);
-- For the deliveries of a chat, in order.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (org_id, webhook_id, chat_key, event_id) WHERE state = 'waiting';
COMMENT ON TABLE webhook_deliveries IS 'Deliveries of events to webhooks. The body is built from the event, which is kept as long.';
COMMENT ON COLUMN webhook_deliveries.org_id IS 'The organization.';
COMMENT ON COLUMN webhook_deliveries.webhook_id IS 'The webhook.';
COMMENT ON COLUMN webhook_deliveries.event_id IS 'The event.';
COMMENT ON COLUMN webhook_deliveries.chat_key IS 'The event''s chat: events of one chat are delivered in order.';
COMMENT ON COLUMN webhook_deliveries.state IS 'waiting for an attempt, delivered, or dead (dead letter).';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'Number of attempts since it was created or last replayed.';
COMMENT ON COLUMN webhook_deliveries.status IS 'HTTP status of the last response.';
COMMENT ON COLUMN webhook_deliveries.error IS 'Why the last attempt got no response.';
COMMENT ON COLUMN webhook_deliveries.attempted_at IS 'When it was last attempted.';
COMMENT ON COLUMN webhook_deliveries.created_at IS 'When it was created.';

-- Connections: what holds the WhatsApp line of a session, and the events that it sends.

CREATE TABLE connections (
    org_id             uuid        NOT NULL,
    connection_id      text        NOT NULL COLLATE "C" CHECK (connection_id ~ '^[0-9a-f]{64}$'),
    session_id         text        NOT NULL COLLATE "C",
    phone              text        NOT NULL COLLATE "C",
    kind               text        NOT NULL COLLATE "C",
    url                text        NOT NULL,
    account            text        NOT NULL,
    business_account   text        NOT NULL DEFAULT '',
    secrets            bytea       NOT NULL,
    key_id             bytea       NOT NULL CHECK (length(key_id) = 8),
    enabled            boolean     NOT NULL DEFAULT true,
    sets_webhook       boolean     NOT NULL DEFAULT true,
    sync_budget        integer     NOT NULL DEFAULT 3000 CHECK (sync_budget > 0),
    sends_per_minute   integer     CHECK (sends_per_minute > 0),
    revision           bigint      NOT NULL DEFAULT 1,
    status             text        NOT NULL DEFAULT 'disconnected'
                                   CHECK (status IN ('disconnected', 'connecting', 'connected', 'logged_out')),
    reason             text        NOT NULL DEFAULT '',
    holder             uuid,
    lease_expires_at   timestamptz NOT NULL DEFAULT now(),
    last_event_at      timestamptz,
    pending_since      timestamptz,
    failed_events      bigint      NOT NULL DEFAULT 0,
    failed_syncs       integer     NOT NULL DEFAULT 0,
    complete_until     timestamptz,
    sync_requested_at  timestamptz DEFAULT now(),
    sync_started_at    timestamptz,
    sync_finished_at   timestamptz,
    sync_progress      text        NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, connection_id),
    UNIQUE (org_id, session_id),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE
);
-- Lists are ordered oldest first.
CREATE INDEX connections_created_at ON connections (org_id, created_at, connection_id);
-- One webhook may receive the events of several lines.
CREATE INDEX connections_account ON connections (org_id, kind, account);
CREATE INDEX connections_enabled ON connections (org_id, connection_id) WHERE enabled;
COMMENT ON TABLE connections IS 'Connections of sessions to the gateways that hold their WhatsApp lines. One worker at a time holds the lease of a connection.';
COMMENT ON COLUMN connections.org_id IS 'The organization.';
COMMENT ON COLUMN connections.connection_id IS 'The organization''s id in 32 hexadecimal digits, then 32 random ones.';
COMMENT ON COLUMN connections.session_id IS 'The session whose line it is.';
COMMENT ON COLUMN connections.phone IS 'The session''s phone number.';
COMMENT ON COLUMN connections.kind IS 'The kind of gateway, such as waha.';
COMMENT ON COLUMN connections.url IS 'Base URL of the gateway.';
COMMENT ON COLUMN connections.account IS 'The gateway''s name of the line.';
COMMENT ON COLUMN connections.business_account IS 'The WhatsApp Business Account of the line; empty if there is none.';
COMMENT ON COLUMN connections.secrets IS 'The secrets as JSON, encrypted with AES-256-GCM: a nonce of 12 bytes, the ciphertext, and its tag of 16 bytes.';
COMMENT ON COLUMN connections.key_id IS 'Id of the signing key that the secrets are encrypted under.';
COMMENT ON COLUMN connections.enabled IS 'Whether the connection is used.';
COMMENT ON COLUMN connections.sets_webhook IS 'Whether the service sets the webhook at the gateway.';
COMMENT ON COLUMN connections.sync_budget IS 'Requests a minute that read history.';
COMMENT ON COLUMN connections.sends_per_minute IS 'Messages sent a minute; null for no limit.';
COMMENT ON COLUMN connections.revision IS 'Increases with every change of the settings: the worker starts anew with them.';
COMMENT ON COLUMN connections.status IS 'State of the line: disconnected, connecting, connected or logged_out.';
COMMENT ON COLUMN connections.reason IS 'What a person should do about the state; empty when nothing.';
COMMENT ON COLUMN connections.holder IS 'The worker that holds the lease; null without one.';
COMMENT ON COLUMN connections.lease_expires_at IS 'When the lease expires unless it is renewed; in the past without a holder.';
COMMENT ON COLUMN connections.last_event_at IS 'When the last event arrived, as the worker last saw.';
COMMENT ON COLUMN connections.pending_since IS 'When the oldest event arrived that is not mapped, as the worker last saw; null when all are.';
COMMENT ON COLUMN connections.failed_events IS 'Number of events that could not be mapped.';
COMMENT ON COLUMN connections.failed_syncs IS 'Number of syncs that failed since the last one that succeeded.';
COMMENT ON COLUMN connections.complete_until IS 'Everything until then is stored; null before the first sync has ended.';
COMMENT ON COLUMN connections.sync_requested_at IS 'When a sync was last requested; one is due while none has started since.';
COMMENT ON COLUMN connections.sync_started_at IS 'When the newest sync started.';
COMMENT ON COLUMN connections.sync_finished_at IS 'When it ended; null while it runs.';
COMMENT ON COLUMN connections.sync_progress IS 'How far it is, as JSON: what it reads since, the cursor of the gateway, numbers of chats and messages, the last error.';
COMMENT ON COLUMN connections.created_at IS 'When it was created.';
COMMENT ON COLUMN connections.updated_at IS 'When its settings last changed.';

CREATE TABLE inbound_events (
    org_id        uuid        NOT NULL,
    connection_id text        NOT NULL COLLATE "C",
    event_key     text        NOT NULL COLLATE "C",
    arrival       bigint      NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    chat          text        NOT NULL,
    body          text        NOT NULL,
    state         text        NOT NULL COLLATE "C" DEFAULT 'received'
                              CHECK (state IN ('received', 'mapped', 'ignored', 'failed')),
    became        text        NOT NULL DEFAULT '',
    error         text,
    received_at   timestamptz NOT NULL DEFAULT now(),
    mapped_at     timestamptz,
    PRIMARY KEY (org_id, connection_id, event_key),
    FOREIGN KEY (org_id, connection_id) REFERENCES connections (org_id, connection_id) ON DELETE CASCADE
);
CREATE INDEX inbound_events_arrival ON inbound_events (org_id, connection_id, arrival);
-- For events to map, and lists of one state.
CREATE INDEX inbound_events_state ON inbound_events (org_id, connection_id, state, arrival);
-- Old events are deleted across organizations.
CREATE INDEX inbound_events_received_at ON inbound_events (received_at);
COMMENT ON TABLE inbound_events IS 'Events as the gateways sent them, stored before they are acknowledged, without secrets.';
COMMENT ON COLUMN inbound_events.org_id IS 'The organization.';
COMMENT ON COLUMN inbound_events.connection_id IS 'The connection.';
COMMENT ON COLUMN inbound_events.event_key IS 'The gateway''s id of the event, or a hash of it: a repeated event is stored once.';
COMMENT ON COLUMN inbound_events.arrival IS 'Order of arrival.';
COMMENT ON COLUMN inbound_events.chat IS 'The chat that it concerns, as the gateway names it; empty for none.';
COMMENT ON COLUMN inbound_events.body IS 'The event as JSON. Text, because jsonb has no U+0000.';
COMMENT ON COLUMN inbound_events.state IS 'received, mapped, ignored or failed.';
COMMENT ON COLUMN inbound_events.became IS 'What it was mapped to, one ingest event a line: its kind, and the id of its message.';
COMMENT ON COLUMN inbound_events.error IS 'Why it failed.';
COMMENT ON COLUMN inbound_events.received_at IS 'When it arrived.';
COMMENT ON COLUMN inbound_events.mapped_at IS 'When it was last mapped.';

-- What one statement reads of a chat. Views, so that diesel prepares one typed statement per connection. The arrays are
-- subqueries: they run for the returned rows only. OFFSET 0 makes a join a lookup per row: without it PostgreSQL hashes the
-- whole table of labels or members, for the two that a chat has.

CREATE TYPE chat_view_member AS (
    contact_id     text,
    name           text,
    color          text,
    image          text,
    is_internal    boolean,
    is_admin       boolean,
    is_super_admin boolean
);
COMMENT ON TYPE chat_view_member IS 'A member of a chat, with the contact''s data.';

CREATE TYPE chat_view_label AS (label_id text, name text);
COMMENT ON TYPE chat_view_label IS 'A label of a chat.';

CREATE TYPE chat_view_access AS (email text, allowed boolean);
COMMENT ON TYPE chat_view_access IS 'Whether a member of the organization may see a chat.';

CREATE TYPE chat_view_property AS (property_id text, value jsonb);
COMMENT ON TYPE chat_view_property IS 'A custom property value of a chat.';

CREATE VIEW chat_views AS
SELECT
    c.org_id,
    c.chat_key,
    c.chat_id,
    c.type,
    coalesce(person.name, c.name) AS name,
    coalesce(person.image, c.image) AS image,
    c.description,
    c.invite_link,
    c.info_admins_only,
    c.messages_admins_only,
    c.add_members_admins_only,
    c.member_add_mode,
    c.hubspot_metadata,
    c.closed_at,
    c.created_at,
    c.updated_at,
    c.member_count,
    (SELECT m.email FROM members m WHERE m.org_id = c.org_id AND m.member_key = c.assignee) AS assigned_to,
    ARRAY(
        SELECT s.phone || '@c.us'
        FROM session_chats sc
        JOIN sessions s ON s.org_id = sc.org_id AND s.session_id = sc.session_id
        WHERE sc.org_id = c.org_id AND sc.chat_key = c.chat_key
        ORDER BY s.phone
    ) AS org_phones,
    ARRAY(
        SELECT ROW(cm.contact_id, p.name, p.color, p.image, p.is_internal, cm.is_admin, cm.is_super_admin)
            ::chat_view_member
        FROM chat_members cm
        JOIN contacts p ON p.org_id = cm.org_id AND p.contact_id = cm.contact_id
        WHERE cm.org_id = c.org_id AND cm.chat_key = c.chat_key
        ORDER BY cm.contact_id
        LIMIT 8192
    ) AS members,
    CASE WHEN c.type = 'group' THEN '{}' ELSE ARRAY(
        SELECT common.chat_id
        FROM chat_members cm
        JOIN chats common ON common.org_id = cm.org_id AND common.chat_key = cm.chat_key
        WHERE cm.org_id = c.org_id AND cm.contact_id = c.chat_id
        ORDER BY common.chat_id
        LIMIT 4096
    ) END AS common_chats,
    ARRAY(
        SELECT ROW(l.label_id, l.name)::chat_view_label
        FROM chat_labels cl
        CROSS JOIN LATERAL (
            SELECT * FROM labels WHERE labels.org_id = cl.org_id AND labels.label_id = cl.label_id OFFSET 0
        ) l
        WHERE cl.org_id = c.org_id AND cl.chat_key = c.chat_key
        ORDER BY l.label_key
    ) AS labels,
    ARRAY(
        SELECT ROW(m.email, ca.allowed)::chat_view_access
        FROM chat_access ca
        CROSS JOIN LATERAL (
            SELECT * FROM members WHERE members.org_id = ca.org_id AND members.member_key = ca.member_key OFFSET 0
        ) m
        WHERE ca.org_id = c.org_id AND ca.chat_key = c.chat_key
    ) AS access,
    ARRAY(
        SELECT ROW(cp.property_id, cp.value)::chat_view_property
        FROM chat_properties cp
        WHERE cp.org_id = c.org_id AND cp.chat_key = c.chat_key
    ) AS properties
FROM chats c
LEFT JOIN contacts person ON person.org_id = c.org_id AND person.contact_id = c.chat_id;
COMMENT ON VIEW chat_views IS 'The shared data of a chat, with everything attached to it.';
COMMENT ON COLUMN chat_views.org_id IS 'The organization.';
COMMENT ON COLUMN chat_views.chat_key IS 'The chat''s key in this database.';
COMMENT ON COLUMN chat_views.chat_id IS 'The canonical address.';
COMMENT ON COLUMN chat_views.type IS 'user, group or business.';
COMMENT ON COLUMN chat_views.name IS 'The contact''s name if there is one, otherwise the chat''s.';
COMMENT ON COLUMN chat_views.image IS 'URL of the picture: the contact''s if there is one, otherwise the chat''s.';
COMMENT ON COLUMN chat_views.description IS 'A group''s description.';
COMMENT ON COLUMN chat_views.invite_link IS 'A group''s invite link.';
COMMENT ON COLUMN chat_views.info_admins_only IS 'Whether only admins may change the group''s name, picture and description.';
COMMENT ON COLUMN chat_views.messages_admins_only IS 'Whether only admins may write to the group.';
COMMENT ON COLUMN chat_views.add_members_admins_only IS 'Whether only admins may add members.';
COMMENT ON COLUMN chat_views.member_add_mode IS 'Who may add members, as reported by WhatsApp.';
COMMENT ON COLUMN chat_views.hubspot_metadata IS 'HubSpot''s data about the chat.';
COMMENT ON COLUMN chat_views.closed_at IS 'When the chat was closed; null while it is open.';
COMMENT ON COLUMN chat_views.created_at IS 'When the chat was created, as reported by WhatsApp.';
COMMENT ON COLUMN chat_views.updated_at IS 'When any shared data of the chat last changed.';
COMMENT ON COLUMN chat_views.assigned_to IS 'Email of the member the chat is assigned to.';
COMMENT ON COLUMN chat_views.org_phones IS 'Phone numbers of the sessions that hold the chat, <digits>@c.us, ascending.';
COMMENT ON COLUMN chat_views.members IS 'The members of the chat.';
COMMENT ON COLUMN chat_views.common_chats IS 'For a contact, all chats it is a member of, ascending; empty for a group.';
COMMENT ON COLUMN chat_views.labels IS 'The labels, ordered by label_key.';
COMMENT ON COLUMN chat_views.access IS 'Which members may see the chat.';
COMMENT ON COLUMN chat_views.properties IS 'The custom property values.';

CREATE FUNCTION name_times(times jsonb, persons jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT coalesce(jsonb_object_agg(p.person, p.at), '{}')
        FROM (
            SELECT coalesce(persons ->> t.key, t.key) AS person, min(t.value::bigint) AS at
            FROM jsonb_each_text(times) t
            GROUP BY 1
        ) p
    );
COMMENT ON FUNCTION name_times IS '{contact: ms} with each person once, at the earliest of its times; persons are {address: person}.';

CREATE FUNCTION name_delivery(delivery jsonb, persons jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT delivery || jsonb_build_object('delivered', n.delivered, 'read', n.read, 'pending', (
            SELECT coalesce(jsonb_agg(DISTINCT p.person), '[]')
            FROM (
                SELECT coalesce(persons ->> e.value, e.value) AS person
                FROM jsonb_array_elements_text(delivery -> 'pending') e
            ) p
            WHERE NOT n.delivered ? p.person AND NOT n.read ? p.person
        ))
        FROM (
            SELECT name_times(coalesce(delivery -> 'delivered', '{}'), persons) AS delivered,
                name_times(coalesce(delivery -> 'read', '{}'), persons) AS read
        ) n
    );
COMMENT ON FUNCTION name_delivery IS 'messages.delivery with its persons; persons are {address: person}.';

CREATE FUNCTION name_details(details jsonb, persons jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN details || jsonb_strip_nulls(jsonb_build_object(
        'author', coalesce(persons ->> (details ->> 'author'), details ->> 'author'),
        'mentioned_ids', (
            SELECT jsonb_agg(coalesce(persons ->> e.value, e.value) ORDER BY e.place)
            FROM jsonb_array_elements_text(details -> 'mentioned_ids') WITH ORDINALITY e(value, place)
        )
    ));
COMMENT ON FUNCTION name_details IS 'messages.details with its persons; persons are {address: person}.';

CREATE FUNCTION name_reactions(reactions jsonb, persons jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT jsonb_object_agg(p.person, p.reaction)
        FROM (
            SELECT DISTINCT ON (1) coalesce(persons ->> r.key, r.key) AS person, r.value AS reaction
            FROM jsonb_each(reactions) r
            ORDER BY 1, (r.value ->> 0)::bigint DESC, r.value ->> 1 DESC
        ) p
    );
COMMENT ON FUNCTION name_reactions IS 'messages.reactions with the last one of each person; persons are {address: person}.';

-- diesel has no type for tsvector, and responses contain its text. Messages keep the addresses with which they arrived;
-- their persons are named when they are read.
CREATE VIEW message_views AS
SELECT
    m.org_id,
    m.session_id,
    m.chat_key,
    m.message_id,
    m.sent_at,
    m.updated_at,
    m.ack,
    m.from_me,
    CASE WHEN m.has_links THEN coalesce((
        SELECT l.person FROM person_links l WHERE l.org_id = m.org_id AND l.address = m.sender
    ), m.sender) ELSE m.sender END AS sender,
    m.type,
    m.body,
    CASE WHEN m.has_links THEN coalesce(name_delivery(m.delivery, (
        SELECT jsonb_object_agg(l.address, l.person) FROM person_links l
        WHERE l.org_id = m.org_id AND l.address <> l.person AND l.address = ANY (ARRAY(
            SELECT jsonb_object_keys(m.delivery -> 'delivered')
            UNION ALL SELECT jsonb_object_keys(m.delivery -> 'read')
            UNION ALL SELECT jsonb_array_elements_text(m.delivery -> 'pending')
        ))
    )), m.delivery) ELSE m.delivery END AS delivery,
    CASE WHEN m.has_links THEN coalesce(name_details(m.details, (
        SELECT jsonb_object_agg(l.address, l.person) FROM person_links l
        WHERE l.org_id = m.org_id AND l.address <> l.person AND l.address = ANY (ARRAY(
            SELECT m.details ->> 'author' UNION ALL SELECT jsonb_array_elements_text(m.details -> 'mentioned_ids')
        ))
    )), m.details) ELSE m.details END AS details,
    m.fts::text AS fts,
    CASE WHEN m.has_links THEN coalesce(name_reactions(m.reactions, (
        SELECT jsonb_object_agg(l.address, l.person) FROM person_links l
        WHERE l.org_id = m.org_id AND l.address <> l.person
            AND l.address = ANY (ARRAY(SELECT jsonb_object_keys(m.reactions)))
    )), m.reactions) ELSE m.reactions END AS reactions,
    m.arrival,
    CASE WHEN m.details ? 'media' OR m.details -> 'has_media' = 'true' THEN (
        SELECT jsonb_strip_nulls(jsonb_build_object(
            'id', f.media_id, 'path', '/v1/media/' || f.media_id, 'mimetype', f.mime_type, 'filename', f.file_name,
            'size', f.size, 'state', f.state
        ))
        FROM media f
        WHERE f.org_id = m.org_id AND f.session_id = m.session_id AND f.chat_key = m.chat_key
            AND f.message_id = m.message_id AND f.from_me = m.from_me AND f.author = m.author
    ) END AS media,
    m.author
FROM messages m;
COMMENT ON VIEW message_views IS 'Messages as responses show them: persons by the addresses by which they are known.';
COMMENT ON COLUMN message_views.org_id IS 'The organization.';
COMMENT ON COLUMN message_views.session_id IS 'The session that stored it.';
COMMENT ON COLUMN message_views.chat_key IS 'The chat.';
COMMENT ON COLUMN message_views.message_id IS 'WhatsApp''s id of the message.';
COMMENT ON COLUMN message_views.sent_at IS 'When it was sent.';
COMMENT ON COLUMN message_views.updated_at IS 'When it last changed, as reported by WhatsApp.';
COMMENT ON COLUMN message_views.ack IS '-1 failed, 0 pending, 1 sent, 2 received by the server, 3 delivered, 4 read.';
COMMENT ON COLUMN message_views.from_me IS 'Whether the session''s own number sent it.';
COMMENT ON COLUMN message_views.sender IS 'Contact id of the sender.';
COMMENT ON COLUMN message_views.type IS 'WhatsApp''s message type.';
COMMENT ON COLUMN message_views.body IS 'The text.';
COMMENT ON COLUMN message_views.delivery IS 'Which contacts received and read it.';
COMMENT ON COLUMN message_views.details IS 'The keys of the message object that have no column.';
COMMENT ON COLUMN message_views.fts IS 'The text''s tsvector, as text.';
COMMENT ON COLUMN message_views.reactions IS 'The last reaction of each person.';
COMMENT ON COLUMN message_views.arrival IS 'Order of arrival in the chat.';
COMMENT ON COLUMN message_views.media IS 'Its media file, as in responses: {"id", "path", "mimetype", "filename", "size", "state"}.';
COMMENT ON COLUMN message_views.author IS 'The contact that sent an incoming message of a group; otherwise empty.';

-- Change events with the columns that subscribers filter by: the chat's present state, or its last one if it was deleted.
CREATE VIEW event_views AS
SELECT
    e.org_id,
    e.bucket,
    e.number,
    e.number * 16 + e.bucket AS event_id,
    e.at,
    e.chat_key,
    CASE WHEN c.chat_key IS NULL THEN deleted.changes -> 'chat_id' ->> 0 ELSE c.chat_id END AS chat_id,
    e.session_id,
    s.phone,
    e.kind,
    e.actor,
    e.changes,
    ARRAY(
        SELECT held.session_id FROM (
            SELECT sc.session_id FROM session_chats sc WHERE sc.org_id = e.org_id AND sc.chat_key = e.chat_key
            UNION ALL
            SELECT substr(fields.field, length('held_by.') + 1)
            FROM jsonb_object_keys(deleted.changes) fields (field)
            WHERE starts_with(fields.field, 'held_by.')
        ) held
        -- Other events of the transaction that attached the session are at most moments older.
        WHERE NOT EXISTS (
            SELECT FROM events a
            WHERE a.org_id = e.org_id AND a.chat_key = e.chat_key AND a.at > e.at + interval '1 second'
                AND a.kind = 'attached' AND a.session_id = held.session_id
        )
    ) AS held_by,
    CASE
        WHEN c.chat_key IS NULL THEN (
            SELECT jsonb_object_agg(substr(fields.field, length('held_by.') + 1), fields.change -> 0)
            FROM jsonb_each(deleted.changes) fields (field, change)
            WHERE starts_with(fields.field, 'held_by.') AND fields.change -> 0 <> 'true'
        )
        ELSE (
            SELECT jsonb_object_agg(sc.session_id, sc.claimed_by) FROM session_chats sc
            WHERE sc.org_id = e.org_id AND sc.chat_key = e.chat_key AND sc.claimed_by IS NOT NULL
        )
    END AS claims,
    CASE
        WHEN c.chat_key IS NULL THEN ARRAY(
            SELECT substr(fields.field, length('labels.') + 1)
            FROM jsonb_object_keys(deleted.changes) fields (field)
            WHERE starts_with(fields.field, 'labels.')
        )
        ELSE ARRAY(SELECT cl.label_id FROM chat_labels cl WHERE cl.org_id = e.org_id AND cl.chat_key = e.chat_key)
    END AS label_ids,
    CASE
        WHEN c.chat_key IS NULL THEN deleted.changes -> 'assignee' ->> 0
        ELSE (SELECT m.email FROM members m WHERE m.org_id = c.org_id AND m.member_key = c.assignee)
    END AS assigned_to,
    CASE
        WHEN c.chat_key IS NULL THEN ARRAY(
            SELECT substr(fields.field, length('access.') + 1)
            FROM jsonb_object_keys(deleted.changes) fields (field)
            WHERE starts_with(fields.field, 'access.')
        )
        ELSE ARRAY(
            SELECT x.member_key FROM chat_access x
            WHERE x.org_id = e.org_id AND x.chat_key = e.chat_key AND NOT x.allowed
        )
    END AS hidden_from,
    e.message_id,
    e.from_me,
    e.author
FROM events e
-- OFFSET 0 keeps these look-ups by key for each event: while the tables are small, reading all of an organization's rows
-- seems to cost as much, and a plan lasts until they are analyzed again.
LEFT JOIN LATERAL (
    SELECT c.org_id, c.chat_key, c.chat_id, c.assignee FROM chats c
    WHERE c.org_id = e.org_id AND c.chat_key = e.chat_key OFFSET 0
) c ON true
LEFT JOIN LATERAL (
    SELECT s.phone FROM sessions s WHERE s.org_id = e.org_id AND s.session_id = e.session_id OFFSET 0
) s ON true
-- {field: [value, null]}.
LEFT JOIN LATERAL (
    SELECT d.changes FROM events d
    WHERE c.chat_key IS NULL AND d.org_id = e.org_id AND d.chat_key = e.chat_key AND d.kind = 'deleted'
    LIMIT 1 OFFSET 0
) deleted ON true;
COMMENT ON VIEW event_views IS 'Change events with the chat''s present state, or its last one if it was deleted.';
COMMENT ON COLUMN event_views.org_id IS 'The organization.';
COMMENT ON COLUMN event_views.bucket IS 'The bucket of the chat.';
COMMENT ON COLUMN event_views.number IS 'Order of commit in the bucket.';
COMMENT ON COLUMN event_views.event_id IS 'The id of the event: number * 16 + bucket.';
COMMENT ON COLUMN event_views.at IS 'When it changed.';
COMMENT ON COLUMN event_views.chat_key IS 'The chat''s key in this database.';
COMMENT ON COLUMN event_views.chat_id IS 'The canonical address.';
COMMENT ON COLUMN event_views.session_id IS 'The session whose state changed; null for shared data.';
COMMENT ON COLUMN event_views.phone IS 'That session''s phone number, in digits.';
COMMENT ON COLUMN event_views.kind IS 'The kind of change.';
COMMENT ON COLUMN event_views.actor IS 'Who made the change.';
COMMENT ON COLUMN event_views.changes IS '{field: [previous, new]}; instants are Unix microseconds.';
COMMENT ON COLUMN event_views.held_by IS 'The sessions that hold the chat now, or held a deleted one last, and held it at the time of the event.';
COMMENT ON COLUMN event_views.claims IS '{session: API key} of the sessions that hold the chat, or held a deleted one last, by the reports of that key alone; or null.';
COMMENT ON COLUMN event_views.label_ids IS 'The labels of the chat, also of a deleted one.';
COMMENT ON COLUMN event_views.assigned_to IS 'Email of the assignee, also of a deleted chat.';
COMMENT ON COLUMN event_views.hidden_from IS 'Members who may not see the chat, also of a deleted one.';
COMMENT ON COLUMN event_views.message_id IS 'WhatsApp''s id of the message that the event is about.';
COMMENT ON COLUMN event_views.from_me IS 'Whether the session''s own number sent that message.';
COMMENT ON COLUMN event_views.author IS 'The person that sent that message, if it is an incoming one of a group; otherwise empty.';

-- Row level security, a second check: a statement can only write rows of the organization that its transaction is set to.
-- Reads are not restricted; their check is the org_id in every WHERE. FORCE applies the policies to the tables' owner, too.
-- coalesce keeps the planner from looking rows up by the policy's organization instead of the statement's whole key, and from
-- estimating that few rows pass, which it may do before the first ANALYZE.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY[
        'orgs', 'members', 'removed_members', 'api_keys', 'idempotency_keys', 'sessions', 'connector_leases', 'ingest_senders',
        'contacts', 'person_links', 'chats', 'chat_addresses', 'chat_merges', 'chat_members', 'chat_access', 'labels',
        'chat_labels', 'properties', 'chat_properties', 'notes', 'session_chats', 'commands', 'sends', 'chat_activity',
        'list_counts', 'messages', 'media_objects', 'media', 'waiting_updates', 'chat_deletions', 'event_heads', 'events', 'webhooks',
        'webhook_queues', 'webhook_deliveries', 'connections', 'inbound_events'
    ]
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (coalesce(org_id = current_org(), false))', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (coalesce(org_id = current_org(), false))', t);
    END LOOP;
END
$$;
