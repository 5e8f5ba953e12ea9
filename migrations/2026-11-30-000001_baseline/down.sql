DROP VIEW event_views, message_views, chat_views;
DROP TYPE chat_view_property, chat_view_access, chat_view_label, chat_view_member;
DROP TABLE inbound_events, connections, webhook_deliveries, webhook_queues, webhooks, events, event_heads, chat_deletions, waiting_updates,
    media, media_objects, messages, list_counts, chat_activity, sends, commands, session_chats, notes, chat_properties, properties, chat_labels, labels,
    chat_access, chat_members, chat_merges, chat_addresses, chats, person_links, contacts, ingest_senders,
    connector_leases, sessions, idempotency_keys, api_keys, removed_members, members, orgs;
DROP FUNCTION name_reactions, name_details, name_delivery, name_times, search_keys, name_ngrams, analyze_grown_tables,
    current_org, required_migration;
DO $$
BEGIN
    DROP EXTENSION btree_gin;
EXCEPTION
    -- An extension that existed before or that others use is kept.
    WHEN insufficient_privilege OR dependent_objects_still_exist THEN NULL;
END
$$;
