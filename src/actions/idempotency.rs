//! Writes that are done once, however often they are asked for under one idempotency key.

use std::collections::BTreeMap;

use crate::caller::Actor;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::idempotency::{self, Claim, KeyUse};
use crate::store::{Connection, LockMode, Store, StoreResult, Writer, name_of};

/// How a write that makes a `V` is answered with an `R`: the first time from what it did; under an idempotency key that
/// was used before, from what was kept in the transaction of that first time.
///
/// A write that fails keeps nothing: asking for it again runs it again.
pub struct IdempotentWrite<V, R> {
    actor: Actor,
    keyed: Option<Keyed<R>>,
    answer: Box<dyn Fn(V) -> R + Send>,
}

struct Keyed<R> {
    key_use: KeyUse,
    keep: fn(&R) -> Vec<u8>,
    replay: Replay<R>,
}

type Replay<R> = Box<dyn Fn(&[u8]) -> Result<R> + Send>;

impl<V> IdempotentWrite<V, V> {
    /// Without a key, by an operator, and answered with what the write makes.
    pub fn unkeyed() -> Self {
        Self::answering(Actor::Operator, |made| made)
    }
}

impl<V, R> IdempotentWrite<V, R> {
    /// Without a key: asked for twice, it is done twice.
    pub fn answering(actor: Actor, answer: impl Fn(V) -> R + Send + 'static) -> Self {
        Self { actor, keyed: None, answer: Box::new(answer) }
    }

    /// The same under a key, with how an answer becomes bytes to keep, and how it is made of them again.
    #[must_use]
    pub fn under(
        mut self,
        key_use: KeyUse,
        keep: fn(&R) -> Vec<u8>,
        replay: impl Fn(&[u8]) -> Result<R> + Send + 'static,
    ) -> Self {
        self.keyed = Some(Keyed { key_use, keep, replay: Box::new(replay) });
        self
    }

    /// [`Store::write`], done once.
    pub(super) async fn write<F>(self, store: &Store, org: OrgId, work: F) -> Result<R>
    where
        F: Fn(&mut Connection) -> StoreResult<V> + Send + 'static,
        V: Send + 'static,
        R: Send + 'static,
    {
        let Self { actor, keyed, answer } = self;
        let writer = Writer { org, actor, lock_mode: LockMode::Shared };
        match keyed {
            None => store.write(writer, work).await.map(answer),
            Some(keyed) => {
                let work = move |connection: &mut Connection| keyed.write(connection, org, &answer, &work);
                store.write_named(name_of::<F>(), writer, work).await
            }
        }
    }

    /// A write that turned out to change nothing: one statement that reads. Under a key it is a write all the same, or
    /// the key could be used for something else later.
    pub(super) async fn read<F>(self, store: &Store, org: OrgId, work: F) -> Result<R>
    where
        F: Fn(&mut Connection) -> StoreResult<V> + Send + 'static,
        V: Send + 'static,
        R: Send + 'static,
    {
        if self.keyed.is_some() {
            return self.write(store, org, work).await;
        }
        store.read(work).await.map(self.answer)
    }
}

impl<R> Keyed<R> {
    fn write<V>(
        &self,
        connection: &mut Connection,
        org: OrgId,
        answer: impl Fn(V) -> R,
        work: impl Fn(&mut Connection) -> StoreResult<V>,
    ) -> StoreResult<R> {
        // First, so that whoever asks for the same meanwhile waits here and touches nothing.
        match idempotency::claim(connection, org, &self.key_use)? {
            Claim::Replay(kept) => Ok((self.replay)(&kept)?),
            Claim::Mismatch => Err(taken().into()),
            Claim::New => {
                let answered = answer(work(connection)?);
                idempotency::store_response(connection, org, &self.key_use, &(self.keep)(&answered))?;
                Ok(answered)
            }
        }
    }
}

fn taken() -> Error {
    Error::new(Kind::Aborted, "the idempotency key was used for another request")
}

/// How many expired keys are looked for at a time.
const BATCH: i64 = 1000;

/// Removes a batch of keys that count no more. Says whether there may be others.
pub async fn remove_expired(store: &Store) -> Result<bool> {
    let expired = store.read(|connection| idempotency::expired(connection, BATCH)).await?;
    let is_full = i64::try_from(expired.len()) == Ok(BATCH);
    let mut by_org: BTreeMap<OrgId, Vec<Vec<u8>>> = BTreeMap::new();
    for (org, key) in expired {
        by_org.entry(org).or_default().push(key);
    }
    for (org, keys) in by_org {
        store.write(org, move |connection| idempotency::delete_expired(connection, org, &keys)).await?;
    }
    Ok(is_full)
}
