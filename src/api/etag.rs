//! ETags: which version of a chat an answer shows, and which one a change is meant for (AIP-154).

use prost::Message;
use tonic::Response;
use tonic::metadata::MetadataMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::actions::Precondition;

/// The strong ETag of a message: what it says, hashed. Maps are ordered, so equal messages have equal encodings.
fn etag(message: &impl Message) -> String {
    format!("\"{:032x}\"", xxh3_128(&message.encode_to_vec()))
}

/// The answer, with its ETag in the metadata.
pub(super) fn versioned<M: Message>(message: M) -> Response<M> {
    let etag = etag(&message).parse().ok();
    let mut response = Response::new(message);
    // An ETag is hexadecimal digits in quotes, which metadata always takes.
    etag.and_then(|etag| response.metadata_mut().insert("etag", etag));
    response
}

/// What `if-match` requires: that the current version is one of those it lists. A weak ETag is never the same version
/// (RFC 9110, 13.1.1), and a list that cannot be read names none.
pub(super) fn if_match<V: Clone, M: Message>(
    metadata: &MetadataMap,
    to_message: impl Fn(V) -> M + Send + 'static,
) -> Precondition<V> {
    let values = metadata.get_all("if-match").iter().map(|value| value.to_str().unwrap_or_default());
    let etags: Vec<String> =
        values.flat_map(|value| value.split(',')).map(|etag| etag.trim().to_owned()).collect();
    // Something that is not there is NOT_FOUND already: whatever is there satisfies `*`.
    if etags.is_empty() || etags.iter().any(|etag| etag == "*") {
        return Precondition::NONE;
    }
    Precondition::new(move |current: &V| etags.contains(&etag(&to_message(current.clone()))))
}
