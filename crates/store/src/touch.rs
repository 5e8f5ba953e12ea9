//! Setting `updated_at`.

use diesel::sql_types::{Text, Timestamp, Timestamptz};

diesel::define_sql_function! {
    /// When the statement began, which a distributed planner accepts in an UPDATE; `clock_timestamp()` it refuses.
    fn statement_timestamp() -> Timestamptz;
}

diesel::define_sql_function! {
    /// The later time.
    fn greatest(one: Timestamptz, other: Timestamptz) -> Timestamptz;
}

diesel::define_sql_function! {
    /// The local time of a time zone.
    #[sql_name = "timezone"]
    fn to_local(zone: Text, at: Timestamptz) -> Timestamp;
}

diesel::define_sql_function! {
    /// The time of a local time in a time zone.
    #[sql_name = "timezone"]
    fn from_local(zone: Text, at: Timestamp) -> Timestamptz;
}

/// The present time as the new value of an `updated_at`, and later than its previous one: of two transactions, the one that
/// waited for the row may have begun its statement first. In UTC, because a distributed planner refuses the sum of a column of
/// type `timestamptz` and an interval, which may depend on the session's time zone.
macro_rules! touched {
    ($updated_at:expr) => {
        $crate::touch::greatest(
            $crate::touch::from_local(
                "UTC",
                $crate::touch::to_local("UTC", $updated_at) + diesel::dsl::IntervalDsl::microsecond(1),
            ),
            $crate::touch::statement_timestamp(),
        )
    };
}

/// Sets `updated_at` of the chats whose keys are given, or selected by a subquery. Returns the keys.
macro_rules! touch_chats {
    ($tx:expr, $chat_keys:expr) => {{
        use $crate::schema::chats;
        let touched =
            chats::table.filter(chats::org_id.eq($tx.org())).filter(chats::chat_key.eq_any($chat_keys));
        let changed = chats::updated_at.eq($crate::touch::touched!(chats::updated_at));
        let update = diesel::update(touched).set(changed).returning(chats::chat_key);
        $crate::prepared::prepared(update).get_results::<i64>(&mut **$tx)
    }};
}

pub(super) use {touch_chats, touched};
