//! Parses on one thread and writes with several tasks.
//!
//! Events of one chat stay with one writer, so they are stored in the order of the file. Records of the organization are
//! stored before anything that may name them is.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::lines::{Line, Lines};
use super::progress::Progress;
use crate::actions::ingest::{Batch, IngestEvent, SessionScope};
use crate::cli::Failure;
use crate::cli::failure::with_causes;
use crate::ids::ChatAddress;
use crate::pb::ingest_event::Event;
use crate::pb::ingest_json;
use crate::store::Store;

/// More than two gain nothing: the database is the bottleneck.
const WRITERS: usize = 2;
/// Batches that wait for their writer.
const QUEUE: usize = 2;

/// Work of a writer.
struct Work {
    batch: Batch<u64>,
    /// The first line of the batch; `None` when it is empty.
    first: Option<u64>,
    /// Notified when this and all earlier work is stored.
    done: Option<oneshot::Sender<()>>,
}

/// A writer has failed and closed its queue; its task returns the reason.
struct WriterFailed;

/// Stores every line. Fails when the input cannot be read or the database is unavailable.
pub(super) async fn run(
    store: &Store,
    scope: SessionScope,
    lines: Lines,
    progress: Progress,
) -> Result<(), Failure> {
    let mut tasks: JoinSet<Result<(), Failure>> = JoinSet::new();
    let mut queues = Vec::with_capacity(WRITERS);
    for _ in 0..WRITERS {
        let (sender, receiver) = mpsc::channel(QUEUE);
        queues.push(sender);
        tasks.spawn(write(store.clone(), scope.clone(), receiver, progress.clone()));
    }
    tasks.spawn_blocking(move || Reader::new(queues, progress).read(lines));

    // A writer that fails closes its queue, which ends the reader, which ends the other writers.
    let mut outcome = Ok(());
    while let Some(task) = tasks.join_next().await {
        let ended = task.map_err(|error| Failure::new(error.to_string())).flatten();
        outcome = outcome.and(ended);
    }
    outcome
}

/// Parses all lines and distributes them in batches.
struct Reader {
    queues: Vec<mpsc::Sender<Work>>,
    /// Each with its first line.
    batches: Vec<(Batch<u64>, Option<u64>)>,
    progress: Progress,
    /// Whether the previous event was a record of the organization.
    is_setup: bool,
}

impl Reader {
    fn new(queues: Vec<mpsc::Sender<Work>>, progress: Progress) -> Self {
        let batches = queues.iter().map(|_| Default::default()).collect();
        Self { queues, batches, progress, is_setup: false }
    }

    /// Reads all lines. Lines before a read error are stored.
    fn read(mut self, lines: Lines) -> Result<(), Failure> {
        let outcome = self.read_all(lines);
        for writer in 0..self.queues.len() {
            if self.send(writer, None).is_err() {
                break;
            }
        }
        outcome
    }

    fn read_all(&mut self, mut lines: Lines) -> Result<(), Failure> {
        while let Some((number, line)) = lines.next()? {
            let Line::Text(text) = line else {
                self.progress.reject(number, "the line must be at most 1 MiB");
                continue;
            };
            match ingest_json::read(text) {
                Ok(event) => {
                    if self.add(number, event, text.len()).is_err() {
                        return Ok(());
                    }
                }
                Err(violation) => self.progress.reject(number, &violation.sentence(&violation.field)),
            }
        }
        Ok(())
    }

    fn add(&mut self, number: u64, event: IngestEvent, bytes: usize) -> Result<(), WriterFailed> {
        let is_setup = event.event.as_ref().is_some_and(Event::is_setup);
        if self.is_setup != is_setup {
            self.wait_for_all()?;
            self.is_setup = is_setup;
        }
        let writer = if is_setup { 0 } else { writer_of(&event) };
        let (batch, first) = &mut self.batches[writer];
        if first.is_none() {
            *first = Some(number);
            self.progress.begin(number);
        }
        batch.push(number, Ok(event), bytes);
        if batch.is_full() { self.send(writer, None) } else { Ok(()) }
    }

    fn send(&mut self, writer: usize, done: Option<oneshot::Sender<()>>) -> Result<(), WriterFailed> {
        let (batch, first) = std::mem::take(&mut self.batches[writer]);
        if batch.is_empty() && done.is_none() {
            return Ok(());
        }
        self.queues[writer].blocking_send(Work { batch, first, done }).map_err(|_| WriterFailed)
    }

    /// Waits until everything that was read is stored.
    fn wait_for_all(&mut self) -> Result<(), WriterFailed> {
        let mut waiting = Vec::with_capacity(self.queues.len());
        for writer in 0..self.queues.len() {
            let (done, is_done) = oneshot::channel();
            self.send(writer, Some(done))?;
            waiting.push(is_done);
        }
        waiting.into_iter().try_for_each(|is_done| is_done.blocking_recv().map_err(|_| WriterFailed))
    }
}

/// Stores the batches of one queue.
async fn write(
    store: Store,
    scope: SessionScope,
    mut queue: mpsc::Receiver<Work>,
    progress: Progress,
) -> Result<(), Failure> {
    while let Some(work) = queue.recv().await {
        let applied = work.batch.apply(&store, &scope, None).await?;
        let rejected = applied.rejected.iter().map(|(line, error)| (*line, with_causes(error))).collect();
        if let Some(first) = work.first {
            progress.end(first, applied.stored as u64, rejected);
        }
        // The receiver may be gone: the reader has ended.
        let _ = work.done.map(|done| done.send(()));
    }
    Ok(())
}

/// The writer of an event, by its chat or contact, of which all spellings have one.
fn writer_of(event: &IngestEvent) -> usize {
    // Links of one person may contradict each other: then the first one counts.
    if matches!(event.event, Some(Event::Address(_) | Event::Alias(_))) {
        return 0;
    }
    let address = event.event.as_ref().and_then(Event::address).unwrap_or(&event.session);
    let mut hasher = DefaultHasher::new();
    match address.parse::<ChatAddress>() {
        Ok(address) => {
            let other = address.other_spelling();
            other.into_iter().chain([address]).min().hash(&mut hasher);
        }
        Err(_) => address.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % WRITERS as u64).unwrap_or_default()
}
