//! Parsing on one thread, writing on others. What concerns one chat stays with one writer, so it is stored in the order
//! of the file.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::lines::{Line, Lines};
use super::progress::Progress;
use crate::actions::ingest::{Batch, Event, IngestEvent, Reach};
use crate::cli::Failure;
use crate::error::Error;
use crate::ids::OrgId;
use crate::store::Store;

/// More than two gain nothing: the database is the slower side.
const WRITERS: usize = 2;
/// Batches that wait for their writer.
const QUEUE: usize = 2;

/// Stores every line. Fails when the input cannot be read or the database is gone.
pub(super) async fn run(store: &Store, org: OrgId, lines: Lines, progress: Progress) -> Result<(), Failure> {
    let mut tasks: JoinSet<Result<(), Failure>> = JoinSet::new();
    let mut queues = Vec::with_capacity(WRITERS);
    for _ in 0..WRITERS {
        let (sender, receiver) = mpsc::channel(QUEUE);
        queues.push(sender);
        tasks.spawn(write(store.clone(), org, receiver, progress.clone()));
    }
    tasks.spawn_blocking(move || read(lines, &queues, &progress));

    // A writer that fails closes its queue, which stops the reader, which ends the others.
    let mut outcome = Ok(());
    while let Some(task) = tasks.join_next().await {
        let ended = task.map_err(|error| Failure::new(error.to_string())).flatten();
        outcome = outcome.and(ended);
    }
    outcome
}

/// Reads and parses all lines and hands them out in batches.
fn read(mut lines: Lines, queues: &[mpsc::Sender<Batch<u64>>], progress: &Progress) -> Result<(), Failure> {
    let mut batches: Vec<Batch<u64>> = queues.iter().map(|_| Batch::default()).collect();
    while let Some((number, line)) = lines.next()? {
        let Line::Text(text) = line else {
            progress.refused(number, "the line must be at most 1 MiB");
            continue;
        };
        match IngestEvent::from_json(text) {
            Ok(event) => {
                let writer = writer_of(&event);
                let batch = &mut batches[writer];
                batch.push(number, Ok(event), text.len());
                if batch.is_full() && queues[writer].blocking_send(std::mem::take(batch)).is_err() {
                    return Ok(());
                }
            }
            Err(error) => progress.refused(number, &error.message()),
        }
    }
    for (queue, batch) in queues.iter().zip(batches) {
        if !batch.is_empty() && queue.blocking_send(batch).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Stores the batches of one queue.
async fn write(
    store: Store,
    org: OrgId,
    mut queue: mpsc::Receiver<Batch<u64>>,
    progress: Progress,
) -> Result<(), Failure> {
    while let Some(batch) = queue.recv().await {
        let applied = batch.apply(&store, &Reach::all(org), None).await?;
        for (line, error) in applied.refused {
            progress.refused(line, &reason(error));
        }
        progress.imported(applied.stored as u64);
    }
    Ok(())
}

fn reason(error: Error) -> String {
    match Failure::from(error) {
        Failure::Failed(reason) => reason,
        Failure::Configuration(reasons) => reasons.join("; "),
    }
}

/// Which writer an event goes to: by the chat or contact, all of whose spellings share the part before `:` and `@`.
fn writer_of(event: &IngestEvent) -> usize {
    let address = match &event.event {
        Event::Contact(event) => &event.id,
        Event::Chat(event) => &event.jid,
        Event::Message(event) => &event.chat,
        Event::Receipt(event) => &event.chat,
        Event::Read(event) => &event.chat,
        Event::Address(event) => &event.jid,
        Event::DeleteMessage(event) => &event.chat,
        Event::Status(_) => &event.session,
    };
    let user = address.split([':', '@']).next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    usize::try_from(hasher.finish() % WRITERS as u64).unwrap_or_default()
}
