//! The marks of senders: how far each sender's events are stored.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::caller::{Caller, Principal};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::senders::Advance;
use crate::store::{Connection, Store, StoreResult, senders};

pub use crate::store::senders::Sender;

const MAX_NAME_BYTES: usize = 255;
/// Expired marks that are looked up together.
const BATCH: i64 = 1000;

/// A new stream of the caller's sender of that name; `None` when the name is empty.
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

/// Takes the sender's name over from its previous stream. Returns the last acknowledged sequence number, or 0.
pub async fn open(store: &Store, org: OrgId, sender: Sender) -> Result<i64> {
    store.write(org, move |connection| senders::open(connection, org, &sender)).await
}

/// Moves the sender's mark to `sequence`. Fails when another stream has taken over the name, so that nothing of the old one is
/// stored, and when events up to `acknowledged` were lost in a failover, so that the sender sends them again.
pub(super) fn advance(
    connection: &mut Connection,
    org: OrgId,
    sender: &Sender,
    acknowledged: i64,
    sequence: i64,
) -> StoreResult<()> {
    let error = match senders::advance(connection, org, sender, acknowledged, sequence)? {
        Advance::Done => return Ok(()),
        Advance::OtherStream => {
            Error::new(Kind::Aborted, "another stream has opened under the same sender name")
        }
        Advance::Lost => {
            Error::new(Kind::Unavailable, "acknowledged events were lost in a failover; open another stream")
        }
    };
    Err(error.into())
}

/// Deletes a batch of expired marks. Returns whether there may be more.
pub async fn delete_expired(store: &Store) -> Result<bool> {
    let orgs = store.read(|connection| senders::orgs_with_expired(connection, BATCH)).await?;
    let is_full = i64::try_from(orgs.len()) == Ok(BATCH);
    for org in orgs.into_iter().collect::<BTreeSet<_>>() {
        store.write(org, move |connection| senders::delete_expired(connection, org)).await?;
    }
    Ok(is_full)
}
