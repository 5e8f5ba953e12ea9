//! Progress of an import: a bar on a terminal, the counts, and the rejected lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::rejections::Rejections;
use crate::cli::note::note;
use crate::cli::output::counted;

/// Progress of an import. Clones share it.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    imported: Arc<AtomicU64>,
    rejected: Arc<AtomicU64>,
    rejections: Arc<Mutex<Rejections>>,
}

impl Progress {
    /// For an input of that size.
    pub(super) fn of_bytes(bytes: u64) -> Self {
        Self::new(ProgressBar::new(bytes), "{bar:40} {percent}% {msg}, {eta} left")
    }

    /// For an input of unknown size.
    pub(super) fn of_unknown_size() -> Self {
        Self::new(ProgressBar::no_length(), "{spinner} {msg}, {elapsed}")
    }

    fn new(bar: ProgressBar, template: &str) -> Self {
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(counted(0, "event"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, imported: Arc::default(), rejected: Arc::default(), rejections: Arc::default() }
    }

    /// Moves the bar as the file is read.
    pub(super) fn watch(&self, file: File) -> impl Read + Send + use<> {
        self.bar.wrap_read(file)
    }

    /// Records that a batch starts with that line.
    pub(super) fn begin(&self, first: u64) {
        self.print(|rejections| {
            rejections.begin(first);
            BTreeMap::new()
        });
    }

    /// Records the outcome of the batch that started with that line.
    pub(super) fn end(&self, first: u64, stored: u64, rejected: Vec<(u64, String)>) {
        let imported = self.imported.fetch_add(stored, Ordering::Relaxed) + stored;
        self.bar.set_message(counted(imported, "event"));
        self.rejected.fetch_add(rejected.len() as u64, Ordering::Relaxed);
        self.print(|rejections| {
            rejected.into_iter().for_each(|(line, reason)| rejections.add(line, reason));
            rejections.end(first);
            rejections.take_printable()
        });
    }

    /// Records a line that cannot be read as an event.
    pub(super) fn reject(&self, line: u64, reason: &str) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        self.print(|rejections| {
            rejections.add(line, reason.to_owned());
            rejections.take_printable()
        });
    }

    /// Prints the remaining rejections and removes the bar.
    pub(super) fn finish(&self) {
        self.print(Rejections::take_all);
        self.bar.finish_and_clear();
    }

    /// Prints the returned rejections while the lock is held, so that concurrent ones keep their order.
    fn print(&self, take: impl FnOnce(&mut Rejections) -> BTreeMap<u64, String>) {
        let mut rejections = self.rejections.lock().unwrap_or_else(PoisonError::into_inner);
        let printable = take(&mut rejections);
        if !printable.is_empty() {
            let print =
                || printable.iter().for_each(|(line, reason)| note(format_args!("line {line}: {reason}")));
            self.bar.suspend(print);
        }
    }

    /// Numbers of imported events and rejected lines.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.imported.load(Ordering::Relaxed), self.rejected.load(Ordering::Relaxed))
    }
}
