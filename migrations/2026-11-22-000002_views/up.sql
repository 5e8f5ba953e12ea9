-- What one statement reads of a chat. Views, so that diesel prepares the statement once per connection and PostgreSQL
-- sees one query. The arrays are sub-selects: they run for the row that is answered and no other. OFFSET 0 makes a join
-- a look-up per row: without it a small table of labels or members is hashed as a whole, for the two a chat has.

CREATE TYPE chat_view_member AS (
    contact_id     text,
    name           text,
    color          text,
    image          text,
    is_internal    boolean,
    is_admin       boolean,
    is_super_admin boolean
);
COMMENT ON TYPE chat_view_member IS 'A member of a chat, with what is known of the contact.';

CREATE TYPE chat_view_label AS (label_id text, name text);
COMMENT ON TYPE chat_view_label IS 'A label of a chat.';

CREATE TYPE chat_view_access AS (email text, allowed boolean);
COMMENT ON TYPE chat_view_access IS 'Whether a chat is open to a member of the organization.';

CREATE TYPE chat_view_property AS (property_id text, value jsonb);
COMMENT ON TYPE chat_view_property IS 'A custom property of a chat.';

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
    ) AS members,
    CASE WHEN c.type = 'group' THEN '{}' ELSE ARRAY(
        SELECT common.chat_id
        FROM chat_members cm
        JOIN chats common ON common.org_id = cm.org_id AND common.chat_key = cm.chat_key
        WHERE cm.org_id = c.org_id AND cm.contact_id = c.chat_id
        ORDER BY common.chat_id
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
COMMENT ON VIEW chat_views IS 'What all numbers of the organization share about a chat, with everything attached to it.';
COMMENT ON COLUMN chat_views.org_id IS 'The organization.';
COMMENT ON COLUMN chat_views.chat_key IS 'The chat inside this database.';
COMMENT ON COLUMN chat_views.chat_id IS 'The chat as answers spell it.';
COMMENT ON COLUMN chat_views.type IS 'user, group or business.';
COMMENT ON COLUMN chat_views.name IS 'A person''s name is the contact''s, a group''s its own.';
COMMENT ON COLUMN chat_views.image IS 'URL of the picture, chosen like the name.';
COMMENT ON COLUMN chat_views.description IS 'A group''s description.';
COMMENT ON COLUMN chat_views.invite_link IS 'A group''s invite link.';
COMMENT ON COLUMN chat_views.info_admins_only IS 'Whether only admins may change the group''s name, picture and description.';
COMMENT ON COLUMN chat_views.messages_admins_only IS 'Whether only admins may write to the group.';
COMMENT ON COLUMN chat_views.add_members_admins_only IS 'Whether only admins may add members.';
COMMENT ON COLUMN chat_views.member_add_mode IS 'Who may add members, in WhatsApp''s own words.';
COMMENT ON COLUMN chat_views.hubspot_metadata IS 'What HubSpot knows of the chat.';
COMMENT ON COLUMN chat_views.closed_at IS 'When the chat was closed; null while it is open.';
COMMENT ON COLUMN chat_views.created_at IS 'When WhatsApp says the chat began.';
COMMENT ON COLUMN chat_views.updated_at IS 'When anything shared about the chat last changed here.';
COMMENT ON COLUMN chat_views.assigned_to IS 'Email of the member the chat is assigned to.';
COMMENT ON COLUMN chat_views.org_phones IS 'Every number of the organization that holds the chat, <digits>@c.us, ascending.';
COMMENT ON COLUMN chat_views.members IS 'Who is in the chat.';
COMMENT ON COLUMN chat_views.common_chats IS 'For a person every chat this contact is a member of, ascending; for a group none.';
COMMENT ON COLUMN chat_views.labels IS 'The labels, ordered by their lower-case form.';
COMMENT ON COLUMN chat_views.access IS 'Which members the chat is open to.';
COMMENT ON COLUMN chat_views.properties IS 'The custom properties that have a value.';

-- tsvector has no type in diesel, and answers carry its text.
CREATE VIEW message_views AS
SELECT
    org_id,
    session_id,
    chat_key,
    message_id,
    sent_at,
    updated_at,
    ack,
    from_me,
    sender,
    type,
    body,
    delivery,
    details,
    fts::text AS fts
FROM messages;
COMMENT ON VIEW message_views IS 'Stored messages as answers show them.';
COMMENT ON COLUMN message_views.org_id IS 'The organization.';
COMMENT ON COLUMN message_views.session_id IS 'The session that stored it.';
COMMENT ON COLUMN message_views.chat_key IS 'The chat.';
COMMENT ON COLUMN message_views.message_id IS 'WhatsApp''s own id of the message.';
COMMENT ON COLUMN message_views.sent_at IS 'When it was sent.';
COMMENT ON COLUMN message_views.updated_at IS 'When WhatsApp last changed it.';
COMMENT ON COLUMN message_views.ack IS '0 pending, 1 sent, 2 at the server, 3 delivered, 4 read.';
COMMENT ON COLUMN message_views.from_me IS 'Whether the number itself sent it.';
COMMENT ON COLUMN message_views.sender IS 'Who sent it: a contact id.';
COMMENT ON COLUMN message_views.type IS 'WhatsApp''s kind of message.';
COMMENT ON COLUMN message_views.body IS 'The text.';
COMMENT ON COLUMN message_views.delivery IS 'Who received and read it.';
COMMENT ON COLUMN message_views.details IS 'The rarer keys of the message object.';
COMMENT ON COLUMN message_views.fts IS 'The text as search sees it, written out.';
