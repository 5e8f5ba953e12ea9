//! Parsing on one thread, writing on others. What concerns one chat stays with one writer, so it is stored in the order
//! of the file. What the organization itself is made of comes to an end before anything that may name it begins.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::lines::{Line, Lines};
use super::progress::Progress;
use crate::actions::ingest::{Batch, Event, IngestEvent, SessionScope};
use crate::cli::Failure;
use crate::cli::failure::with_causes;
use crate::ids::OrgId;
use crate::store::Store;

/// More than two gain nothing: the database is the slower side.
const WRITERS: usize = 2;
/// Batches that wait for their writer.
const QUEUE: usize = 2;

/// What a writer is given.
struct Work {
    batch: Batch<u64>,
    /// The first line of the batch; `None` when it is empty.
    first: Option<u64>,
    /// Told when this and everything before it is stored.
    done: Option<oneshot::Sender<()>>,
}

/// Nobody takes work any more: a writer has failed, and tells why.
struct Stopped;

/// Stores every line. Fails when the input cannot be read or the database is gone.
pub(super) async fn run(store: &Store, org: OrgId, lines: Lines, progress: Progress) -> Result<(), Failure> {
    let mut tasks: JoinSet<Result<(), Failure>> = JoinSet::new();
    let mut queues = Vec::with_capacity(WRITERS);
    for _ in 0..WRITERS {
        let (sender, receiver) = mpsc::channel(QUEUE);
        queues.push(sender);
        tasks.spawn(write(store.clone(), org, receiver, progress.clone()));
    }
    tasks.spawn_blocking(move || Reader::new(queues, progress).read(lines));

    // A writer that fails closes its queue, which stops the reader, which ends the others.
    let mut outcome = Ok(());
    while let Some(task) = tasks.join_next().await {
        let ended = task.map_err(|error| Failure::new(error.to_string())).flatten();
        outcome = outcome.and(ended);
    }
    outcome
}

/// Reads and parses all lines and hands them out in batches.
struct Reader {
    queues: Vec<mpsc::Sender<Work>>,
    /// Each with its first line.
    batches: Vec<(Batch<u64>, Option<u64>)>,
    progress: Progress,
    /// Whether the events read last are about the organization itself.
    is_setup: bool,
}

impl Reader {
    fn new(queues: Vec<mpsc::Sender<Work>>, progress: Progress) -> Self {
        let batches = queues.iter().map(|_| Default::default()).collect();
        Self { queues, batches, progress, is_setup: false }
    }

    /// What was read before the input could be read no further is stored, too.
    fn read(mut self, lines: Lines) -> Result<(), Failure> {
        let outcome = self.read_all(lines);
        for writer in 0..self.queues.len() {
            if self.hand_out(writer, None).is_err() {
                break;
            }
        }
        outcome
    }

    fn read_all(&mut self, mut lines: Lines) -> Result<(), Failure> {
        while let Some((number, line)) = lines.next()? {
            let Line::Text(text) = line else {
                self.progress.refused(number, "the line must be at most 1 MiB");
                continue;
            };
            match IngestEvent::from_json(text) {
                Ok(event) => {
                    if self.take(number, event, text.len()).is_err() {
                        return Ok(());
                    }
                }
                Err(error) => self.progress.refused(number, &error.message()),
            }
        }
        Ok(())
    }

    fn take(&mut self, number: u64, event: IngestEvent, bytes: usize) -> Result<(), Stopped> {
        let writer = writer_of(&event);
        if self.is_setup != writer.is_none() {
            self.wait_for_all()?;
            self.is_setup = writer.is_none();
        }
        let writer = writer.unwrap_or_default();
        let (batch, first) = &mut self.batches[writer];
        if first.is_none() {
            *first = Some(number);
            self.progress.begin(number);
        }
        batch.push(number, Ok(event), bytes);
        if batch.is_full() { self.hand_out(writer, None) } else { Ok(()) }
    }

    fn hand_out(&mut self, writer: usize, done: Option<oneshot::Sender<()>>) -> Result<(), Stopped> {
        let (batch, first) = std::mem::take(&mut self.batches[writer]);
        if batch.is_empty() && done.is_none() {
            return Ok(());
        }
        self.queues[writer].blocking_send(Work { batch, first, done }).map_err(|_| Stopped)
    }

    /// Waits until everything that was read is stored.
    fn wait_for_all(&mut self) -> Result<(), Stopped> {
        let mut waiting = Vec::with_capacity(self.queues.len());
        for writer in 0..self.queues.len() {
            let (done, is_done) = oneshot::channel();
            self.hand_out(writer, Some(done))?;
            waiting.push(is_done);
        }
        waiting.into_iter().try_for_each(|is_done| is_done.blocking_recv().map_err(|_| Stopped))
    }
}

/// Stores the batches of one queue.
async fn write(
    store: Store,
    org: OrgId,
    mut queue: mpsc::Receiver<Work>,
    progress: Progress,
) -> Result<(), Failure> {
    while let Some(work) = queue.recv().await {
        let applied = work.batch.apply(&store, &SessionScope::all(org), None).await?;
        let refused = applied.refused.iter().map(|(line, error)| (*line, with_causes(error))).collect();
        if let Some(first) = work.first {
            progress.end(first, applied.stored as u64, refused);
        }
        // A reader that has gone does not wait for it.
        let _ = work.done.map(|done| done.send(()));
    }
    Ok(())
}

/// Which writer an event goes to: by the chat or contact, all of whose spellings share the part before `:` and `@`. None
/// for what the organization itself is made of.
fn writer_of(event: &IngestEvent) -> Option<usize> {
    let address = match &event.event {
        Event::Contact(event) => &event.id,
        Event::Chat(event) => &event.jid,
        Event::Message(event) => &event.chat,
        Event::Receipt(event) => &event.chat,
        Event::Read(event) => &event.chat,
        Event::Unread(event) => &event.chat,
        Event::Inbox(event) => &event.chat,
        Event::Address(event) => &event.jid,
        Event::DeleteMessage(event) => &event.chat,
        Event::Status(_) => &event.session,
        Event::Number(_) | Event::Member(_) | Event::Label(_) | Event::Property(_) => return None,
    };
    let user = address.split([':', '@']).next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    usize::try_from(hasher.finish() % WRITERS as u64).ok()
}
