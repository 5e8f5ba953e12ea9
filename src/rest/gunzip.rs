//! Decompresses requests, which take more memory than they have bytes.

use std::io::Read;

use ::transcode::GunzipError;
use flate2::read::MultiGzDecoder;
use tonic::Status;

use crate::fair_share::{Resource, Unprocessed, refusal};

/// What is decompressed before it is counted.
const PIECE: u64 = 64 * 1024;

/// Decompresses at most `limit` bytes, which count as received instead of the compressed ones.
pub fn gunzip(
    unprocessed: Option<&Unprocessed>,
    compressed: &[u8],
    limit: usize,
) -> Result<Vec<u8>, GunzipError> {
    let mut decoder = MultiGzDecoder::new(compressed);
    let mut plain = Vec::new();
    loop {
        let piece = decoder.by_ref().take(PIECE).read_to_end(&mut plain);
        let piece = piece.map_err(|_| GunzipError::Invalid)?;
        if plain.len() > limit {
            return Err(GunzipError::TooLarge);
        }
        if let Some(unprocessed) = unprocessed {
            let refused = |exhausted| Status::from(refusal(exhausted, Resource::Bytes));
            unprocessed.received(piece).map_err(|exhausted| GunzipError::Refused(refused(exhausted)))?;
        }
        if piece == 0 {
            break;
        }
    }
    if let Some(unprocessed) = unprocessed {
        unprocessed.processed(compressed.len());
    }
    Ok(plain)
}
