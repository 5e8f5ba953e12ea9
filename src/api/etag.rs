//! ETags of resources, and the preconditions `if-match` and `if-none-match` (AIP-154).

use prost::Message;
use tonic::Response;
use tonic::metadata::MetadataMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::actions::Precondition;

/// The strong ETag of a message: a hash of its encoding. Maps are ordered, so equal messages have equal encodings.
fn etag(message: &impl Message) -> String {
    format!("\"{:032x}\"", xxh3_128(&message.encode_to_vec()))
}

/// A response that carries the ETag of its message.
pub(super) fn with_etag<M: Message>(message: M) -> Response<M> {
    let etag = etag(&message).parse().ok();
    let mut response = Response::new(message);
    // Never `None`: hexadecimal digits in quotes are valid metadata.
    etag.and_then(|etag| response.metadata_mut().insert("etag", etag));
    response
}

/// Requires that the resource's ETag is in `if-match` and not in `if-none-match`.
///
/// Weak ETags match too: ours differ from the strong ones only where the transport compressed the body.
pub(super) fn precondition<V: Clone, M: Message>(
    metadata: &MetadataMap,
    to_message: impl Fn(V) -> M + Send + Sync + 'static,
) -> Precondition<V> {
    let (if_match, if_none_match) = (etags(metadata, "if-match"), etags(metadata, "if-none-match"));
    // A resource that does not exist is NOT_FOUND before this is checked: `*` always matches.
    let matches_any = if_match.is_empty() || if_match.iter().any(|etag| etag == "*");
    if matches_any && if_none_match.is_empty() {
        return Precondition::NONE;
    }
    Precondition::new(move |current: &V| {
        let current = etag(&to_message(current.clone()));
        (matches_any || if_match.contains(&current))
            && !if_none_match.iter().any(|etag| etag == "*" || *etag == current)
    })
}

/// The ETags that a header lists; an unreadable list has none that match.
fn etags(metadata: &MetadataMap, name: &str) -> Vec<String> {
    let lists = metadata.get_all(name).iter().map(|list| list.to_str().unwrap_or_default());
    let etags = lists.flat_map(|list| list.split(',')).map(str::trim);
    etags.map(|etag| etag.strip_prefix("W/").unwrap_or(etag).to_owned()).collect()
}
