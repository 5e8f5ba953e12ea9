//! Saying of many chats at once that they changed.

/// Says that the chats whose keys a sub-query selects changed now. A macro, since a sub-query's type is as long as it.
macro_rules! touch_chats {
    ($connection:expr, $org:expr, $chat_keys:expr) => {{
        use $crate::store::schema::chats;
        let touched = chats::table.filter(chats::org_id.eq($org)).filter(chats::chat_key.eq_any($chat_keys));
        let changed = chats::updated_at.eq($crate::store::chats::clock_timestamp());
        diesel::update(touched).set(changed).execute($connection)
    }};
}

pub(super) use touch_chats;
