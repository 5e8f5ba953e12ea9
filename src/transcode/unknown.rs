//! What a request says that nobody declared: told in a header, or refused when the caller asks for it.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Kind};

/// The header that names what was ignored.
pub(super) const IGNORED_FIELDS: HeaderName = HeaderName::from_static("x-ignored-fields");

/// The header is at most this long, in bytes.
const LONGEST: usize = 1024;

/// Whether the caller wants mistakes told rather than ignored: `Prefer: handling=strict` (RFC 7240).
pub(super) fn is_strict(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let handling = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("handling").then(|| value.trim().trim_matches('"'))
    });
    // The first of several counts.
    handling.take(1).any(|value| value.eq_ignore_ascii_case("strict"))
}

/// The refusal of a strict request.
pub(super) fn refusal(ignored: Vec<String>) -> Error {
    ignored
        .into_iter()
        .fold(Error::new(Kind::Invalid, "the request has fields that are not known"), |error, name| {
            error.with_field(name, "is not known")
        })
}

/// The names with commas between them; what a header cannot hold is percent-encoded. Ends with `...` when cut short.
pub(super) fn header(ignored: &[String]) -> Option<HeaderValue> {
    let mut text = String::new();
    for name in ignored {
        let name = encode(name);
        if text.len() + name.len() + 4 > LONGEST {
            text.push_str(",...");
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&name);
    }
    HeaderValue::from_str(&text).ok()
}

fn encode(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut encoded, byte| {
        match byte {
            b'%' | b',' => encoded.push_str(&format!("%{byte:02X}")),
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}
