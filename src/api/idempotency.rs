//! The `idempotency-key` of a call: what it stands for, and how an answer is given again.

use prost::{Message, Name};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response};

use super::guard::caller;
use crate::actions::idempotency::IdempotentWrite;
use crate::caller::{Actor, Principal};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::pb::Redact;
use crate::store::idempotency::KeyUse;

const KEY: &str = "idempotency-key";
/// The longest key, in bytes.
const MAX_KEY: usize = 255;
/// Tells an answer that was given before from a new one.
const REPLAYED: &str = "idempotency-replayed";
/// Metadata that changes what a call asks for.
const MEANINGFUL: [&str; 3] = ["x-phone", "if-match", "if-none-match"];

/// The write that a request asks for, to be done once under its idempotency key, and how it is answered: `to_message`
/// of what it made, in a response made by `respond`.
///
/// The key is the caller's own. It stands for the RPC, the message as it was decoded and the metadata that changes its
/// meaning, whichever protocol they came through.
pub(super) fn once<Q, V, M>(
    request: &Request<Q>,
    respond: fn(M) -> Response<M>,
    to_message: impl Fn(V) -> M + Send + 'static,
) -> Result<IdempotentWrite<V, Response<M>>>
where
    Q: Message + Name,
    M: Message + Redact + Clone + Default + 'static,
{
    let principal = &caller(request)?.principal;
    let once = IdempotentWrite::answering(Actor::Principal(principal.clone()), move |made| {
        respond(to_message(made))
    });
    let Some(key) = key(request.metadata())? else { return Ok(once) };
    let key_use = KeyUse { key: key_digest(principal, key), request: request_digest(request) };
    let replay = move |kept: &[u8]| {
        let mut answer = respond(M::decode(kept).map_err(Error::internal)?);
        answer.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
        Ok(answer)
    };
    Ok(once.under(key_use, |answer| kept(answer.get_ref()), replay))
}

/// What is kept of an answer: everything but its secrets, which nobody is told twice.
fn kept<M: Message + Redact + Clone>(answer: &M) -> Vec<u8> {
    let mut answer = answer.clone();
    answer.redact();
    answer.encode_to_vec()
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
    let mut whole = Vec::new();
    for part in parts {
        whole.extend((part.len() as u64).to_be_bytes());
        whole.extend(part);
    }
    sha256(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::KeyId;
    use crate::pb::{DeleteSessionChatRequest, GetSessionChatRequest};

    fn parsed(values: &[&[u8]]) -> Result<Option<Vec<u8>>> {
        let mut metadata = MetadataMap::new();
        for value in values {
            metadata.append(KEY, MetadataValue::try_from(*value).unwrap());
        }
        key(&metadata).map(|key| key.map(<[u8]>::to_vec))
    }

    #[test]
    fn a_key_is_1_to_255_visible_characters_sent_once() {
        assert_eq!(parsed(&[]).unwrap(), None);
        let longest = [b'~'; 255];
        for good in [&b"!"[..], b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", &longest] {
            assert_eq!(parsed(&[good]).unwrap().as_deref(), Some(good));
        }
        for bad in [&[&b""[..]][..], &[&[b'k'; 256]], &[b"a b"], &[b"a\tb"], &[b"\xc3\xa9"], &[b"a", b"a"]] {
            assert_eq!(parsed(bad).unwrap_err().fields()[0].field, KEY, "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_its_callers_own() {
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

    #[test]
    fn a_request_is_its_rpc_its_message_and_the_metadata_that_matters() {
        let (session_id, jid) = ("s".to_owned(), "j".to_owned());
        let delete =
            || Request::new(DeleteSessionChatRequest { session_id: session_id.clone(), jid: jid.clone() });
        let with = |name: &'static str, value: &'static str| {
            let mut request = delete();
            request.metadata_mut().append(name, MetadataValue::from_static(value));
            request_digest(&request)
        };
        let digest = request_digest(&delete());
        assert_eq!(digest, with("prefer", "handling=strict"));
        assert_eq!(digest, with("idempotency-key", "key"));
        let get = Request::new(GetSessionChatRequest { session_id: session_id.clone(), jid: jid.clone() });
        let other =
            Request::new(DeleteSessionChatRequest { session_id: "sj".to_owned(), jid: String::new() });
        assert_ne!(digest, request_digest(&get));
        assert_ne!(digest, request_digest(&other));
        assert_ne!(digest, with("x-phone", "15550100400"));
        assert_ne!(with("x-phone", "*"), with("if-match", "*"));
    }
}
