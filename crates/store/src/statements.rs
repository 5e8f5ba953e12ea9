//! Timing of statements for metrics and traces, under names such as `SELECT chat_views`.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use diesel::connection::{DebugQuery, Instrumentation, InstrumentationEvent};
use opentelemetry::trace::SpanKind;

use switchboard_core::telemetry::{current, metrics};

/// Times the statements of one connection.
#[derive(Default)]
pub(super) struct StatementTimer {
    started: Option<Instant>,
    /// Names of the first statements of frequent reads, by the reads' names. Formatting a statement takes a large part of such
    /// a read's time.
    first_names: HashMap<&'static str, Arc<str>>,
}

thread_local! {
    /// The name of the read that this thread runs, until its first statement has run.
    static BEGUN: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs a read of that name, whose first statement has the same text every time, so that its name is cached.
pub(super) fn named_once<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    /// Resets [`BEGUN`] on drop, also when the work panics.
    struct Reset;

    impl Drop for Reset {
        fn drop(&mut self) {
            BEGUN.set(None);
        }
    }

    BEGUN.set(Some(name));
    let _reset = Reset;
    work()
}

impl Instrumentation for StatementTimer {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            self.started = Some(Instant::now());
        } else if let InstrumentationEvent::FinishQuery { query, .. } = event
            && let Some(started) = self.started.take()
        {
            let name = self.name(query);
            metrics::statement(name.clone(), started.elapsed());
            if let Some(trace) = current::get().as_ref().and_then(|call| call.trace()) {
                trace.add(name.to_string(), started, SpanKind::Client);
            }
        }
    }
}

impl StatementTimer {
    fn name(&mut self, query: &dyn DebugQuery) -> Arc<str> {
        let name = || Arc::from(name_of(&sql_of(query)));
        let Some(read) = BEGUN.take() else { return name() };
        let cached = self.first_names.entry(read).or_insert_with(name);
        debug_assert_eq!(*cached, name(), "first statement of {read}");
        cached.clone()
    }
}

/// The statement's text without its bound values, which are personal data.
fn sql_of(query: &dyn DebugQuery) -> String {
    /// Accepts the first write, the statement, and rejects the values that follow before they are formatted.
    struct FirstWrite(String);

    impl Write for FirstWrite {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if !self.0.is_empty() {
                return Err(fmt::Error);
            }
            self.0.push_str(text);
            Ok(())
        }
    }

    let mut first = FirstWrite(String::new());
    // Returns an error when there are values.
    let _ = write!(first, "{query}");
    first.0
}

/// The statement's verb and its main table or view, if any.
fn name_of(sql: &str) -> String {
    // The settings before it belong to it.
    let sql = if sql.ends_with("COMMIT") { "COMMIT" } else { sql };
    let verb = sql.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    let verb = if verb == "WITH" { "SELECT" } else { verb };
    // Other texts, such as BEGIN, hold several statements.
    let has_table = matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE");
    match table_of(sql).filter(|_| has_table) {
        Some(table) => format!("{verb} {table}"),
        None => verb.to_owned(),
    }
}

/// The first table outside subqueries, otherwise the first of all.
fn table_of(sql: &str) -> Option<&str> {
    const DELIMITERS: [char; 5] = [' ', '\n', '(', ')', ','];
    let (mut depth, mut inner) = (0, None);
    // The parenthesis depth at which a table name follows.
    let mut expected = None;
    for piece in sql.split_inclusive(DELIMITERS) {
        match (piece.trim_end_matches(DELIMITERS), expected) {
            ("FROM" | "INTO" | "UPDATE", _) => expected = Some(depth),
            ("SELECT", _) => expected = None,
            ("", _) | (_, None) => {}
            (name, Some(at)) => {
                expected = None;
                let name = name.split('.').next().unwrap_or(name).trim_matches('"');
                if at == 0 {
                    return Some(name);
                }
                inner = inner.or(Some(name));
            }
        }
        match piece.chars().next_back() {
            Some('(') => depth += 1,
            Some(')') => depth -= 1,
            _ => {}
        }
    }
    inner
}

#[cfg(test)]
mod tests {
    use diesel::dsl::exists;
    use diesel::prelude::*;

    use super::*;
    use crate::schema::{chats, labels, sessions};

    macro_rules! name {
        ($query:expr) => {{
            let query = $query;
            let query = diesel::debug_query::<diesel::pg::Pg, _>(&query);
            let sql = sql_of(&query);
            assert!(!sql.contains("binds"), "{sql}");
            name_of(&sql)
        }};
    }

    #[test]
    fn name_is_cached_for_the_first_statement_of_a_read() {
        let mut timer = StatementTimer::default();
        let (of_labels, of_chats) =
            (labels::table.select(labels::name), chats::table.select(chats::chat_key));
        let labels = diesel::debug_query::<diesel::pg::Pg, _>(&of_labels);
        let chats = diesel::debug_query::<diesel::pg::Pg, _>(&of_chats);
        for _ in 0..2 {
            let names = named_once("labels::list", || [timer.name(&labels), timer.name(&chats)]);
            assert_eq!(names, ["SELECT labels", "SELECT chats"].map(Arc::from));
        }
        assert_eq!(&*timer.name(&chats), "SELECT chats");
        assert!(
            std::panic::catch_unwind(|| named_once("labels::list", || panic!("while it reads"))).is_err()
        );
        assert_eq!(&*timer.name(&chats), "SELECT chats");
        assert_eq!(timer.first_names.len(), 1);
    }

    #[test]
    fn name_is_the_verb_and_the_main_table() {
        let of_session = chats::table.filter(chats::chat_id.eq("15550100001@c.us"));
        let has_name = labels::table.filter(labels::name.eq("FROM names")).select(labels::name);
        assert_eq!(name!(of_session.select(chats::chat_key)), "SELECT chats");
        assert_eq!(name!(diesel::select(exists(has_name))), "SELECT labels");
        let in_column = sessions::table.select((has_name.single_value(), sessions::phone));
        assert_eq!(
            name!(in_column.inner_join(chats::table.on(true.into_sql::<diesel::sql_types::Bool>()))),
            "SELECT sessions"
        );
        assert_eq!(name!(diesel::delete(of_session)), "DELETE chats");
        assert_eq!(name!(diesel::update(labels::table).set(labels::name.eq("vip"))), "UPDATE labels");
        assert_eq!(name!(diesel::insert_into(labels::table).values(labels::name.eq("vip"))), "INSERT labels");
        assert_eq!(name_of("BEGIN; SET LOCAL statement_timeout = 5; SELECT f(1)"), "BEGIN");
        assert_eq!(name_of("SELECT pg_notify($1, $2)"), "SELECT");
        assert_eq!(name_of("SET LOCAL statement_timeout = 0; COMMIT"), "COMMIT");
    }
}
