//! Work in the database as the operator sees it: under which name, how long it waited, how long it took.

use std::any::type_name;
use std::time::Instant;

use opentelemetry::trace::SpanKind;

use crate::telemetry::current::Current;
use crate::telemetry::metrics;

/// The name of work: of the function that asks for it, such as `actions::chats::get`.
pub fn name_of<F>() -> &'static str {
    let name = type_name::<F>();
    // Without the types that a generic function is used with.
    let name = name.split('<').next().unwrap_or(name);
    name.strip_prefix("switchboard::").unwrap_or(name).trim_end_matches("::{{closure}}")
}

/// Work that is watched.
pub(super) struct Watched {
    pub(super) name: &'static str,
    /// The call it is done for.
    pub(super) call: Option<Current>,
}

impl Watched {
    /// Takes a connection, for which was asked then.
    pub(super) fn wait<T>(&self, asked: Instant, take: impl FnOnce() -> T) -> T {
        let taken = take();
        metrics::waited(asked.elapsed());
        self.add("wait for the database", asked, SpanKind::Internal);
        taken
    }

    /// Does the work.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = match &self.call {
            Some(call) => call.clone().within(work),
            None => work(),
        };
        metrics::worked(self.name, begun.elapsed());
        self.add(self.name, begun, SpanKind::Internal);
        done
    }

    fn add(&self, name: &'static str, since: Instant, kind: SpanKind) {
        if let Some(trace) = self.call.as_ref().and_then(Current::trace) {
            trace.add(name, since, kind);
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
    async fn work_is_named_after_the_function_that_asks_for_it() {
        let expected = "store::watched::tests::work_is_named_after_the_function_that_asks_for_it";
        assert_eq!(name_of_value(&|| ()), expected);
        assert_eq!(name_of_value(&name_of_value::<()>), "store::watched::tests::name_of_value");
        assert_eq!(generic::<u8>(), "store::watched::tests::generic");
    }
}
