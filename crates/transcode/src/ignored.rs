//! Unknown fields of requests: listed in a response header, or rejected.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{FieldViolation, Reason, Rejection};
use crate::json::{self, Json, Reading};

/// The response header that lists ignored fields.
pub(crate) const IGNORED_FIELDS: HeaderName = HeaderName::from_static("x-ignored-fields");

/// The longest value of the header, in bytes.
const MAX_HEADER_BYTES: usize = 1024;

/// Whether unknown fields are errors: `Prefer: handling=strict` (RFC 7240).
pub(crate) fn is_strict(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let mut handling = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("handling").then(|| value.trim().trim_matches('"'))
    });
    // The first of several counts.
    handling.next().is_some_and(|value| value.eq_ignore_ascii_case("strict"))
}

/// Adds the keys of a body that the route does not have.
/// Of a body that is not an object only `body` is added, in a strict request.
pub(crate) fn body(bytes: &[u8], headers: &HeaderMap, ignored: &mut Vec<String>) {
    if bytes.is_empty() {
        return;
    }
    let mut reading = Reading::default();
    let json = std::str::from_utf8(bytes).ok().and_then(|text| Json::parse(text).ok());
    if json.is_some_and(|json| json::whole(&mut (), json, &mut reading).is_ok()) {
        ignored.extend(reading.into_ignored());
    } else if is_strict(headers) {
        ignored.push("body".to_owned());
    }
}

/// The rejection of a strict request with unknown fields.
pub(crate) fn rejection(ignored: Vec<String>) -> Rejection {
    let unknown = |field| FieldViolation { field, problem: "is not known".to_owned(), value: None };
    let fields = ignored.into_iter().map(unknown).collect();
    Rejection { fields, ..Rejection::new(Reason::InvalidArgument, "the request has unknown fields") }
}

/// The header's value: percent-encoded names, joined by commas.
/// Ends with `...` when cut short.
pub(crate) fn header(ignored: &[String]) -> Option<HeaderValue> {
    let mut text = String::new();
    for name in ignored {
        let name = encode(name);
        if text.len() + name.len() + 4 > MAX_HEADER_BYTES {
            text.push_str(",...");
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&name);
    }
    if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() }
}

fn encode(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut encoded, byte| {
        match byte {
            b'!'..=b'~' if byte != b'%' && byte != b',' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}
