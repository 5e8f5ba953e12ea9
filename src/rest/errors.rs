//! Describes this service's errors and the transcoder's rejections for REST.

use ::transcode::{ErrorInfo, Options, Reason, Rejection};
use http::HeaderName;

use super::gunzip::gunzip;
use crate::error::{Error, Kind, with_origin};

static RESPONSE_HEADERS: [HeaderName; 1] = [HeaderName::from_static("idempotency-replayed")];

/// The transcoder's settings for this service.
pub fn options(max_body_bytes: usize) -> Options {
    Options {
        max_body_bytes,
        body_limit,
        gunzip: Some(|extensions, body, limit| gunzip(extensions.get(), body, limit)),
        is_reserved: has_word_for_id,
        describe_error: |status| match Rejection::of(status) {
            Some(rejection) => describe(&rejected(rejection)),
            None => with_origin(status, describe),
        },
        request_headers: &["x-phone"],
        response_headers: &RESPONSE_HEADERS,
    }
}

/// Messages with a file may be larger than other requests: 16 MiB in base64.
const MAX_SEND: usize = 24 * 1024 * 1024;

/// The largest request of an RPC, in bytes, where others may have `max_body`.
pub fn body_limit(rpc: &str, max_body: usize) -> usize {
    match rpc {
        "/switchboard.v1.MessageService/SendMessage"
        | "/switchboard.v1.SessionService/SendSessionMessage" => MAX_SEND.max(max_body),
        _ => max_body,
    }
}

/// Whether the path has a word where the chat API has an id: other servers of that API have further routes such as
/// `/v1/chats/notifications` and `/v1/queue/jobs`. Ids of chats and sends contain digits; those of messages may be any text,
/// which counts as a word in lower case.
fn has_word_for_id(path: &str) -> bool {
    let mut segments = path.strip_prefix("/v1/").unwrap_or_default().split('/');
    let (noun, id) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let is_letter = |byte: u8| match noun {
        "chats" => byte.is_ascii_alphabetic() || byte == b'_' || byte == b':',
        "message" | "note" | "queue" => byte.is_ascii_lowercase(),
        _ => false,
    };
    !id.is_empty() && !id.starts_with("note-") && id.bytes().all(|byte| byte == b'-' || is_letter(byte))
}

/// An error as REST responses show it.
pub fn describe(error: &Error) -> ErrorInfo {
    let (kind, row) = (error.kind(), error.kind().row());
    ErrorInfo {
        status: row.status,
        // An override applies to the kind that stands for the code, not to others that share the code.
        override_code: (Kind::from_code(row.code) == kind).then_some(row.code),
        code: row.flat.0.into(),
        name: row.flat.1.into(),
        slug: row.nested.into(),
        message: error.own_message().map(|message| message.to_owned().into()),
        fields: error.fields().to_vec(),
        details: error.required().map(|required| ("required", required.to_owned())).into_iter().collect(),
        shows_request_id: kind == Kind::Internal,
    }
}

/// The error for a request that the transcoder rejected.
fn rejected(rejection: &Rejection) -> Error {
    let kind = match rejection.reason {
        Reason::InvalidArgument => Kind::Invalid,
        Reason::NotFound => Kind::NotFound,
        Reason::MethodNotAllowed => Kind::MethodNotAllowed,
        Reason::PayloadTooLarge => Kind::TooLarge,
        Reason::UnsupportedMediaType => Kind::UnsupportedMedia,
    };
    let fields = rejection.fields.clone();
    match &rejection.message {
        None => Error::invalid_fields(fields),
        Some(message) => fields.into_iter().fold(Error::new(kind, message.clone()), |error, violation| {
            error.with_field(violation.field, violation.problem)
        }),
    }
}
