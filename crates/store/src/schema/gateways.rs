//! The tables of connections and of what their gateways sent.

diesel::table! {
    connections (org_id, connection_id) {
        org_id -> Uuid,
        connection_id -> Text,
        session_id -> Text,
        phone -> Text,
        kind -> Text,
        url -> Text,
        account -> Text,
        business_account -> Text,
        secrets -> Binary,
        key_id -> Binary,
        enabled -> Bool,
        sets_webhook -> Bool,
        sync_budget -> Integer,
        sends_per_minute -> Nullable<Integer>,
        revision -> BigInt,
        status -> Text,
        reason -> Text,
        holder -> Nullable<Uuid>,
        lease_expires_at -> Timestamptz,
        last_event_at -> Nullable<Timestamptz>,
        pending_since -> Nullable<Timestamptz>,
        failed_events -> BigInt,
        failed_syncs -> Integer,
        complete_until -> Nullable<Timestamptz>,
        sync_requested_at -> Nullable<Timestamptz>,
        sync_started_at -> Nullable<Timestamptz>,
        sync_finished_at -> Nullable<Timestamptz>,
        sync_progress -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    inbound_events (org_id, connection_id, event_key) {
        org_id -> Uuid,
        connection_id -> Text,
        event_key -> Text,
        arrival -> BigInt,
        chat -> Text,
        body -> Text,
        state -> Text,
        became -> Text,
        error -> Nullable<Text>,
        received_at -> Timestamptz,
        mapped_at -> Nullable<Timestamptz>,
    }
}
