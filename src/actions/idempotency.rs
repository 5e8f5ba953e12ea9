//! Idempotent writes: a repeated idempotency key returns the first response.

use std::collections::BTreeSet;

use super::retention;
use crate::caller::{Actor, Caller};
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, OrgId};
use crate::store::idempotency::{self, Claim, KeyUse};
use crate::store::{Connection, LockMode, Store, StoreResult, Transaction, Writer, chat_access, name_of};

/// A write whose output `V` is converted to a response `R`.
///
/// With an idempotency key, the response is stored in the transaction of the write, and later requests return it. A write
/// that fails stores nothing, so repeating it runs it again.
pub struct IdempotentWrite<V, R> {
    actor: Actor,
    keyed: Option<Keyed<R>>,
    answer: Box<dyn Fn(V) -> R + Send>,
    recheck: Option<Recheck>,
}

struct Keyed<R> {
    key_use: KeyUse,
    encode: fn(&R) -> Vec<u8>,
    decode: Decode<R>,
}

/// Restores a response. The function gets the addresses of the other chats that it names.
type Decode<R> = Box<dyn Fn(&[u8], &mut Visible<'_>) -> StoreResult<R> + Send>;

/// Fails when the caller may not see the response any more, and removes the chats that the caller may not see.
pub type Visible<'t> = dyn FnMut(&mut Vec<String>) -> StoreResult<()> + 't;
type Recheck = Box<dyn Fn(&mut Transaction<'_>, &mut Vec<String>) -> StoreResult<()> + Send>;

impl<V> IdempotentWrite<V, V> {
    /// A write by an operator, without a key, that returns its output.
    pub fn unkeyed() -> Self {
        Self::answering(Actor::Operator, |output| output)
    }
}

impl<V, R> IdempotentWrite<V, R> {
    /// A write without a key.
    pub fn answering(actor: Actor, answer: impl Fn(V) -> R + Send + 'static) -> Self {
        Self { actor, keyed: None, answer: Box::new(answer), recheck: None }
    }

    /// Adds an idempotency key, and how a response is stored and restored.
    #[must_use]
    pub fn under(
        mut self,
        key_use: KeyUse,
        encode: fn(&R) -> Vec<u8>,
        decode: impl Fn(&[u8], &mut Visible<'_>) -> StoreResult<R> + Send + 'static,
    ) -> Self {
        self.keyed = Some(Keyed { key_use, encode, decode: Box::new(decode) });
        self
    }

    /// The use of the idempotency key, if there is one.
    pub fn key_use(&self) -> Option<KeyUse> {
        self.keyed.as_ref().map(|keyed| keyed.key_use)
    }

    /// What must hold before a stored response is returned, since the caller may see less by now. What the write deleted is
    /// missing and must not fail.
    #[must_use]
    pub(super) fn rechecked(
        mut self,
        recheck: impl Fn(&mut Transaction<'_>, &mut Vec<String>) -> StoreResult<()> + Send + 'static,
    ) -> Self {
        self.recheck = Some(Box::new(recheck));
        self
    }

    /// The write is about a chat: its stored response is not returned once the chat is hidden from the caller.
    #[must_use]
    pub(super) fn about(self, caller: &Caller, chat: &ChatAddress, missing: fn() -> Error) -> Self {
        let (org, viewer, chat) = (caller.org, caller.viewer(), chat.clone());
        self.rechecked(move |tx, others| {
            let Some(viewer) = viewer.as_deref() else { return Ok(()) };
            if chat_access::hides(tx, org, Some(&chat), Some(viewer))? {
                return Err(missing().into());
            }
            let named: BTreeSet<&str> = others.iter().map(String::as_str).collect();
            if !named.is_empty() {
                let hidden = chat_access::hidden_among(tx, org, &named, viewer)?;
                others.retain(|chat| !hidden.contains(chat));
            }
            Ok(())
        })
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

    /// A writer of the same actor.
    pub(super) fn writer(&self, org: OrgId) -> Writer {
        Writer { org, actor: self.actor.clone(), lock_mode: LockMode::Shared }
    }

    async fn write_named<F>(self, name: &'static str, store: &Store, org: OrgId, work: F) -> Result<R>
    where
        F: Fn(&mut Transaction<'_>) -> StoreResult<V> + Send + 'static,
        V: Send + 'static,
        R: Send + 'static,
    {
        let writer = self.writer(org);
        let Self { keyed, answer, recheck, .. } = self;
        match keyed {
            None => store.write_named(name, writer, work).await.map(answer),
            Some(keyed) => {
                let work = move |tx: &mut Transaction<'_>| keyed.write(tx, &answer, &work, recheck.as_ref());
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
        recheck: Option<&Recheck>,
    ) -> StoreResult<R> {
        // First, so that a concurrent request with the same key waits here without locking anything else.
        match idempotency::claim(tx, &self.key_use)? {
            Claim::Replay(stored) => {
                let visible =
                    &mut |others: &mut Vec<String>| recheck.map_or(Ok(()), |recheck| recheck(tx, others));
                (self.decode)(&stored, visible)
            }
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

/// Does parts of a write, each in a transaction of its own, until one returns that it had nothing to do. Parts of a write whose key is
/// used are not done.
pub(super) async fn write_parts<F>(
    store: &Store,
    writer: Writer,
    key_use: Option<KeyUse>,
    part: F,
) -> Result<()>
where
    F: Fn(&mut Transaction<'_>) -> StoreResult<bool> + Clone + Send + 'static,
{
    let org = writer.org;
    let part = move |tx: &mut Transaction<'_>| match key_use {
        Some(key_use) if idempotency::is_used(tx, org, &key_use)? => Ok(false),
        Some(_) | None => part(tx),
    };
    while store.write_named(name_of::<F>(), writer.clone(), part.clone()).await? {}
    Ok(())
}

/// Removes a batch of expired idempotency keys. Returns whether there may be more.
pub async fn remove_expired(store: &Store) -> Result<bool> {
    let expired = store.read(|connection| idempotency::expired(connection, retention::BATCH)).await?;
    retention::delete(store, expired, idempotency::delete_expired).await
}
