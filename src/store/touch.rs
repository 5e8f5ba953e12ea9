//! Setting `chats.updated_at`.

diesel::define_sql_function! {
    /// The present time, not the transaction's start: of two transactions, the one that waited for the lock is later.
    fn clock_timestamp() -> Timestamptz;
}

/// Sets `updated_at` of the chats whose keys are given, or selected by a subquery, to the present time. Returns the keys.
macro_rules! touch_chats {
    ($tx:expr, $chat_keys:expr) => {{
        use $crate::store::schema::chats;
        let touched =
            chats::table.filter(chats::org_id.eq($tx.org())).filter(chats::chat_key.eq_any($chat_keys));
        let changed = chats::updated_at.eq($crate::store::touch::clock_timestamp());
        diesel::update(touched).set(changed).returning(chats::chat_key).get_results::<i64>(&mut **$tx)
    }};
}

pub(super) use touch_chats;
