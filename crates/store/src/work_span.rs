//! Spans and metrics of database work: name, wait for a connection, duration.

use std::any::type_name;
use std::time::Instant;

use opentelemetry::trace::SpanKind;

use switchboard_core::telemetry::current::Current;
use switchboard_core::telemetry::metrics;

/// The path of the function that requests the work, such as `actions::chats::get`, or `store::lanes::open` for one of this crate.
pub fn name_of<F>() -> &'static str {
    let name = type_name::<F>();
    // Without the type arguments of a generic function.
    let name = name.split('<').next().unwrap_or(name);
    name.trim_start_matches("switchboard").trim_start_matches([':', '_']).trim_end_matches("::{{closure}}")
}

/// Records the spans and metrics of one piece of work.
pub(super) struct WorkSpan {
    pub(super) name: &'static str,
    /// The call that the work belongs to.
    pub(super) call: Option<Current>,
}

impl WorkSpan {
    /// Takes a connection, and records the wait since `requested`.
    pub(super) fn wait<T>(&self, requested: Instant, take: impl FnOnce() -> T) -> T {
        let taken = take();
        metrics::connection_acquired(requested.elapsed());
        self.add("wait for the database", requested);
        taken
    }

    /// Runs the work, and records its duration.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let output = match &self.call {
            Some(call) => call.clone().within(work),
            None => work(),
        };
        metrics::worked(self.name, started.elapsed());
        self.add(self.name, started);
        output
    }

    fn add(&self, name: &'static str, since: Instant) {
        if let Some(trace) = self.call.as_ref().and_then(Current::trace) {
            trace.add(name, since, SpanKind::Internal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of_value<F>(_: &F) -> &'static str {
        name_of::<F>()
    }

    fn generic<T: Default>() -> &'static str {
        name_of_value(&|| T::default())
    }

    #[tokio::test]
    async fn work_is_named_after_the_requesting_function() {
        let expected = "store::work_span::tests::work_is_named_after_the_requesting_function";
        assert_eq!(name_of_value(&|| ()), expected);
        assert_eq!(name_of_value(&name_of_value::<()>), "store::work_span::tests::name_of_value");
        assert_eq!(generic::<u8>(), "store::work_span::tests::generic");
    }
}
