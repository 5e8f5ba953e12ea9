//! How far an import is: a bar on a terminal, and the counts.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Counts what is done and shows it. Clones show the same.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    imported: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

impl Progress {
    /// For an input of that many bytes.
    pub(super) fn of_bytes(bytes: u64) -> Self {
        let bar = ProgressBar::new(bytes);
        Self::with(bar, "{bar:40} {percent}% {msg}, {eta} left")
    }

    /// For an input whose end is not known.
    pub(super) fn endless() -> Self {
        Self::with(ProgressBar::no_length(), "{spinner} {msg}, {elapsed}")
    }

    fn with(bar: ProgressBar, template: &str) -> Self {
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message("0 events");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, imported: Arc::default(), refused: Arc::default() }
    }

    /// Moves the bar as the file is read.
    pub(super) fn watch(&self, file: File) -> impl Read + Send + use<> {
        self.bar.wrap_read(file)
    }

    /// So many events are stored.
    pub(super) fn imported(&self, events: u64) {
        let imported = self.imported.fetch_add(events, Ordering::Relaxed) + events;
        self.bar.set_message(format!("{imported} events"));
    }

    /// A line was refused.
    pub(super) fn refused(&self, line: u64, reason: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.bar.suspend(|| eprintln!("line {line}: {reason}"));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Events imported, lines refused.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.imported.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}
