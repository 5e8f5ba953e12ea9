//! The id that ties a caller's answer to our log lines.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header it comes and goes in.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ones are replaced.
const MAX_LENGTH: usize = 128;

/// The caller's own id when it is one that can stand in a log line, else a new one, which the request has from then on.
pub fn ensure(headers: &mut HeaderMap) -> HeaderValue {
    if let Some(id) = headers.get(HEADER).filter(|id| is_sane(id.as_bytes())) {
        return id.clone();
    }
    let id = generate();
    headers.insert(HEADER, id.clone());
    id
}

fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/'))
}

/// 128 random bits in hex.
fn generate() -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bits: u128 = rand::random();
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
        headers.insert(HEADER, HeaderValue::from_str(id).expect("a header value"));
        let id = ensure(&mut headers);
        assert_eq!(headers.get(HEADER), Some(&id));
        id.to_str().expect("text").to_owned()
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
