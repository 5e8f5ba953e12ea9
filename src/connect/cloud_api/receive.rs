//! Checks requests to the inbound endpoint: the verification of the URL, and the signature of webhooks.

use aws_lc_rs::hmac;
use http::StatusCode;
use subtle::ConstantTimeEq;

use super::split::split;
use crate::connect::gateway::{InboundRequest, Received, Refused};
use crate::connect::lenient;
use crate::connect::settings::ConnectionSettings;
use crate::connect::signature::is_signed;

/// The longest challenge of a verification request, in bytes.
const MAX_CHALLENGE: usize = 128;

/// Checks a request.
///
/// # Errors
///
/// It is not signed with the app secret, its token is wrong, or it is no JSON.
pub(super) fn receive(settings: &ConnectionSettings, request: &InboundRequest) -> Result<Received, Refused> {
    let Some(body) = &request.body else { return verify(settings, &request.query) };
    let header = request.headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    let digits = header.and_then(|header| header.strip_prefix("sha256=")).unwrap_or_default();
    if !is_signed(hmac::HMAC_SHA256, settings.webhook_secret.expose(), body, digits) {
        return Err(refused(StatusCode::UNAUTHORIZED, "a wrong signature"));
    }
    let webhook = lenient::webhook(body).ok_or(refused(StatusCode::BAD_REQUEST, "not a JSON object"))?;
    Ok(Received::Events(split(&webhook, &settings.account)))
}

/// Meta asks once whether the URL is meant: the response repeats its challenge.
fn verify(settings: &ConnectionSettings, query: &str) -> Result<Received, Refused> {
    let find = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value)).next()
    };
    let (token, expected) = (find("hub.verify_token").unwrap_or_default(), settings.verify_token.expose());
    if expected.is_empty() || !bool::from(token.as_bytes().ct_eq(expected.as_bytes())) {
        return Err(refused(StatusCode::UNAUTHORIZED, "a wrong verify token"));
    }
    let is_plain = |text: &String| {
        (1..=MAX_CHALLENGE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match (find("hub.mode").as_deref(), find("hub.challenge").filter(is_plain)) {
        (Some("subscribe"), Some(challenge)) => Ok(Received::Challenge(challenge)),
        _ => Err(refused(StatusCode::BAD_REQUEST, "not a verification request")),
    }
}

fn refused(status: StatusCode, reason: &'static str) -> Refused {
    Refused { status, reason }
}

/// The text of a part of a query.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let escape = after.get(..2).filter(|_| *first == b'%').and_then(hex);
        bytes.push(escape.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escape.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
