-- One person, one chat: WhatsApp tells of a person by LID while the phone number is hidden, and by phone number otherwise.
-- Once both are known to be the same, everything told of either is told of one chat, the phone number's.

-- That a chat is not archived may be what somebody said, or all that is known. It makes a difference where one chat becomes
-- part of another: what was told of either stays.
ALTER TABLE session_chats
    ADD archived_explicit boolean NOT NULL DEFAULT false,
    ADD pinned_explicit   boolean NOT NULL DEFAULT false,
    ADD exited_explicit   boolean NOT NULL DEFAULT false,
    ADD mute_explicit     boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN session_chats.archived_explicit IS 'Whether anybody said that it is archived, or that it is not.';
COMMENT ON COLUMN session_chats.pinned_explicit IS 'Whether anybody said that it is pinned, or that it is not.';
COMMENT ON COLUMN session_chats.exited_explicit IS 'Whether anybody said that the number has left, or that it has not.';
COMMENT ON COLUMN session_chats.mute_explicit IS 'Whether anybody said until when it is muted, or that it is not.';

-- Both functions are called while nobody else writes to the organization, and tell how many rows they were about. Each
-- phone number comes once.

CREATE FUNCTION link_lids(of_org uuid, of_lids text[], of_addresses text[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lids (org_id, lid, address)
    SELECT of_org, tie.lid, tie.address FROM unnest(of_lids, of_addresses) tie (lid, address);

    -- The contact, in the contact list and as a member of chats. What is known by phone number stays.
    INSERT INTO contacts (org_id, contact_id, name, color, image, is_internal)
    SELECT c.org_id, tie.address, c.name, c.color, c.image, c.is_internal
    FROM unnest(of_lids, of_addresses) tie (lid, address)
    JOIN contacts c ON c.org_id = of_org AND c.contact_id = tie.lid
    ON CONFLICT (org_id, contact_id) DO UPDATE SET
        name = coalesce(contacts.name, excluded.name),
        color = coalesce(contacts.color, excluded.color),
        image = coalesce(contacts.image, excluded.image),
        is_internal = contacts.is_internal OR excluded.is_internal;
    UPDATE chats SET updated_at = clock_timestamp()
    WHERE org_id = of_org AND chat_key IN (
        SELECT m.chat_key FROM chat_members m WHERE m.org_id = of_org AND m.contact_id = ANY (of_lids)
    );
    INSERT INTO chat_members (org_id, chat_key, contact_id, is_admin, is_super_admin)
    SELECT m.org_id, m.chat_key, tie.address, m.is_admin, m.is_super_admin
    FROM unnest(of_lids, of_addresses) tie (lid, address)
    JOIN chat_members m ON m.org_id = of_org AND m.contact_id = tie.lid
    ON CONFLICT DO NOTHING;
    DELETE FROM contacts WHERE org_id = of_org AND contact_id = ANY (of_lids);

    -- A chat that is only known by LID is the phone number's from now on, and the other way round.
    WITH renamed AS (
        UPDATE chats c SET chat_id = tie.address, updated_at = clock_timestamp()
        FROM unnest(of_lids, of_addresses) tie (lid, address)
        JOIN chat_addresses a ON a.org_id = of_org AND a.address = tie.lid
        WHERE c.org_id = of_org AND c.chat_key = a.chat_key AND NOT EXISTS (
            SELECT FROM chat_addresses other WHERE other.org_id = of_org AND other.address = tie.address
        )
        RETURNING c.chat_key, c.chat_id
    )
    INSERT INTO chat_addresses (org_id, address, chat_key) SELECT of_org, chat_id, chat_key FROM renamed;
    INSERT INTO chat_addresses (org_id, address, chat_key)
    SELECT of_org, tie.lid, a.chat_key
    FROM unnest(of_lids, of_addresses) tie (lid, address)
    JOIN chat_addresses a ON a.org_id = of_org AND a.address = tie.address
    ON CONFLICT DO NOTHING;
    RETURN cardinality(of_lids);
END
$$;
COMMENT ON FUNCTION link_lids IS 'Keeps which LID is which phone number, and makes one contact of two. Where both have a chat, these stay two: see merge_chats.';

CREATE FUNCTION merge_chats(of_org uuid, from_keys bigint[], into_keys bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    -- What all numbers share. What the chat has that is merged into stays.
    UPDATE chats c SET
        -- A person's until somebody says that it is a business.
        type = CASE c.type WHEN 'user' THEN gone.type ELSE c.type END,
        name = coalesce(c.name, gone.name),
        image = coalesce(c.image, gone.image),
        assignee = coalesce(c.assignee, gone.assignee),
        hubspot_metadata = gone.hubspot_metadata || c.hubspot_metadata,
        closed_at = coalesce(c.closed_at, gone.closed_at),
        created_at = coalesce(c.created_at, gone.created_at),
        updated_at = clock_timestamp()
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN chats gone ON gone.org_id = of_org AND gone.chat_key = pair.from_key
    WHERE c.org_id = of_org AND c.chat_key = pair.into_key;
    INSERT INTO chat_members (org_id, chat_key, contact_id, is_admin, is_super_admin)
    SELECT m.org_id, pair.into_key, m.contact_id, m.is_admin, m.is_super_admin
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN chat_members m ON m.org_id = of_org AND m.chat_key = pair.from_key
    ON CONFLICT DO NOTHING;
    INSERT INTO chat_labels (org_id, chat_key, label_id)
    SELECT l.org_id, pair.into_key, l.label_id
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN chat_labels l ON l.org_id = of_org AND l.chat_key = pair.from_key
    ON CONFLICT DO NOTHING;
    INSERT INTO chat_properties (org_id, chat_key, property_id, value)
    SELECT p.org_id, pair.into_key, p.property_id, p.value
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN chat_properties p ON p.org_id = of_org AND p.chat_key = pair.from_key
    ON CONFLICT DO NOTHING;
    INSERT INTO chat_access (org_id, chat_key, member_key, allowed)
    SELECT a.org_id, pair.into_key, a.member_key, a.allowed
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN chat_access a ON a.org_id = of_org AND a.chat_key = pair.from_key
    ON CONFLICT DO NOTHING;

    -- A session that holds the one that goes holds the other from now on. It keeps what it was told of the one that stays,
    -- and has read what it has read in either. What is unread and the latest message are counted anew.
    INSERT INTO session_chats (org_id, session_id, chat_key, id) OVERRIDING SYSTEM VALUE
    SELECT gone.org_id, gone.session_id, pair.into_key, gone.id
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN session_chats gone ON gone.org_id = of_org AND gone.chat_key = pair.from_key
    ON CONFLICT DO NOTHING;
    UPDATE session_chats s SET
        archived = s.archived OR (gone.archived AND NOT s.archived_explicit),
        pinned = s.pinned OR (gone.pinned AND NOT s.pinned_explicit),
        exited = s.exited OR (gone.exited AND NOT s.exited_explicit),
        muted_until = CASE WHEN s.mute_explicit OR s.muted_until IS NOT NULL THEN s.muted_until ELSE gone.muted_until END,
        archived_explicit = s.archived_explicit OR gone.archived_explicit,
        pinned_explicit = s.pinned_explicit OR gone.pinned_explicit,
        exited_explicit = s.exited_explicit OR gone.exited_explicit,
        mute_explicit = s.mute_explicit OR gone.mute_explicit,
        read_up_to = greatest(s.read_up_to, gone.read_up_to),
        updated_at = clock_timestamp()
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN session_chats gone ON gone.org_id = of_org AND gone.chat_key = pair.from_key
    WHERE s.org_id = of_org AND s.session_id = gone.session_id AND s.chat_key = pair.into_key;
    UPDATE messages m SET chat_key = pair.into_key
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN session_chats gone ON gone.org_id = of_org AND gone.chat_key = pair.from_key
    WHERE m.org_id = of_org AND m.session_id = gone.session_id AND m.chat_key = pair.from_key AND NOT EXISTS (
        SELECT FROM messages other
        WHERE other.org_id = of_org AND other.session_id = m.session_id AND other.chat_key = pair.into_key
            AND other.message_id = m.message_id
    );
    INSERT INTO pending_receipts (org_id, session_id, chat_key, message_id, contact_id, kind, at)
    SELECT r.org_id, r.session_id, pair.into_key, r.message_id, r.contact_id, r.kind, r.at
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    JOIN session_chats gone ON gone.org_id = of_org AND gone.chat_key = pair.from_key
    JOIN pending_receipts r
        ON r.org_id = of_org AND r.session_id = gone.session_id AND r.chat_key = pair.from_key
    ON CONFLICT (org_id, session_id, chat_key, message_id, contact_id, kind)
        DO UPDATE SET at = least(pending_receipts.at, excluded.at);

    -- What was done to it was done to this chat. It keeps its own end, for those who know it as another.
    UPDATE events e SET chat_key = pair.into_key
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    WHERE e.org_id = of_org AND e.chat_key = pair.from_key;
    UPDATE chat_addresses a SET chat_key = pair.into_key
    FROM unnest(from_keys, into_keys) pair (from_key, into_key)
    WHERE a.org_id = of_org AND a.chat_key = pair.from_key;
    RETURN cardinality(from_keys);
END
$$;
COMMENT ON FUNCTION merge_chats IS 'Gives one chat what another has. What is left in the other, the messages that both have among it, goes with it.';
