//! The tables of outgoing commands, sends and webhook deliveries.

diesel::table! {
    commands (org_id, session_id, chat_key, field) {
        org_id -> Uuid,
        session_id -> Text,
        chat_key -> BigInt,
        field -> Text,
        flag -> Bool,
        at -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

diesel::table! {
    sends (org_id, send_id) {
        org_id -> Uuid,
        send_id -> Uuid,
        session_id -> Text,
        address -> Text,
        kind -> Text,
        message_id -> Nullable<Text>,
        from_me -> Bool,
        author -> Text,
        has_own_id -> Bool,
        content -> Jsonb,
        state -> Text,
        reason -> Nullable<Text>,
        attempts -> Integer,
        attempted_by -> Nullable<Text>,
        may_be_sent -> Bool,
        not_before -> Timestamptz,
        created_by -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        is_open -> Bool,
    }
}

diesel::table! {
    connector_leases (org_id, session_id) {
        org_id -> Uuid,
        session_id -> Text,
        holder -> Uuid,
        expires_at -> Timestamptz,
    }
}

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
        positions -> Array<BigInt>,
        failures -> Integer,
        retry_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        failing_since -> Nullable<Timestamptz>,
        disabled_at -> Nullable<Timestamptz>,
        claimant -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_deliveries (org_id, webhook_id, event_id) {
        org_id -> Uuid,
        webhook_id -> Text,
        event_id -> BigInt,
        chat_key -> BigInt,
        state -> Text,
        attempts -> Integer,
        status -> Nullable<Integer>,
        error -> Nullable<Text>,
        attempted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_queues (org_id, webhook_id, chat_key) {
        org_id -> Uuid,
        webhook_id -> Text,
        chat_key -> BigInt,
        due_at -> Timestamptz,
        holder -> Nullable<Uuid>,
    }
}
