//! Which answers are worth compressing: JSON of more than a packet, when the client can read it.

use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// Below this many bytes an answer fits a packet anyway.
const WORTH_IT: u64 = 1024;

/// gzip and zstd for REST. gRPC compresses its own messages, and event streams must not wait in a compressor's buffer.
pub fn layer() -> CompressionLayer<impl Predicate> {
    let streams = NotForContentType::const_new("application/x-ndjson");
    let worth_it =
        SizeAbove::new(WORTH_IT).and(NotForContentType::GRPC).and(NotForContentType::SSE).and(streams);
    CompressionLayer::new().gzip(true).zstd(true).compress_when(worth_it)
}
