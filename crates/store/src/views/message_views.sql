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
FROM messages m
