//! Signatures of webhooks.

use aws_lc_rs::hmac;

/// Whether the text is the HMAC of the body in hexadecimal digits. Without a key, nothing is signed.
pub(super) fn is_signed(algorithm: hmac::Algorithm, key: &str, body: &[u8], digits: &str) -> bool {
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap_or("-"));
    let bytes: Result<Vec<_>, _> = pairs.map(|pair| u8::from_str_radix(pair, 16)).collect();
    let hmac_key = hmac::Key::new(algorithm, key.as_bytes());
    !key.is_empty() && bytes.is_ok_and(|bytes| hmac::verify(&hmac_key, body, &bytes).is_ok())
}
