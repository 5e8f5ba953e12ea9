//! The views for diesel. A test compares this file with the migrated database.

#![allow(missing_docs)]

diesel::table! {
    chat_views (org_id, chat_key) {
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
        hubspot_metadata -> Jsonb,
        closed_at -> Nullable<Timestamptz>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        member_count -> BigInt,
        assigned_to -> Nullable<Text>,
        org_phones -> Array<Text>,
        members -> Array<Record<(Text, Nullable<Text>, Nullable<Text>, Nullable<Text>, Bool, Bool, Bool)>>,
        common_chats -> Array<Text>,
        labels -> Array<Record<(Text, Text)>>,
        access -> Array<Record<(Text, Bool)>>,
        properties -> Array<Record<(Text, Jsonb)>>,
    }
}

diesel::table! {
    message_views (org_id, session_id, chat_key, message_id) {
        org_id -> Uuid,
        session_id -> Text,
        chat_key -> BigInt,
        message_id -> Text,
        sent_at -> Timestamptz,
        updated_at -> Nullable<Timestamptz>,
        ack -> Nullable<SmallInt>,
        from_me -> Bool,
        sender -> Nullable<Text>,
        #[sql_name = "type"]
        type_ -> Nullable<Text>,
        body -> Nullable<Text>,
        delivery -> Nullable<Jsonb>,
        details -> Jsonb,
        fts -> Nullable<Text>,
        reactions -> Nullable<Jsonb>,
        arrival -> BigInt,
        media -> Nullable<Jsonb>,
        author -> Text,
    }
}

diesel::table! {
    event_views (org_id, bucket, number) {
        org_id -> Uuid,
        bucket -> Integer,
        number -> BigInt,
        event_id -> BigInt,
        at -> Timestamptz,
        chat_key -> BigInt,
        chat_id -> Nullable<Text>,
        session_id -> Nullable<Text>,
        phone -> Nullable<Text>,
        kind -> Text,
        actor -> Text,
        changes -> Jsonb,
        held_by -> Array<Text>,
        claims -> Nullable<Jsonb>,
        label_ids -> Array<Text>,
        assigned_to -> Nullable<Text>,
        hidden_from -> Array<Text>,
        message_id -> Nullable<Text>,
        from_me -> Nullable<Bool>,
        author -> Nullable<Text>,
    }
}
