//! Transactions of ingest. Events that only the database rejects are found by bisection.

use std::sync::Arc;

use super::scope::SessionScope;
use crate::actions::senders::{self, Sender};
use crate::caller::Actor;
use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::store::{LockMode, Store, StoreResult, Transaction, Writer, is_rejection};

/// Rejected events by their index in the batch.
pub(super) type Rejections = Vec<(usize, Error)>;

/// The work of one transaction.
pub(super) type Write<T> = fn(&mut Transaction<'_>, &SessionScope, &[(usize, T)]) -> StoreResult<Rejections>;

/// How far a sender's events are stored.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The sender.
    pub sender: Sender,
    /// The sequence number of the last event that was acknowledged to it.
    pub acknowledged: i64,
    /// The sequence number of its last event.
    pub sequence: i64,
}

/// Writes events in one transaction. When the database rejects it, the events are split until the cause stands alone.
///
/// The sender's mark is written in the same transaction, or after the last one when they were split.
pub(super) async fn write_in_parts<T: Send + Sync + 'static>(
    store: &Store,
    scope: &SessionScope,
    lock_mode: LockMode,
    events: Arc<[(usize, T)]>,
    write: Write<T>,
    mark: Option<Mark>,
) -> Result<Rejections> {
    let whole = 0..events.len();
    let mut unwritten_mark = mark;
    let mut rejections = Rejections::new();
    let mut parts = Vec::from([whole.clone()]);
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        let (range, events_of_part, own_scope) = (part.clone(), Arc::clone(&events), scope.clone());
        let own_mark = unwritten_mark.clone().filter(|_| part == whole);
        let work = move |tx: &mut Transaction<'_>| {
            let rejections = write(tx, &own_scope, &events_of_part[range.clone()])?;
            write_mark(tx, own_scope.org, own_mark.as_ref())?;
            Ok(rejections)
        };
        let writer = Writer { org: scope.org, actor: Actor::Connector, lock_mode };
        match store.write_named("actions::ingest::write_in_parts", writer, work).await {
            Ok(more) => {
                rejections.extend(more);
                unwritten_mark = unwritten_mark.filter(|_| part != whole);
            }
            Err(error) if !is_rejection(&error) => return Err(error),
            Err(error) if part.len() == 1 => rejections.push((events[part.start].0, error)),
            Err(_) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
    if unwritten_mark.is_some() {
        let org = scope.org;
        store.write(org, move |tx| write_mark(tx, org, unwritten_mark.as_ref())).await?;
    }
    Ok(rejections)
}

/// Writes the mark last: a stream that takes over the sender's name waits for its row lock.
fn write_mark(tx: &mut Transaction<'_>, org: OrgId, mark: Option<&Mark>) -> StoreResult<()> {
    let Some(Mark { sender, acknowledged, sequence }) = mark else { return Ok(()) };
    senders::advance(tx, org, sender, *acknowledged, *sequence)
}
