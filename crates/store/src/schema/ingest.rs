//! The tables that only ingest writes.

diesel::table! {
    ingest_senders (org_id, principal, sender) {
        org_id -> Uuid,
        principal -> Text,
        sender -> Text,
        stream -> Uuid,
        acknowledged -> BigInt,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    person_links (org_id, address) {
        org_id -> Uuid,
        address -> Text,
        person -> Text,
    }
}

diesel::table! {
    chat_merges (org_id, chat_key) {
        org_id -> Uuid,
        chat_key -> BigInt,
        merged_into -> BigInt,
        merged_at -> Timestamptz,
    }
}

diesel::table! {
    waiting_updates (org_id, address, session_id, message_id, sender, kind, contact_id) {
        org_id -> Uuid,
        address -> Text,
        session_id -> Text,
        message_id -> Text,
        sender -> Text,
        kind -> Text,
        contact_id -> Text,
        at -> Timestamptz,
        value -> Nullable<Text>,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    chat_deletions (org_id, session_id, address) {
        org_id -> Uuid,
        session_id -> Text,
        address -> Text,
        deleted_at -> Timestamptz,
    }
}
