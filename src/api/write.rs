//! The precondition and the idempotent write of RPCs that change or delete a resource.

use prost::{Message, Name};
use tonic::{Request, Response};

use super::etag::{precondition, with_etag};
use super::idempotency::idempotent;
use crate::actions::Precondition;
use crate::actions::idempotency::IdempotentWrite;
use crate::error::Result;
use crate::pb::Redact;

/// The precondition of a change, and its write that returns `R`.
type Change<V, W, R> = (Precondition<V>, IdempotentWrite<W, Response<R>>);

/// For an RPC that changes a resource and returns it with its new ETag.
pub(super) fn update<Q, V, M>(
    request: &Request<Q>,
    to_message: impl Fn(V) -> M + Clone + Send + Sync + 'static,
) -> Result<Change<V, V, M>>
where
    Q: Message + Name,
    V: Clone,
    M: Message + Redact + Clone + Default + 'static,
{
    Ok((precondition(request.metadata(), to_message.clone()), idempotent(request, with_etag, to_message)?))
}

/// For an RPC that deletes a resource and returns nothing.
pub(super) fn deletion<Q, V, M>(
    request: &Request<Q>,
    to_message: impl Fn(V) -> M + Send + Sync + 'static,
) -> Result<Change<V, (), ()>>
where
    Q: Message + Name,
    V: Clone,
    M: Message,
{
    Ok((precondition(request.metadata(), to_message), idempotent(request, Response::new, |()| ())?))
}
