//! Idempotent writes: a repeated idempotency key returns the first response.

use super::retention;
use crate::caller::Actor;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::idempotency::{self, Claim, KeyUse};
use crate::store::{Connection, LockMode, Store, StoreResult, Transaction, Writer, name_of};

/// A write whose output `V` is converted to a response `R`.
///
/// With an idempotency key, the response is stored in the transaction of the write, and later requests return it. A write
/// that fails stores nothing, so repeating it runs it again.
pub struct IdempotentWrite<V, R> {
    actor: Actor,
    keyed: Option<Keyed<R>>,
    answer: Box<dyn Fn(V) -> R + Send>,
}

struct Keyed<R> {
    key_use: KeyUse,
    encode: fn(&R) -> Vec<u8>,
    decode: Decode<R>,
}

type Decode<R> = Box<dyn Fn(&[u8]) -> Result<R> + Send>;

impl<V> IdempotentWrite<V, V> {
    /// A write by an operator, without a key, that returns its output.
    pub fn unkeyed() -> Self {
        Self::answering(Actor::Operator, |output| output)
    }
}

impl<V, R> IdempotentWrite<V, R> {
    /// A write without a key.
    pub fn answering(actor: Actor, answer: impl Fn(V) -> R + Send + 'static) -> Self {
        Self { actor, keyed: None, answer: Box::new(answer) }
    }

    /// Adds an idempotency key, and how a response is stored and restored.
    #[must_use]
    pub fn under(
        mut self,
        key_use: KeyUse,
        encode: fn(&R) -> Vec<u8>,
        decode: impl Fn(&[u8]) -> Result<R> + Send + 'static,
    ) -> Self {
        self.keyed = Some(Keyed { key_use, encode, decode: Box::new(decode) });
        self
    }

    /// Runs the work with [`Store::write`], or returns the stored response.
    pub(super) async fn write<F>(self, store: &Store, org: OrgId, work: F) -> Result<R>
    where
        F: Fn(&mut Transaction<'_>) -> StoreResult<V> + Send + 'static,
        V: Send + 'static,
        R: Send + 'static,
    {
        self.write_named(name_of::<F>(), store, org, work).await
    }

    async fn write_named<F>(self, name: &'static str, store: &Store, org: OrgId, work: F) -> Result<R>
    where
        F: Fn(&mut Transaction<'_>) -> StoreResult<V> + Send + 'static,
        V: Send + 'static,
        R: Send + 'static,
    {
        let Self { actor, keyed, answer } = self;
        let writer = Writer { org, actor, lock_mode: LockMode::Shared };
        match keyed {
            None => store.write_named(name, writer, work).await.map(answer),
            Some(keyed) => {
                let work = move |tx: &mut Transaction<'_>| keyed.write(tx, &answer, &work);
                store.write_named(name, writer, work).await
            }
        }
    }

    /// Runs work that only reads. With a key it is a write, which stores the key.
    pub(super) async fn read<F>(self, store: &Store, org: OrgId, work: F) -> Result<R>
    where
        F: Fn(&mut Connection) -> StoreResult<V> + Send + 'static,
        V: Send + 'static,
        R: Send + 'static,
    {
        if self.keyed.is_some() {
            let work = move |tx: &mut Transaction<'_>| work(tx);
            return self.write_named(name_of::<F>(), store, org, work).await;
        }
        store.read(work).await.map(self.answer)
    }
}

impl<R> Keyed<R> {
    fn write<V>(
        &self,
        tx: &mut Transaction<'_>,
        answer: impl Fn(V) -> R,
        work: impl Fn(&mut Transaction<'_>) -> StoreResult<V>,
    ) -> StoreResult<R> {
        // First, so that a concurrent request with the same key waits here without locking anything else.
        match idempotency::claim(tx, &self.key_use)? {
            Claim::Replay(stored) => Ok((self.decode)(&stored)?),
            Claim::Mismatch => {
                Err(Error::new(Kind::Aborted, "the idempotency key was used for another request").into())
            }
            Claim::New => {
                let response = answer(work(tx)?);
                idempotency::store_response(tx, &self.key_use, &(self.encode)(&response))?;
                Ok(response)
            }
        }
    }
}

/// Removes a batch of expired idempotency keys. Returns whether there may be more.
pub async fn remove_expired(store: &Store) -> Result<bool> {
    let expired = store.read(|connection| idempotency::expired(connection, retention::BATCH)).await?;
    retention::delete(store, expired, idempotency::delete_expired).await
}
