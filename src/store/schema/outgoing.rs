//! The tables of webhooks, as diesel sees them.

diesel::table! {
    webhooks (org_id, webhook_id) {
        org_id -> Uuid,
        webhook_id -> Text,
        url -> Text,
        kinds -> Array<Text>,
        session_ids -> Nullable<Array<Text>>,
        enabled -> Bool,
        salt -> Binary,
        key_id -> Binary,
        position -> BigInt,
        failures -> Integer,
        retry_at -> Nullable<Timestamptz>,
        leased_by -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_deliveries (org_id, webhook_id, event_id) {
        org_id -> Uuid,
        webhook_id -> Text,
        event_id -> BigInt,
        chat_key -> BigInt,
        state -> Text,
        tries -> Integer,
        status -> Nullable<Integer>,
        error -> Nullable<Text>,
        tried_at -> Nullable<Timestamptz>,
        next_try_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}
