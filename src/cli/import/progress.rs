//! How far an import is: a bar on a terminal, and the counts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::refusals::Refusals;
use crate::cli::output::counted;

/// Counts what is done and shows it. Clones show the same.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    imported: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    refusals: Arc<Mutex<Refusals>>,
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
        bar.set_message(counted(0, "event"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, imported: Arc::default(), refused: Arc::default(), refusals: Arc::default() }
    }

    /// Moves the bar as the file is read.
    pub(super) fn watch(&self, file: File) -> impl Read + Send + use<> {
        self.bar.wrap_read(file)
    }

    /// A batch begins with that line.
    pub(super) fn begin(&self, first: u64) {
        self.tell(|refusals| {
            refusals.begin(first);
            BTreeMap::new()
        });
    }

    /// Of the batch that began with that line so many events are stored, and the others refused.
    pub(super) fn end(&self, first: u64, events: u64, refused: Vec<(u64, String)>) {
        let imported = self.imported.fetch_add(events, Ordering::Relaxed) + events;
        self.bar.set_message(counted(imported, "event"));
        self.refused.fetch_add(refused.len() as u64, Ordering::Relaxed);
        self.tell(|refusals| {
            refused.into_iter().for_each(|(line, reason)| refusals.add(line, reason));
            refusals.end(first);
            refusals.due()
        });
    }

    /// A line was refused before it came into a batch.
    pub(super) fn refused(&self, line: u64, reason: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.tell(|refusals| {
            refusals.add(line, reason.to_owned());
            refusals.due()
        });
    }

    /// Tells what is left to tell, and takes the bar away.
    pub(super) fn finish(&self) {
        self.tell(Refusals::rest);
        self.bar.finish_and_clear();
    }

    /// Tells what there is to tell then, and lets nobody else get in between.
    fn tell(&self, due: impl FnOnce(&mut Refusals) -> BTreeMap<u64, String>) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let due = due(&mut refusals);
        if !due.is_empty() {
            self.bar.suspend(|| due.iter().for_each(|(line, reason)| eprintln!("line {line}: {reason}")));
        }
    }

    /// Events imported, lines refused.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.imported.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}
