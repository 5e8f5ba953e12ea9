//! The tables for diesel. A test compares this file with the migrated database.

#![allow(missing_docs)]

mod files;
mod gateways;
mod ingest;
mod outbox;
mod outgoing;

pub use self::files::{media, media_objects};
pub use self::gateways::{connections, inbound_events};
pub use self::ingest::{chat_deletions, chat_merges, ingest_senders, person_links, waiting_updates};
pub use self::outbox::{event_heads, events};
pub use self::outgoing::{commands, connector_leases, sends, webhook_deliveries, webhook_queues, webhooks};
use super::views::{chat_views, event_views, message_views};

diesel::table! {
    orgs (org_id) {
        org_id -> Uuid,
        name -> Text,
        disabled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        logins_not_before -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    removed_members (org_id, member_key) {
        org_id -> Uuid,
        member_key -> Text,
        removed_at -> Timestamptz,
    }
}

diesel::table! {
    members (org_id, member_key) {
        org_id -> Uuid,
        member_key -> Text,
        email -> Text,
        name -> Nullable<Text>,
        role -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (org_id, session_id) {
        org_id -> Uuid,
        session_id -> Text,
        phone -> Text,
        phone_id -> Text,
        lid -> Nullable<Text>,
        label -> Nullable<Text>,
        status -> Text,
        status_at -> Nullable<Timestamptz>,
        last_connected_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    api_keys (org_id, key_id) {
        org_id -> Uuid,
        key_id -> Text,
        name -> Text,
        secret_sha256 -> Binary,
        capabilities -> Array<Text>,
        session_ids -> Nullable<Array<Text>>,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        manages_owners -> Bool,
        created_by -> Text,
        claimant -> Nullable<Text>,
    }
}

diesel::table! {
    contacts (org_id, contact_id) {
        org_id -> Uuid,
        contact_id -> Text,
        name -> Nullable<Text>,
        color -> Nullable<Text>,
        image -> Nullable<Text>,
        is_internal -> Bool,
        field_times -> Jsonb,
        search_key -> Nullable<Text>,
    }
}

diesel::table! {
    chats (org_id, chat_key) {
        org_id -> Uuid,
        chat_key -> BigInt,
        chat_id -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        name -> Nullable<Text>,
        image -> Nullable<Text>,
        description -> Nullable<Text>,
        invite_link -> Nullable<Text>,
        info_admins_only -> Nullable<Bool>,
        messages_admins_only -> Nullable<Bool>,
        add_members_admins_only -> Nullable<Bool>,
        member_add_mode -> Nullable<Text>,
        assignee -> Nullable<Text>,
        hubspot_metadata -> Jsonb,
        closed_at -> Nullable<Timestamptz>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        field_times -> Jsonb,
        member_times -> Jsonb,
        member_count -> BigInt,
        search_key -> Nullable<Text>,
    }
}

diesel::table! {
    chat_addresses (org_id, address) {
        org_id -> Uuid,
        address -> Text,
        chat_key -> BigInt,
    }
}

diesel::table! {
    session_chats (org_id, session_id, chat_key) {
        org_id -> Uuid,
        session_id -> Text,
        chat_key -> BigInt,
        id -> BigInt,
        archived -> Bool,
        pinned -> Bool,
        exited -> Bool,
        muted_until -> Nullable<Timestamptz>,
        read_up_to -> Nullable<Timestamptz>,
        unread -> Nullable<Integer>,
        min_unread -> Nullable<Integer>,
        latest_message_id -> Nullable<Text>,
        last_message_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        active_at -> Timestamptz,
        is_unread -> Bool,
        is_group -> Bool,
        archived_explicit -> Bool,
        pinned_explicit -> Bool,
        exited_explicit -> Bool,
        mute_explicit -> Bool,
        listed_id -> Nullable<Text>,
        listed_type -> Nullable<Text>,
        latest_arrival -> Nullable<BigInt>,
        field_times -> Jsonb,
        claimed_by -> Nullable<Text>,
    }
}

diesel::table! {
    chat_activity (org_id, chat_key) {
        org_id -> Uuid,
        chat_key -> BigInt,
        listed_id -> Text,
        listed_type -> Text,
        session_id -> Text,
        active_at -> Timestamptz,
        is_unread -> Bool,
    }
}

diesel::table! {
    list_counts (org_id, list, session_id, shard) {
        org_id -> Uuid,
        list -> Text,
        session_id -> Text,
        shard -> SmallInt,
        count -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    use crate::full_text::Tsvector;

    messages (org_id, session_id, chat_key, message_id, from_me, author) {
        org_id -> Uuid,
        chat_key -> BigInt,
        sent_at -> Timestamptz,
        updated_at -> Nullable<Timestamptz>,
        ack -> Nullable<SmallInt>,
        from_me -> Bool,
        session_id -> Text,
        message_id -> Text,
        sender -> Nullable<Text>,
        #[sql_name = "type"]
        type_ -> Nullable<Text>,
        body -> Nullable<Text>,
        delivery -> Nullable<Jsonb>,
        details -> Jsonb,
        field_times -> Nullable<Jsonb>,
        first_body -> Nullable<Text>,
        reactions -> Nullable<Jsonb>,
        arrival -> BigInt,
        silent -> Bool,
        author -> Text,
        has_links -> Bool,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    chat_members (org_id, chat_key, contact_id) {
        org_id -> Uuid,
        chat_key -> BigInt,
        contact_id -> Text,
        is_admin -> Bool,
        is_super_admin -> Bool,
    }
}

diesel::table! {
    chat_access (org_id, chat_key, member_key) {
        org_id -> Uuid,
        chat_key -> BigInt,
        member_key -> Text,
        allowed -> Bool,
    }
}

diesel::table! {
    labels (org_id, label_id) {
        org_id -> Uuid,
        label_id -> Text,
        name -> Text,
        label_key -> Text,
        color -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    chat_labels (org_id, chat_key, label_id) {
        org_id -> Uuid,
        chat_key -> BigInt,
        label_id -> Text,
    }
}

diesel::table! {
    properties (org_id, property_id) {
        org_id -> Uuid,
        property_id -> Text,
        name -> Text,
        kind -> Text,
        options -> Array<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    chat_properties (org_id, chat_key, property_id) {
        org_id -> Uuid,
        chat_key -> BigInt,
        property_id -> Text,
        value -> Jsonb,
    }
}

diesel::table! {
    notes (org_id, note_id) {
        org_id -> Uuid,
        note_id -> Text,
        chat_key -> BigInt,
        body -> Text,
        author -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (org_id, key_sha256) {
        org_id -> Uuid,
        key_sha256 -> Binary,
        request_sha256 -> Binary,
        response -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query! {
    orgs, members, removed_members, sessions, api_keys, contacts, chats, chat_addresses, session_chats, chat_activity,
    list_counts, messages, chat_members, chat_access, labels, chat_labels, properties, chat_properties, notes,
    events, event_heads, idempotency_keys, ingest_senders, commands, sends, connector_leases, person_links, waiting_updates,
    chat_deletions, chat_merges, media, media_objects, webhooks, webhook_deliveries, webhook_queues, connections,
    inbound_events, chat_views, event_views, message_views
}
