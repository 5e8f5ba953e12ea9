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

-- diesel has no type for tsvector, and responses contain its text.
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
COMMENT ON VIEW message_views IS 'Messages as responses show them.';
COMMENT ON COLUMN message_views.org_id IS 'The organization.';
COMMENT ON COLUMN message_views.session_id IS 'The session that stored it.';
COMMENT ON COLUMN message_views.chat_key IS 'The chat.';
COMMENT ON COLUMN message_views.message_id IS 'WhatsApp''s id of the message.';
COMMENT ON COLUMN message_views.sent_at IS 'When it was sent.';
COMMENT ON COLUMN message_views.updated_at IS 'When it last changed, as reported by WhatsApp.';
COMMENT ON COLUMN message_views.ack IS '0 pending, 1 sent, 2 received by the server, 3 delivered, 4 read.';
COMMENT ON COLUMN message_views.from_me IS 'Whether the session''s own number sent it.';
COMMENT ON COLUMN message_views.sender IS 'Contact id of the sender.';
COMMENT ON COLUMN message_views.type IS 'WhatsApp''s message type.';
COMMENT ON COLUMN message_views.body IS 'The text.';
COMMENT ON COLUMN message_views.delivery IS 'Which contacts received and read it.';
COMMENT ON COLUMN message_views.details IS 'The keys of the message object that have no column.';
COMMENT ON COLUMN message_views.fts IS 'The text''s tsvector, as text.';
