//! How far each sender of events has come.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::caller::{Caller, Principal};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::{Connection, Store, StoreResult, senders};

pub use crate::store::senders::Sender;

const MAX_NAME_BYTES: usize = 255;

/// The caller's sender of that name with a new stream; `None` when it has none.
pub fn named(caller: &Caller, name: String) -> Result<Option<Sender>> {
    if name.is_empty() {
        return Ok(None);
    }
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let problem = format_args!("must be at most {MAX_NAME_BYTES} bytes without control characters");
        return Err(Error::invalid("open.sender", problem));
    }
    let principal = match &caller.principal {
        Principal::Member(subject) => format!("member:{subject}"),
        Principal::ApiKey(id) => format!("key:{id}"),
    };
    Ok(Some(Sender { principal, name, stream: Uuid::now_v7() }))
}

/// Takes the sender's name over from the stream that had it. Answers the sequence number that was acknowledged last under
/// it; 0 when there is none.
pub async fn open(store: &Store, org: OrgId, sender: Sender) -> Result<i64> {
    store.write(org, move |connection| senders::open(connection, org, &sender)).await
}

/// Writes down how far the sender has come. What a stream was still storing when another one took over its name is not
/// stored: the other one was told that it is not, and sends it again.
pub(super) fn advance(
    connection: &mut Connection,
    org: OrgId,
    sender: &Sender,
    sequence: i64,
) -> StoreResult<()> {
    if senders::advance(connection, org, sender, sequence)? {
        return Ok(());
    }
    Err(Error::new(Kind::Aborted, "another stream has opened as the same sender").into())
}

/// How many forgotten senders are looked for at a time.
const BATCH: i64 = 1000;

/// Removes a batch of senders that have not been heard of for long. Says whether there may be others.
pub async fn remove_forgotten(store: &Store) -> Result<bool> {
    let orgs = store.read(|connection| senders::orgs_with_forgotten(connection, BATCH)).await?;
    let is_full = i64::try_from(orgs.len()) == Ok(BATCH);
    for org in orgs.into_iter().collect::<BTreeSet<_>>() {
        store.write(org, move |connection| senders::delete_forgotten(connection, org)).await?;
    }
    Ok(is_full)
}
