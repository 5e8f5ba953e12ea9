//! The `idempotency-key` of a call: what it stands for, and how an answer is given again.

use prost::{Message, Name};
use sha2::{Digest, Sha256};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response};

use super::guard::caller;
use crate::actions::idempotency::Once;
use crate::caller::Principal;
use crate::error::{Error, Result};
use crate::store::idempotency::KeyUse;

const KEY: &str = "idempotency-key";
/// The longest key, in bytes.
const MAX_KEY: usize = 255;
/// Tells an answer that was given before from a new one.
const REPLAYED: &str = "idempotency-replayed";
/// Metadata that changes what a call asks for.
const MEANINGFUL: [&str; 2] = ["x-phone", "if-match"];

/// The write that a request asks for, to be done once under its idempotency key, and how it is answered: `to_message`
/// of what it made, in a response made by `respond`.
///
/// The key is the caller's own. It stands for the RPC, the message as it was decoded and the metadata that changes its
/// meaning, whichever door they came through.
pub(super) fn once<Q, V, M>(
    request: &Request<Q>,
    respond: fn(M) -> Response<M>,
    to_message: impl Fn(V) -> M + Send + 'static,
) -> Result<Once<V, Response<M>>>
where
    Q: Message + Name,
    M: Message + Default + 'static,
{
    let once = Once::answering(move |made| respond(to_message(made)));
    let Some(key) = key(request.metadata())? else { return Ok(once) };
    let key_use =
        KeyUse { key: key_digest(&caller(request)?.principal, key), request: request_digest(request) };
    let replay = move |kept: &[u8]| {
        let mut answer = respond(M::decode(kept).map_err(Error::internal)?);
        answer.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
        Ok(answer)
    };
    Ok(once.under(key_use, |answer| answer.get_ref().encode_to_vec(), replay))
}

fn key(metadata: &MetadataMap) -> Result<Option<&[u8]>> {
    let mut values = metadata.get_all(KEY).iter();
    match (values.next().map(MetadataValue::as_bytes), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Error::invalid(KEY, "must be sent once")),
        (Some(key), None) if (1..=MAX_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) => {
            Ok(Some(key))
        }
        (Some(_), None) => {
            Err(Error::invalid(KEY, format_args!("must be 1 to {MAX_KEY} visible ASCII characters")))
        }
    }
}

fn key_digest(principal: &Principal, key: &[u8]) -> [u8; 32] {
    let (kind, id) = match principal {
        Principal::Member(subject) => ("member", subject.as_str()),
        Principal::ApiKey(id) => ("key", id.as_str()),
    };
    digest([kind.as_bytes(), id.as_bytes(), key])
}

fn request_digest<Q: Message + Name>(request: &Request<Q>) -> [u8; 32] {
    // Each RPC has a request message of its own, so that its name stands for the RPC. Maps are ordered: equal messages
    // have equal encodings.
    let (name, message) = (Q::full_name(), request.get_ref().encode_to_vec());
    let metadata = MEANINGFUL.iter().flat_map(|name| {
        let values = request.metadata().get_all(*name).iter();
        values.flat_map(|value| [name.as_bytes(), value.as_bytes()])
    });
    digest([name.as_bytes(), message.as_slice()].into_iter().chain(metadata))
}

/// SHA-256 of the parts; where one ends and the next begins counts.
fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
