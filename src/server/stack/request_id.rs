//! The id that ties a caller's answer to our log lines.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::types::REQUEST_ID;
use http::{HeaderMap, HeaderValue};
use rand::rngs::{OsRng, StdRng};
use rand::{RngCore, SeedableRng, TryRngCore};

/// Longer ones are replaced.
const MAX_LENGTH: usize = 128;

/// The caller's own id when it is one that can stand in a log line, else a new one, which the request has from then on.
pub fn ensure(headers: &mut HeaderMap) -> HeaderValue {
    if let Some(id) = headers.get(REQUEST_ID).filter(|id| is_sane(id.as_bytes())) {
        return id.clone();
    }
    let id = generate();
    headers.insert(REQUEST_ID, id.clone());
    id
}

fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/'))
}

thread_local! {
    /// Nothing where the system has no random numbers to begin with. `rand::rng` would panic then, which is caught further
    /// in alone: here it would cost the connection.
    static RANDOM: RefCell<Option<StdRng>> = RefCell::new(seeded(OsRng));
}

fn seeded(mut source: impl TryRngCore) -> Option<StdRng> {
    StdRng::try_from_rng(&mut source).ok()
}

/// A new id: 128 bits in hex.
fn generate() -> HeaderValue {
    RANDOM.with_borrow_mut(|random| in_hex(bits(random.as_mut())))
}

/// Random ones; else ones that this process has not had and others will hardly have: the time, and a count.
fn bits(random: Option<&mut StdRng>) -> u128 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (high, low) = match random {
        Some(random) => (random.next_u64(), random.next_u64()),
        None => (since().as_nanos() as u64, COUNT.fetch_add(1, Ordering::Relaxed)),
    };
    u128::from(high) << 64 | u128::from(low)
}

fn in_hex(bits: u128) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut id = [0_u8; 32];
    for (position, digit) in id.iter_mut().enumerate() {
        *digit = DIGITS[(bits >> (4 * position)) as usize & 0xf];
    }
    // Hex digits are always a header value.
    HeaderValue::from_bytes(&id).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ensured(id: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("a header value"));
        let id = ensure(&mut headers);
        assert_eq!(headers.get(REQUEST_ID), Some(&id));
        id.to_str().expect("text").to_owned()
    }

    /// A system without random numbers.
    struct Nothing;

    impl TryRngCore for Nothing {
        type Error = std::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Err(std::fmt::Error)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Err(std::fmt::Error)
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            Err(std::fmt::Error)
        }
    }

    #[test]
    fn new_ids_are_all_different_also_without_random_numbers() {
        for source in [seeded(OsRng), seeded(Nothing)] {
            let mut random = source;
            let ids: std::collections::HashSet<_> = (0..1000).map(|_| bits(random.as_mut())).collect();
            assert_eq!(ids.len(), 1000);
        }
        assert!(seeded(Nothing).is_none());
    }

    #[test]
    fn a_sane_id_is_kept() {
        assert_eq!(ensured("01J-abc_9.x:1/2"), "01J-abc_9.x:1/2");
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_replaced() {
        for id in ["", "a b", "a\"b", "a\tb", &"a".repeat(129)] {
            let replaced = ensured(id);
            assert_eq!(replaced.len(), 32);
            assert!(replaced.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
}
