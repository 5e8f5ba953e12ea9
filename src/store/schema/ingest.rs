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
    lids (org_id, lid) {
        org_id -> Uuid,
        lid -> Text,
        address -> Text,
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
