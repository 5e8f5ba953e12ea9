-- One chat for each contact: WhatsApp reports a contact by LID while its phone number is hidden, and by phone number otherwise.
-- Once the two are linked, both addresses resolve to one chat, the phone number's.

-- Whether false is an explicit value or the default matters for merges: explicit values are kept.
ALTER TABLE session_chats
    ADD archived_explicit boolean NOT NULL DEFAULT false,
    ADD pinned_explicit   boolean NOT NULL DEFAULT false,
    ADD exited_explicit   boolean NOT NULL DEFAULT false,
    ADD mute_explicit     boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN session_chats.archived_explicit IS 'Whether archived was set explicitly.';
COMMENT ON COLUMN session_chats.pinned_explicit IS 'Whether pinned was set explicitly.';
COMMENT ON COLUMN session_chats.exited_explicit IS 'Whether exited was set explicitly.';
COMMENT ON COLUMN session_chats.mute_explicit IS 'Whether muted_until was set explicitly.';

-- Both functions must be called while no other transaction writes to the organization, with distinct phone numbers or chats.
-- They return the number of pairs.

CREATE FUNCTION link_lids(of_org uuid, of_lids text[], of_addresses text[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lids (org_id, lid, address)
    SELECT of_org, link.lid, link.address FROM unnest(of_lids, of_addresses) link (lid, address);

    -- The contact, and its membership in chats. Values of the phone number's contact are kept.
    INSERT INTO contacts (org_id, contact_id, name, color, image, is_internal)
    SELECT c.org_id, link.address, c.name, c.color, c.image, c.is_internal
    FROM unnest(of_lids, of_addresses) link (lid, address)
    JOIN contacts c ON c.org_id = of_org AND c.contact_id = link.lid
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
    SELECT m.org_id, m.chat_key, link.address, m.is_admin, m.is_super_admin
    FROM unnest(of_lids, of_addresses) link (lid, address)
    JOIN chat_members m ON m.org_id = of_org AND m.contact_id = link.lid
    ON CONFLICT DO NOTHING;
    DELETE FROM contacts WHERE org_id = of_org AND contact_id = ANY (of_lids);

    -- A chat that exists for the LID only gets the phone number as its address, and one for the phone number the LID.
    WITH renamed AS (
        UPDATE chats c SET chat_id = link.address, updated_at = clock_timestamp()
        FROM unnest(of_lids, of_addresses) link (lid, address)
        JOIN chat_addresses a ON a.org_id = of_org AND a.address = link.lid
        WHERE c.org_id = of_org AND c.chat_key = a.chat_key AND NOT EXISTS (
            SELECT FROM chat_addresses other WHERE other.org_id = of_org AND other.address = link.address
        )
        RETURNING c.chat_key, c.chat_id
    )
    INSERT INTO chat_addresses (org_id, address, chat_key) SELECT of_org, chat_id, chat_key FROM renamed;
    INSERT INTO chat_addresses (org_id, address, chat_key)
    SELECT of_org, link.lid, a.chat_key
    FROM unnest(of_lids, of_addresses) link (lid, address)
    JOIN chat_addresses a ON a.org_id = of_org AND a.address = link.address
    ON CONFLICT DO NOTHING;
    RETURN cardinality(of_lids);
END
$$;
COMMENT ON FUNCTION link_lids IS 'Links LIDs to phone numbers and merges their contacts. If both have a chat, merge_chats merges these.';

CREATE FUNCTION merge_chats(of_org uuid, source_keys bigint[], target_keys bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    -- Shared data: values of the target chat are kept.
    UPDATE chats c SET
        -- user is the default; business is explicit.
        type = CASE c.type WHEN 'user' THEN source.type ELSE c.type END,
        name = coalesce(c.name, source.name),
        image = coalesce(c.image, source.image),
        assignee = coalesce(c.assignee, source.assignee),
        hubspot_metadata = source.hubspot_metadata || c.hubspot_metadata,
        closed_at = coalesce(c.closed_at, source.closed_at),
        created_at = coalesce(c.created_at, source.created_at),
        updated_at = clock_timestamp()
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN chats source ON source.org_id = of_org AND source.chat_key = pair.source_key
    WHERE c.org_id = of_org AND c.chat_key = pair.target_key;
    INSERT INTO chat_members (org_id, chat_key, contact_id, is_admin, is_super_admin)
    SELECT m.org_id, pair.target_key, m.contact_id, m.is_admin, m.is_super_admin
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN chat_members m ON m.org_id = of_org AND m.chat_key = pair.source_key
    ON CONFLICT DO NOTHING;
    INSERT INTO chat_labels (org_id, chat_key, label_id)
    SELECT l.org_id, pair.target_key, l.label_id
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN chat_labels l ON l.org_id = of_org AND l.chat_key = pair.source_key
    ON CONFLICT DO NOTHING;
    INSERT INTO chat_properties (org_id, chat_key, property_id, value)
    SELECT p.org_id, pair.target_key, p.property_id, p.value
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN chat_properties p ON p.org_id = of_org AND p.chat_key = pair.source_key
    ON CONFLICT DO NOTHING;
    INSERT INTO chat_access (org_id, chat_key, member_key, allowed)
    SELECT a.org_id, pair.target_key, a.member_key, a.allowed
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN chat_access a ON a.org_id = of_org AND a.chat_key = pair.source_key
    ON CONFLICT DO NOTHING;

    -- Sessions that hold the source chat hold the target chat. Explicit values of the target are kept, and the later read mark
    -- is used. The caller recomputes unread counts and latest messages.
    INSERT INTO session_chats (org_id, session_id, chat_key, id) OVERRIDING SYSTEM VALUE
    SELECT source.org_id, source.session_id, pair.target_key, source.id
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN session_chats source ON source.org_id = of_org AND source.chat_key = pair.source_key
    ON CONFLICT DO NOTHING;
    UPDATE session_chats s SET
        archived = s.archived OR (source.archived AND NOT s.archived_explicit),
        pinned = s.pinned OR (source.pinned AND NOT s.pinned_explicit),
        exited = s.exited OR (source.exited AND NOT s.exited_explicit),
        muted_until = CASE WHEN s.mute_explicit OR s.muted_until IS NOT NULL THEN s.muted_until ELSE source.muted_until END,
        archived_explicit = s.archived_explicit OR source.archived_explicit,
        pinned_explicit = s.pinned_explicit OR source.pinned_explicit,
        exited_explicit = s.exited_explicit OR source.exited_explicit,
        mute_explicit = s.mute_explicit OR source.mute_explicit,
        read_up_to = greatest(s.read_up_to, source.read_up_to),
        updated_at = clock_timestamp()
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN session_chats source ON source.org_id = of_org AND source.chat_key = pair.source_key
    WHERE s.org_id = of_org AND s.session_id = source.session_id AND s.chat_key = pair.target_key;
    UPDATE messages m SET chat_key = pair.target_key
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN session_chats source ON source.org_id = of_org AND source.chat_key = pair.source_key
    WHERE m.org_id = of_org AND m.session_id = source.session_id AND m.chat_key = pair.source_key AND NOT EXISTS (
        SELECT FROM messages other
        WHERE other.org_id = of_org AND other.session_id = m.session_id AND other.chat_key = pair.target_key
            AND other.message_id = m.message_id
    );
    INSERT INTO pending_receipts (org_id, session_id, chat_key, message_id, contact_id, kind, at)
    SELECT r.org_id, r.session_id, pair.target_key, r.message_id, r.contact_id, r.kind, r.at
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    JOIN session_chats source ON source.org_id = of_org AND source.chat_key = pair.source_key
    JOIN pending_receipts r
        ON r.org_id = of_org AND r.session_id = source.session_id AND r.chat_key = pair.source_key
    ON CONFLICT (org_id, session_id, chat_key, message_id, contact_id, kind)
        DO UPDATE SET at = least(pending_receipts.at, excluded.at);

    -- The source chat's events move to the target; its deletion is recorded under its own key afterwards.
    UPDATE events e SET chat_key = pair.target_key
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    WHERE e.org_id = of_org AND e.chat_key = pair.source_key;
    UPDATE chat_addresses a SET chat_key = pair.target_key
    FROM unnest(source_keys, target_keys) pair (source_key, target_key)
    WHERE a.org_id = of_org AND a.chat_key = pair.source_key;
    RETURN cardinality(source_keys);
END
$$;
COMMENT ON FUNCTION merge_chats IS 'Moves the data of source chats to target chats. The caller deletes the source chats with the rest, such as messages both have.';
