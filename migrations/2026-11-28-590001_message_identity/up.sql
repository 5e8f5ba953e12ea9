-- The sending client chooses the id of a message: two persons may use the same one in one chat.

ALTER TABLE messages
    ADD author    text    NOT NULL DEFAULT '' COLLATE "C",
    ADD has_links boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN messages.message_id IS 'WhatsApp''s id of the message, chosen by its sender.';
COMMENT ON COLUMN messages.author IS 'Of an incoming message of a group: the person that sent it. Otherwise empty.';
COMMENT ON COLUMN messages.has_links IS 'Whether an address in it may not be the one by which its person is known: message_views looks up its persons.';
UPDATE messages m SET author = coalesce(m.details ->> 'author', m.sender, '')
FROM chats c
WHERE c.org_id = m.org_id AND c.chat_key = m.chat_key AND c.type = 'group' AND NOT m.from_me;
ALTER TABLE messages DROP CONSTRAINT messages_pkey,
    ADD PRIMARY KEY (org_id, session_id, chat_key, message_id, from_me, author);
-- For authors that become known by another address.
CREATE INDEX messages_author ON messages (org_id, author) WHERE author <> '';

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

-- Messages keep the addresses with which they arrived; their persons are named when they are read.
CREATE OR REPLACE VIEW message_views AS
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
    m.arrival
FROM messages m;
COMMENT ON VIEW message_views IS 'Messages as responses show them: persons by the addresses by which they are known.';

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
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE DEFERRABLE
);
CREATE INDEX waiting_updates_session ON waiting_updates (org_id, session_id, received_at);
-- Expired rows are deleted across organizations.
CREATE INDEX waiting_updates_received_at ON waiting_updates (received_at);
COMMENT ON TABLE waiting_updates IS 'Updates that arrived before their message or chat; applied and deleted when it arrives, or deleted after 30 days.';
COMMENT ON COLUMN waiting_updates.org_id IS 'The organization.';
COMMENT ON COLUMN waiting_updates.address IS 'The canonical address of the chat.';
COMMENT ON COLUMN waiting_updates.session_id IS 'The session.';
COMMENT ON COLUMN waiting_updates.message_id IS 'The message; empty for an update of the chat.';
COMMENT ON COLUMN waiting_updates.sender IS 'Which of the messages with that id: empty for any, me, others, or the person that sent it.';
COMMENT ON COLUMN waiting_updates.kind IS 'sent, server, delivered, read, played, failed, edit, reaction or deleted; read_up_to, unread or member of a chat.';
COMMENT ON COLUMN waiting_updates.contact_id IS 'The contact that received, read or reacted to it, or is a member; for an edit its time in Unix microseconds, so that each edit is a row; otherwise empty.';
COMMENT ON COLUMN waiting_updates.at IS 'The time of the update.';
COMMENT ON COLUMN waiting_updates.value IS 'The reason of a failure, the text of an edit, the emoji of a reaction, a number of unread messages, or 0, 1 or 2 for no member, a member or an admin.';
COMMENT ON COLUMN waiting_updates.received_at IS 'When it arrived.';
INSERT INTO waiting_updates (org_id, address, session_id, message_id, sender, kind, contact_id, at, value)
SELECT p.org_id, c.chat_id, p.session_id, p.message_id, '', p.kind, p.contact_id, p.at, p.value
FROM pending_receipts p JOIN chats c ON c.org_id = p.org_id AND c.chat_key = p.chat_key;
DROP TABLE pending_receipts;

CREATE TABLE chat_deletions (
    org_id     uuid        NOT NULL,
    session_id text        NOT NULL COLLATE "C",
    address    text        NOT NULL COLLATE "C",
    deleted_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, session_id, address),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, session_id) ON DELETE CASCADE DEFERRABLE
);
CREATE INDEX chat_deletions_address ON chat_deletions (org_id, address);
COMMENT ON TABLE chat_deletions IS 'Chats that a caller deleted from a session: older messages are not stored again.';
COMMENT ON COLUMN chat_deletions.org_id IS 'The organization.';
COMMENT ON COLUMN chat_deletions.session_id IS 'The session.';
COMMENT ON COLUMN chat_deletions.address IS 'The canonical address of the chat.';
COMMENT ON COLUMN chat_deletions.deleted_at IS 'When it was deleted last, rounded down to the second, as the times of messages are.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['waiting_updates', 'chat_deletions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (org_id = current_org())', t);
    END LOOP;
END
$$;
