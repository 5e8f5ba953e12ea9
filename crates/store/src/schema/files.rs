//! The tables of media files.

diesel::table! {
    media_objects (org_id, sha256) {
        org_id -> Uuid,
        sha256 -> Binary,
        size -> BigInt,
        check_at -> Timestamptz,
        deleting -> Bool,
    }
}

diesel::table! {
    media (org_id, media_id) {
        org_id -> Uuid,
        media_id -> Text,
        session_id -> Text,
        chat_key -> BigInt,
        message_id -> Text,
        from_me -> Bool,
        author -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        locator -> Nullable<Jsonb>,
        mime_type -> Nullable<Text>,
        file_name -> Nullable<Text>,
        size -> Nullable<BigInt>,
        declared_sha256 -> Nullable<Binary>,
        sha256 -> Nullable<Binary>,
        attempts -> Integer,
        due_at -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}
