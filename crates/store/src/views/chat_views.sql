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
LEFT JOIN contacts person ON person.org_id = c.org_id AND person.contact_id = c.chat_id
