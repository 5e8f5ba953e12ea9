//! Files in requests: Base64 in JSON, which is encoded while it is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, try_unfold};
use futures_util::{Stream, TryStreamExt};
use guarded_http::RequestBody;
use serde_json::{Value, json};

use crate::connect::gateway::OutgoingFile;
use crate::error::Result;

/// Where the bytes of the file are in the text of a request. The quotation marks are escaped in every value.
const PLACE: &str = r#""data":""#;

/// The file of a request, without its bytes.
pub(super) fn described(mime_type: &str, file_name: Option<&str>) -> Value {
    json!({ "mimetype": mime_type, "filename": file_name.unwrap_or("file"), "data": "" })
}

/// The request with the bytes of its file.
pub(super) fn with_bytes(request: &Value, file: OutgoingFile) -> RequestBody {
    let text = request.to_string();
    let place = text.find(PLACE).map_or(text.len(), |at| at + PLACE.len());
    let (before, after) = text.split_at(place);
    RequestBody::default()
        .bytes(before.to_owned())
        .stream(file.size.div_ceil(3) * 4, encoded(file.bytes))
        .bytes(after.to_owned())
}

/// The bytes in Base64.
fn encoded(bytes: BoxStream<'static, Result<Bytes>>) -> impl Stream<Item = Result<Bytes>> + Send {
    try_unfold(Some((bytes, BytesMut::new())), async |state| {
        let Some((mut bytes, mut rest)) = state else { return Ok(None) };
        Ok(Some(match bytes.try_next().await? {
            Some(piece) => {
                rest.extend_from_slice(&piece);
                let triples = rest.split_to(rest.len() / 3 * 3);
                (STANDARD.encode(triples).into(), Some((bytes, rest)))
            }
            None => (STANDARD.encode(rest).into(), None),
        }))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn pieces_of_any_size_are_encoded_as_one() {
        let bytes: Vec<u8> = (0..=255).collect();
        for size in [1, 2, 3, 4, 7, 256] {
            let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let encoded: Vec<Bytes> = encoded(stream::iter(pieces).boxed()).try_collect().await.unwrap();
            assert_eq!(encoded.concat(), STANDARD.encode(&bytes).as_bytes(), "{size}");
        }
    }
}
