//! The errors of calls, and how each protocol reports them.

mod status;

pub use status::{unreadable, with_origin};

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use tonic::Code;

/// The kind of an error. [`Kind::row`] has the codes of every protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is not valid; nothing was changed.
    Invalid,
    /// The token is missing or invalid.
    Unauthenticated,
    /// The token lacks the capability.
    Forbidden,
    /// It does not exist, or belongs to another organization.
    NotFound,
    /// The path has no route for the HTTP method.
    MethodNotAllowed,
    /// The resource already exists.
    Conflict,
    /// Another call interfered.
    Aborted,
    /// The state of the resource does not allow the call.
    FailedPrecondition,
    /// `If-Match` does not match the current ETag.
    VersionMismatch,
    /// The resume token is older than the retained events.
    Gone,
    /// The body is too large.
    TooLarge,
    /// The media type of the body is not supported.
    UnsupportedMedia,
    /// The rate limit is exceeded.
    RateLimited,
    /// The server is overloaded; the call was not started.
    Overloaded,
    /// The client cancelled the call.
    Cancelled,
    /// The method does not exist.
    Unimplemented,
    /// A defect of the server. The cause is logged and not sent.
    Internal,
    /// A dependency is unavailable.
    Unavailable,
    /// The deadline of the call is exceeded.
    DeadlineExceeded,
}

/// The codes of a [`Kind`] in each protocol.
pub struct Row {
    /// gRPC and gRPC-Web.
    pub code: Code,
    /// REST, by the standard mapping; a dialect may override it for each gRPC code.
    pub status: StatusCode,
    /// `code` and `name` of the flat envelope.
    pub flat: (&'static str, &'static str),
    /// `code` of the nested envelope.
    pub nested: &'static str,
}

impl Kind {
    /// All kinds. Of kinds with the same gRPC code, the first is the result of [`Kind::from_code`].
    pub const ALL: [Self; 19] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Aborted,
        Self::FailedPrecondition,
        Self::Gone,
        Self::RateLimited,
        Self::Cancelled,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::MethodNotAllowed,
        Self::VersionMismatch,
        Self::TooLarge,
        Self::Overloaded,
        Self::UnsupportedMedia,
    ];

    /// The codes of the kind.
    #[rustfmt::skip]
    pub const fn row(self) -> Row {
        const fn row(
            code: Code, status: StatusCode, flat: (&'static str, &'static str), nested: &'static str,
        ) -> Row {
            Row { code, status, flat, nested }
        }
        const VALIDATION: (&str, &str) = ("VALIDATION_ERROR", "Validation Error");
        const GONE: (&str, &str) = ("GONE_ERROR", "Gone");
        const CONFLICT: (&str, &str) = ("CONFLICT_ERROR", "Conflict");
        const BODY: (&str, &str) = ("UNSUPPORTED_BODY_ERROR", "Unsupported Body");
        const UNAVAILABLE: (&str, &str) = ("UNAVAILABLE_ERROR", "Unavailable");
        const METHOD: (&str, &str) = ("METHOD_NOT_ALLOWED_ERROR", "Method Not Allowed");
        match self {
            Self::Invalid            => row(Code::InvalidArgument, StatusCode::BAD_REQUEST, VALIDATION, "validation_error"),
            Self::Unauthenticated    => row(Code::Unauthenticated, StatusCode::UNAUTHORIZED, ("UNAUTHORIZED_ERROR", "Unauthorized"), "unauthorized"),
            Self::Forbidden          => row(Code::PermissionDenied, StatusCode::FORBIDDEN, ("FORBIDDEN_ERROR", "Forbidden"), "forbidden"),
            Self::NotFound           => row(Code::NotFound, StatusCode::NOT_FOUND, ("NOT_FOUND_ERROR", "Not Found"), "not_found"),
            Self::MethodNotAllowed   => row(Code::Unimplemented, StatusCode::METHOD_NOT_ALLOWED, METHOD, "method_not_allowed"),
            Self::Conflict           => row(Code::AlreadyExists, StatusCode::CONFLICT, CONFLICT, "conflict"),
            Self::Aborted            => row(Code::Aborted, StatusCode::CONFLICT, CONFLICT, "conflict"),
            Self::FailedPrecondition => row(Code::FailedPrecondition, StatusCode::CONFLICT, CONFLICT, "conflict"),
            Self::VersionMismatch    => row(Code::Aborted, StatusCode::PRECONDITION_FAILED, CONFLICT, "precondition_failed"),
            Self::Gone               => row(Code::OutOfRange, StatusCode::GONE, GONE, "gone"),
            Self::TooLarge           => row(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, BODY, "payload_too_large"),
            Self::UnsupportedMedia   => row(Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE, BODY, "unsupported_media_type"),
            Self::RateLimited        => row(Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS, ("RATE_LIMIT_ERROR", "Too Many Requests"), "rate_limited"),
            Self::Overloaded         => row(Code::ResourceExhausted, StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, "unavailable"),
            Self::Cancelled          => row(Code::Cancelled, StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, "unavailable"),
            Self::Unimplemented      => row(Code::Unimplemented, StatusCode::NOT_IMPLEMENTED, METHOD, "unimplemented"),
            Self::Internal           => row(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, ("UNKNOWN_ERROR", "Internal Error"), "internal"),
            Self::Unavailable        => row(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, "unavailable"),
            Self::DeadlineExceeded   => row(Code::DeadlineExceeded, StatusCode::GATEWAY_TIMEOUT, UNAVAILABLE, "deadline_exceeded"),
        }
    }

    /// The kind of a gRPC code.
    pub fn from_code(code: Code) -> Self {
        Self::ALL.into_iter().find(|kind| kind.row().code == code).unwrap_or(Self::Internal)
    }
}

/// An invalid field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field as the proto spells it, such as `custom_properties.Colour`. A REST dialect may use another spelling.
    pub field: String,
    /// The problem, to follow the name of the field: `must be …`.
    pub problem: String,
    /// The value that was sent, if it is a number out of range.
    pub value: Option<i64>,
}

impl FieldViolation {
    /// A violation; the problem follows the name of the field: `must be …`.
    pub fn new(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { field: field.into(), problem: problem.to_string(), value: None }
    }

    /// A violation by a number out of range.
    pub fn out_of_range(field: impl Into<String>, problem: impl fmt::Display, value: i64) -> Self {
        Self { value: Some(value), ..Self::new(field, problem) }
    }

    /// The sentence about the field, in a dialect's spelling.
    pub fn sentence(&self, field: &str) -> String {
        format!("{field} {}", self.problem)
    }
}

/// The error of a call. The client gets all but the source, which is logged.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    /// `None` when the first field's sentence is the message.
    message: Option<Cow<'static, str>>,
    fields: Vec<FieldViolation>,
    required: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of actions and of everything below them.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a message for the client.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: Some(message.into()), fields: Vec::new(), required: None, source: None }
    }

    /// One field is invalid. The problem follows the name of the field: `must be …`.
    pub fn invalid(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::invalid_fields(vec![FieldViolation::new(field, problem)])
    }

    /// Several fields are invalid. The sentence about the first one is the message.
    pub fn invalid_fields(fields: Vec<FieldViolation>) -> Self {
        Self { kind: Kind::Invalid, message: None, fields, required: None, source: None }
    }

    /// The resource does not exist or belongs to another organization, which the client cannot distinguish.
    pub fn not_found(message: &'static str) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// The caller lacks that capability.
    pub fn forbidden(required: &'static str) -> Self {
        let message = format!("the token lacks the capability `{required}`");
        Self { required: Some(required), ..Self::new(Kind::Forbidden, message) }
    }

    /// A defect of the server.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Kind::Internal, "internal error") }
    }

    /// A dependency is unavailable.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Kind::Unavailable, "temporarily unavailable, try again")
        }
    }

    /// Adds the cause, which is logged and not sent.
    pub fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Adds an invalid field.
    pub fn with_field(mut self, field: impl Into<String>, problem: impl fmt::Display) -> Self {
        self.fields.push(FieldViolation::new(field, problem));
        self
    }

    /// The kind of the error.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The message for the client.
    pub fn message(&self) -> Cow<'_, str> {
        self.message_spelled(Cow::Borrowed)
    }

    /// The error's own message; `None` when the first field's sentence is the message.
    pub fn own_message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The message with field names in another spelling.
    pub fn message_spelled<'e>(&'e self, spell: impl FnOnce(&'e str) -> Cow<'e, str>) -> Cow<'e, str> {
        match (&self.message, self.fields.first()) {
            (Some(message), _) => Cow::Borrowed(message),
            (None, Some(violation)) => violation.sentence(&spell(&violation.field)).into(),
            (None, None) => Cow::Borrowed("the request is not valid"),
        }
    }

    /// The invalid fields.
    pub fn fields(&self) -> &[FieldViolation] {
        &self.fields
    }

    /// The capability that the caller lacks.
    pub const fn required(&self) -> Option<&'static str> {
        self.required
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| -> &(dyn StdError + 'static) { source.as_ref() })
    }
}
