//! The `idempotency-key` of an RPC: the write runs once, later calls get its stored response.

use std::any::Any;

use prost::{Message, Name};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response};

use super::guard::caller;
use crate::actions::idempotency::{IdempotentWrite, Visible};
use crate::caller::{Actor, Principal};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::pb::{Chat, Redact};
use crate::store::idempotency::KeyUse;

const KEY: &str = "idempotency-key";
/// The longest key, in bytes.
const MAX_KEY: usize = 255;
/// Response metadata that marks a stored response.
const REPLAYED: &str = "idempotency-replayed";
/// Metadata that changes what a request does.
const RELEVANT: [&str; 3] = ["x-phone", "if-match", "if-none-match"];

/// The write of a request, done once per idempotency key of its caller.
///
/// `to_message` makes the response message of the written row, `respond` the response of the message. A key identifies
/// the RPC, the decoded message and the relevant metadata, whichever protocol they came through.
pub(super) fn idempotent<Q, V, M>(
    request: &Request<Q>,
    respond: fn(M) -> Response<M>,
    to_message: impl Fn(V) -> M + Send + 'static,
) -> Result<IdempotentWrite<V, Response<M>>>
where
    Q: Message + Name,
    M: Message + Redact + Clone + Default + 'static,
{
    let principal = &caller(request)?.principal;
    let write =
        IdempotentWrite::answering(Actor::Principal(principal.clone()), move |row| respond(to_message(row)));
    let Some(key) = key(request.metadata())? else { return Ok(write) };
    let key_use = KeyUse { key: key_digest(principal, key), request: request_digest(request) };
    let replay = move |stored: &[u8], visible: &mut Visible<'_>| {
        let mut message = M::decode(stored).map_err(Error::internal)?;
        visible(other_chats(&mut message).unwrap_or(&mut Vec::new()))?;
        let mut response = respond(message);
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
        Ok(response)
    };
    Ok(write.under(key_use, |response| without_secrets(response.get_ref()), replay))
}

/// The addresses of other chats that the message names.
fn other_chats(message: &mut dyn Any) -> Option<&mut Vec<String>> {
    message.downcast_mut::<Chat>().map(|chat| &mut chat.common_chats)
}

/// The message as it is stored.
fn without_secrets<M: Message + Redact + Clone>(message: &M) -> Vec<u8> {
    let mut message = message.clone();
    message.redact();
    message.encode_to_vec()
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
    // No two RPCs share a request message, so its name identifies the RPC. Maps are ordered: equal messages have equal
    // encodings.
    let (name, message) = (Q::full_name(), request.get_ref().encode_to_vec());
    let metadata = RELEVANT.iter().flat_map(|name| {
        let values = request.metadata().get_all(*name).iter();
        values.flat_map(|value| [name.as_bytes(), value.as_bytes()])
    });
    digest([name.as_bytes(), message.as_slice()].into_iter().chain(metadata))
}

/// SHA-256 of the parts, each with its length before it so that boundaries count.
fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::KeyId;

    #[test]
    fn same_key_of_another_caller_is_another_key() {
        let id: KeyId = "abcdefghijkl".parse().unwrap();
        let member = Principal::Member(id.to_string());
        let digests = [
            key_digest(&Principal::ApiKey(id), b"key"),
            key_digest(&member, b"key"),
            key_digest(&member, b"other"),
            key_digest(&Principal::Member("abcdefghijk".to_owned()), b"lkey"),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "{index}");
        }
    }
}
