//! Statements as the operator sees them: what each does and to what, such as `SELECT chat_views`, and how long it took.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use diesel::connection::{DebugQuery, Instrumentation, InstrumentationEvent};
use opentelemetry::trace::SpanKind;

use crate::telemetry::{current, metrics};

/// Times the statements of one connection.
#[derive(Default)]
pub(super) struct Statements {
    begun: Option<Instant>,
    /// What the statements of reads are called. To write one out takes a large part of the time that we have for a read.
    reads: HashMap<Place, Arc<str>>,
}

/// A statement of a read: the read's name, and how many came before.
type Place = (&'static str, u32);

thread_local! {
    /// The next statement of the read that this thread does.
    static READ: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Does work of that name, whose statements are always called the same.
pub(super) fn read<T>(work: &'static str, read: impl FnOnce() -> T) -> T {
    /// Until it is dropped, also when the work panics.
    struct Reading;

    impl Drop for Reading {
        fn drop(&mut self) {
            READ.set(None);
        }
    }

    READ.set(Some((work, 0)));
    let _reading = Reading;
    read()
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            self.begun = Some(Instant::now());
        } else if let InstrumentationEvent::FinishQuery { query, .. } = event
            && let Some(begun) = self.begun.take()
        {
            let name = self.name(query);
            metrics::stated(name.clone(), begun.elapsed());
            if let Some(trace) = current::get().as_ref().and_then(|call| call.trace()) {
                trace.add(name.to_string(), begun, SpanKind::Client);
            }
        }
    }
}

impl Statements {
    fn name(&mut self, query: &dyn DebugQuery) -> Arc<str> {
        let name = || Arc::from(name_of(&sql_of(query)));
        let Some(place @ (work, nth)) = READ.get() else { return name() };
        READ.set(Some((work, nth + 1)));
        let known = self.reads.entry(place).or_insert_with(name);
        debug_assert_eq!(*known, name(), "statement {nth} of {work}");
        known.clone()
    }
}

/// The statement without the values that are bound to it, which are what people wrote.
fn sql_of(query: &dyn DebugQuery) -> String {
    /// Takes what is written first: the statement. Refuses the values after it before they are made into text.
    struct First(String);

    impl Write for First {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if !self.0.is_empty() {
                return Err(fmt::Error);
            }
            self.0.push_str(text);
            Ok(())
        }
    }

    let mut first = First(String::new());
    // It ends with an error where there are values.
    let _ = write!(first, "{query}");
    first.0
}

/// What the statement does, and the table or view that it does it to, if any.
fn name_of(sql: &str) -> String {
    let verb = sql.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    // Others are several at once, and name none.
    let has_table = matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE");
    match table_of(sql).filter(|_| has_table) {
        Some(table) => format!("{verb} {table}"),
        None => verb.to_owned(),
    }
}

/// The first table that is not part of a query within the query, else the first of all.
fn table_of(sql: &str) -> Option<&str> {
    const DELIMITERS: [char; 5] = [' ', '\n', '(', ')', ','];
    let (mut depth, mut inner) = (0, None);
    // The depth at which a table's name comes next.
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
    use crate::store::schema::{chats, labels, sessions};

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
    fn only_what_a_read_runs_is_called_as_its_statement() {
        let mut statements = Statements::default();
        let (of_labels, of_chats) =
            (labels::table.select(labels::name), chats::table.select(chats::chat_key));
        let labels = diesel::debug_query::<diesel::pg::Pg, _>(&of_labels);
        let chats = diesel::debug_query::<diesel::pg::Pg, _>(&of_chats);
        for _ in 0..2 {
            let names = read("labels::list", || [statements.name(&labels), statements.name(&chats)]);
            assert_eq!(names, ["SELECT labels", "SELECT chats"].map(Arc::from));
        }
        assert_eq!(&*statements.name(&chats), "SELECT chats");
        assert!(std::panic::catch_unwind(|| read("labels::list", || panic!("while it reads"))).is_err());
        assert_eq!(&*statements.name(&chats), "SELECT chats");
        assert_eq!(statements.reads.len(), 2);
    }

    #[test]
    fn a_statement_is_named_after_what_it_does_and_to_what() {
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
        assert_eq!(name_of("BEGIN; SET LOCAL switchboard.actor = '00'; SELECT f(1)"), "BEGIN");
        assert_eq!(name_of("SELECT pg_notify($1, $2)"), "SELECT");
        assert_eq!(name_of("COMMIT"), "COMMIT");
    }
}
