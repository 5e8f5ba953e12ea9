//! The tables of change events: the outbox.

diesel::table! {
    event_heads (org_id, bucket) {
        org_id -> Uuid,
        bucket -> Integer,
        last -> BigInt,
        removed -> BigInt,
    }
}

diesel::table! {
    events (org_id, bucket, number) {
        org_id -> Uuid,
        bucket -> Integer,
        number -> BigInt,
        at -> Timestamptz,
        chat_key -> BigInt,
        session_id -> Nullable<Text>,
        kind -> Text,
        actor -> Text,
        changes -> Jsonb,
        message_id -> Nullable<Text>,
        from_me -> Nullable<Bool>,
        author -> Nullable<Text>,
    }
}
