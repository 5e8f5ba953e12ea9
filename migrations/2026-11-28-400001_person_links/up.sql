-- One table for all addresses of a person besides the one by which answers name it: LIDs, business-scoped user ids and other
-- phone numbers. Messages keep the addresses with which they arrived, so message_views names their persons when they are read.

ALTER TABLE lids RENAME TO person_links;
ALTER TABLE person_links RENAME COLUMN address TO person;
ALTER TABLE person_links RENAME COLUMN lid TO address;
ALTER TABLE person_links DROP CONSTRAINT lids_lid_check, DROP CONSTRAINT lids_address_check;
ALTER TABLE person_links RENAME CONSTRAINT lids_pkey TO person_links_pkey;
ALTER TABLE person_links RENAME CONSTRAINT lids_org_id_fkey TO person_links_org_id_fkey;
ALTER INDEX lids_address RENAME TO person_links_person;
COMMENT ON TABLE person_links IS 'Addresses of persons. Stored before a contact or chat with either exists, and never deleted: merged chats cannot be split.';
COMMENT ON COLUMN person_links.org_id IS 'The organization.';
COMMENT ON COLUMN person_links.address IS 'An address of the person: <digits>@c.us, <digits>@lid or <country>.<id>@bsuid.';
COMMENT ON COLUMN person_links.person IS 'The address by which the person is known. Of a number with two spellings, the known one has a row, too, with itself.';
COMMENT ON COLUMN chat_addresses.address IS '<digits>@c.us, <id>@g.us, <digits>@lid or <country>.<id>@bsuid; other spellings are normalized before.';
COMMENT ON COLUMN contacts.contact_id IS '<digits>@c.us, or <digits>@lid or <country>.<id>@bsuid while no phone number is known.';
COMMENT ON COLUMN chats.chat_id IS 'The canonical address: <id>@g.us, <digits>@c.us, or <digits>@lid or <country>.<id>@bsuid while no phone number is known.';

CREATE VIEW lids AS SELECT org_id, address AS lid, person AS address FROM person_links;
COMMENT ON VIEW lids IS 'person_links under previous names.';
COMMENT ON COLUMN lids.org_id IS 'The organization.';
COMMENT ON COLUMN lids.lid IS 'An address of the person.';
COMMENT ON COLUMN lids.address IS 'The address by which the person is known.';

CREATE FUNCTION person_of(of_org uuid, of_address text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce((SELECT l.person FROM person_links l WHERE l.org_id = of_org AND l.address = of_address), of_address);
COMMENT ON FUNCTION person_of IS 'The address by which a person is known, by any of its addresses.';

CREATE FUNCTION name_times(of_org uuid, times jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce((
        SELECT jsonb_object_agg(p.person, p.at)
        FROM (SELECT person_of(of_org, t.key) AS person, min(t.value::bigint) AS at FROM jsonb_each_text(times) t GROUP BY 1) p
    ), '{}');
COMMENT ON FUNCTION name_times IS '{contact: ms} with each person once, and the earliest of its times.';

CREATE FUNCTION name_delivery(of_org uuid, delivery jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (
        SELECT delivery || jsonb_build_object('delivered', n.delivered, 'read', n.read, 'pending', coalesce((
            SELECT jsonb_agg(DISTINCT p.person)
            FROM (SELECT person_of(of_org, e.value) AS person FROM jsonb_array_elements_text(delivery -> 'pending') e) p
            WHERE NOT n.delivered ? p.person AND NOT n.read ? p.person
        ), '[]'))
        FROM (SELECT name_times(of_org, delivery -> 'delivered') AS delivered, name_times(of_org, delivery -> 'read') AS read) n
    );
COMMENT ON FUNCTION name_delivery IS 'messages.delivery with the addresses by which the persons are known.';

CREATE FUNCTION name_details(of_org uuid, details jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN details || jsonb_strip_nulls(jsonb_build_object(
        'author', person_of(of_org, details ->> 'author'),
        'mentioned_ids', (
            SELECT jsonb_agg(person_of(of_org, e.value) ORDER BY e.place)
            FROM jsonb_array_elements_text(details -> 'mentioned_ids') WITH ORDINALITY e(value, place)
        )
    ));
COMMENT ON FUNCTION name_details IS 'messages.details with the addresses by which the author and the mentioned persons are known.';

-- The functions run only for messages with an address that is not the one by which its person is known.
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
    coalesce((SELECT l.person FROM person_links l WHERE l.org_id = m.org_id AND l.address = m.sender), m.sender) AS sender,
    m.type,
    m.body,
    CASE WHEN m.delivery IS NOT NULL AND EXISTS (
        SELECT FROM person_links l
        WHERE l.org_id = m.org_id AND l.address <> l.person AND l.address = ANY (ARRAY(
            SELECT jsonb_object_keys(m.delivery -> 'delivered')
            UNION ALL SELECT jsonb_object_keys(m.delivery -> 'read')
            UNION ALL SELECT jsonb_array_elements_text(m.delivery -> 'pending')
        ))
    ) THEN name_delivery(m.org_id, m.delivery) ELSE m.delivery END AS delivery,
    CASE WHEN m.details ?| '{author,mentioned_ids}' AND EXISTS (
        SELECT FROM person_links l
        WHERE l.org_id = m.org_id AND l.address <> l.person AND l.address = ANY (ARRAY(
            SELECT m.details ->> 'author' UNION ALL SELECT jsonb_array_elements_text(m.details -> 'mentioned_ids')
        ))
    ) THEN name_details(m.org_id, m.details) ELSE m.details END AS details,
    m.fts::text AS fts
FROM messages m;
COMMENT ON VIEW message_views IS 'Messages as responses show them: persons by the addresses by which they are known.';
