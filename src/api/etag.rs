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

/// What `if-match` and `if-none-match` require: that the current version is one of those that the first lists, and none of
/// the second's. A list that cannot be read names none. Weak ETags count like strong ones: ours name what is said, and are
/// weak only where it is compressed.
pub(super) fn condition<V: Clone, M: Message>(
    metadata: &MetadataMap,
    to_message: impl Fn(V) -> M + Send + 'static,
) -> Precondition<V> {
    let (wanted, unwanted) = (etags(metadata, "if-match"), etags(metadata, "if-none-match"));
    // Something that is not there is NOT_FOUND already: whatever is there satisfies `*`.
    let wants_any = wanted.is_empty() || wanted.iter().any(|etag| etag == "*");
    if wants_any && unwanted.is_empty() {
        return Precondition::NONE;
    }
    Precondition::new(move |current: &V| {
        let current = etag(&to_message(current.clone()));
        (wants_any || wanted.contains(&current))
            && !unwanted.iter().any(|etag| etag == "*" || *etag == current)
    })
}

/// The ETags that a header lists.
fn etags(metadata: &MetadataMap, name: &str) -> Vec<String> {
    let lists = metadata.get_all(name).iter().map(|list| list.to_str().unwrap_or_default());
    let etags = lists.flat_map(|list| list.split(',')).map(str::trim);
    etags.map(|etag| etag.strip_prefix("W/").unwrap_or(etag).to_owned()).collect()
}
