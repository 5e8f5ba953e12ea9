//! Events that are stored together, each with what its sender calls it.

use super::event::IngestEvent;
use super::{Mark, SessionScope, apply_marked, count};
use crate::error::{Error, Result};
use crate::store::Store;

/// Enough for the cost of a transaction to be shared, and few enough for a batch to be stored in a fraction of a second.
const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Events in the order of their arrival. `T` is what the sender calls one of them: the number of a line, or its own.
#[derive(Debug)]
pub struct Batch<T> {
    tags: Vec<T>,
    events: Vec<IngestEvent>,
    refused: Vec<(T, Error)>,
    bytes: usize,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Applied<T> {
    /// How many events are stored.
    pub stored: usize,
    /// Those that are not, and why.
    pub refused: Vec<(T, Error)>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { tags: Vec::new(), events: Vec::new(), refused: Vec::new(), bytes: 0 }
    }
}

impl<T> Batch<T> {
    /// Adds an event that took so many bytes, or what is wrong with it already.
    pub fn push(&mut self, tag: T, event: Result<IngestEvent>, bytes: usize) {
        match event {
            Ok(event) => {
                self.tags.push(tag);
                self.events.push(event);
                self.bytes += bytes;
            }
            Err(error) => self.refused.push((tag, error)),
        }
    }

    /// Whether it should be stored before more is added.
    pub fn is_full(&self) -> bool {
        self.events.len() + self.refused.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.refused.is_empty()
    }

    /// Stores it, and with it the mark of how far its sender has come. Fails when nothing could be stored at all.
    pub async fn apply(self, store: &Store, reach: &SessionScope, mark: Option<Mark>) -> Result<Applied<T>> {
        // What is no event has no kind.
        count(self.refused.iter().map(|_| ("-", false)));
        let outcomes = apply_marked(store, reach, self.events, mark).await?;
        let mut applied = Applied { stored: 0, refused: self.refused };
        for (tag, outcome) in self.tags.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => applied.stored += 1,
                Err(error) => applied.refused.push((tag, error)),
            }
        }
        Ok(applied)
    }
}
