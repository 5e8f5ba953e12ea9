//! Conversion between errors and gRPC statuses. REST reads the original error from a status.

use std::sync::Arc;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::call_error::Error;
use super::kind::Kind;

/// The error that a status was made of. REST, which runs in process, reads it.
#[derive(Debug, Clone)]
struct Origin(Arc<Error>);

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Origin {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::new();
        for violation in error.fields() {
            details.add_bad_request_violation(&violation.field, violation.sentence(&violation.field));
        }
        if let Some(required) = error.required() {
            let metadata = [("required".to_owned(), required.to_owned())];
            details.set_error_info("CAPABILITY_REQUIRED", "switchboard", metadata);
        }
        let row = error.kind().row();
        let mut status = Status::with_error_details(row.code, error.message(), details);
        status.set_source(Arc::new(Origin(Arc::new(error))));
        status
    }
}

/// The error that a status was made of. One that passed through a body has that body's errors around it.
fn origin(status: &Status) -> Option<&Origin> {
    let mut sources = std::iter::successors(std::error::Error::source(status), |source| source.source());
    sources.find_map(|source| source.downcast_ref())
}

/// Whether a status was made of an [`Error`]; others are tonic's, and those of connections.
pub fn is_own(status: &Status) -> bool {
    origin(status).is_some()
}

/// The error of a request message that tonic could not read; `None` for every other status.
///
/// tonic reports such a request as INTERNAL or OUT_OF_RANGE, which mean other errors here, and one that breaks off as
/// UNKNOWN with the error of the connection.
pub fn unreadable(status: &Status) -> Option<Error> {
    if is_own(status) {
        return None;
    }
    let source = std::error::Error::source(status);
    if status.code() == Code::Unknown && source.is_some() {
        return Some(Error::new(Kind::Cancelled, "the client broke off the request"));
    }
    if status.code() == Code::OutOfRange {
        return Some(Error::new(Kind::TooLarge, "the message is too large"));
    }
    (status.code() == Code::Internal).then(|| match field_of(status.message()) {
        Some(field) => Error::invalid(field, "cannot be decoded"),
        None => Error::new(Kind::Invalid, "the message cannot be decoded"),
    })
}

/// The path of the field that prost could not decode. Only the message has it, from the inside out:
/// `failed to decode Protobuf message: Chat.assigned_to: UpdateChatRequest.chat: invalid string value: …`
fn field_of(message: &str) -> Option<String> {
    let places = message.strip_prefix("failed to decode Protobuf message: ")?.split(": ");
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_#".contains(&byte));
    let names = places.map_while(|place| {
        let (message, field) = place.split_once('.')?;
        (is_name(message) && is_name(field)).then(|| field.trim_start_matches("r#"))
    });
    let mut names: Vec<&str> = names.collect();
    names.reverse();
    (!names.is_empty()).then(|| names.join("."))
}

/// Passes the error of a status to `look`. A status of tonic itself has an error with its code and message.
pub fn with_origin<T>(status: &Status, look: impl FnOnce(&Error) -> T) -> T {
    match origin(status) {
        Some(origin) => look(&origin.0),
        None => look(&Error::new(Kind::from_code(status.code()), status.message().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undecodable_field_is_named_by_its_path() {
        let field = |cause: &str| field_of(&format!("failed to decode Protobuf message: {cause}"));
        let inside =
            "Chat.assigned_to: UpdateChatRequest.chat: invalid string value: data is not UTF-8 encoded";
        assert_eq!(field(inside).as_deref(), Some("chat.assigned_to"));
        assert_eq!(field("ListSessionChatsRequest.r#type: buffer underflow").as_deref(), Some("type"));
        assert_eq!(field("buffer underflow"), None);
        assert_eq!(field_of("Unexpected EOF decoding stream."), None);
    }

    #[test]
    fn only_decoding_errors_of_tonic_are_replaced() {
        let kind = |status: Status| unreadable(&status).map(|error| error.kind());
        assert_eq!(kind(Status::internal("Missing request message.")), Some(Kind::Invalid));
        assert_eq!(
            kind(Status::out_of_range("Error, decoded message length too large")),
            Some(Kind::TooLarge)
        );
        let broken = Status::from_error(std::io::Error::other("connection reset").into());
        assert_eq!((broken.code(), kind(broken)), (Code::Unknown, Some(Kind::Cancelled)));
        assert_eq!(kind(Status::unimplemented("")), None);
        assert_eq!(kind(Error::internal("a cause").into()), None);
        assert_eq!(kind(Error::new(Kind::Gone, "too old").into()), None);
    }
}
