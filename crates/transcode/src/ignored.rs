//! What a request says that nobody declared: told in a header, or refused when the caller asks for it.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::json::{self, Reader, Reading};
use crate::error::{FieldViolation, Reason, Rejection};

/// The header that names what was ignored.
pub(crate) const IGNORED_FIELDS: HeaderName = HeaderName::from_static("x-ignored-fields");

/// The header is at most this long, in bytes.
const LONGEST: usize = 1024;

/// Whether the caller wants mistakes told rather than ignored: `Prefer: handling=strict` (RFC 7240).
pub(crate) fn is_strict(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let handling = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("handling").then(|| value.trim().trim_matches('"'))
    });
    // The first of several counts.
    handling.take(1).any(|value| value.eq_ignore_ascii_case("strict"))
}

/// Adds what a body says where none is asked for: its names when it is an object. One that is none only those are told of
/// who want mistakes told.
pub(crate) fn body(bytes: &[u8], headers: &HeaderMap, ignored: &mut Vec<String>) {
    if bytes.is_empty() {
        return;
    }
    let mut reading = Reading::default();
    let is_object = std::str::from_utf8(bytes).is_ok_and(|text| {
        let mut json = Reader::from_str(text);
        json::whole(&mut (), &mut json, &mut reading).and_then(|()| json.end()).is_ok()
    });
    if is_object {
        ignored.extend(reading.into_ignored());
    } else if is_strict(headers) {
        ignored.push("body".to_owned());
    }
}

/// The rejection of a request with unknown fields under `handling=strict`.
pub(crate) fn rejection(ignored: Vec<String>) -> Rejection {
    let unknown = |field| FieldViolation { field, problem: "is not known".to_owned(), value: None };
    let fields = ignored.into_iter().map(unknown).collect();
    Rejection {
        fields,
        ..Rejection::new(Reason::InvalidArgument, "the request has fields that are not known")
    }
}

/// The names with commas between them; what a header cannot hold is percent-encoded. Ends with `...` when cut short.
pub(crate) fn header(ignored: &[String]) -> Option<HeaderValue> {
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
