//! The one closed set of ways a call can fail, and what each protocol says of it.

mod status;

pub use status::{unreadable, with_origin};

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use tonic::Code;

/// Why a call failed. One row of [`Kind::row`] says what every protocol answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is not valid; nothing was changed.
    Invalid,
    /// No token, or a bad one.
    Unauthenticated,
    /// The token lacks the capability.
    Forbidden,
    /// It does not exist, or belongs to another organization.
    NotFound,
    /// The path exists, the HTTP method does not.
    MethodNotAllowed,
    /// Such a thing exists already.
    Conflict,
    /// Another call got in between.
    Aborted,
    /// The state of things forbids it.
    FailedPrecondition,
    /// `If-Match` names another version.
    VersionMismatch,
    /// What it starts from is no longer kept.
    Gone,
    /// The body is too large.
    TooLarge,
    /// The body is not of a type that is understood.
    UnsupportedMedia,
    /// Too many calls.
    RateLimited,
    /// More work at once than can be done; nothing was begun.
    Overloaded,
    /// The caller hung up.
    Cancelled,
    /// The server does not have this method.
    Unimplemented,
    /// A fault of ours. Its cause is logged, never told.
    Internal,
    /// Something we need is not there right now.
    Unavailable,
    /// The time for the call is up.
    DeadlineExceeded,
}

/// What each protocol says of a [`Kind`].
pub struct Row {
    /// gRPC and gRPC-Web.
    pub code: Code,
    /// REST, by the standard mapping; a dialect may override it per code.
    pub status: StatusCode,
    /// `code` and `name` of the flat envelope.
    pub flat: (&'static str, &'static str),
    /// `code` of the nested envelope.
    pub nested: &'static str,
}

impl Kind {
    /// All kinds. Where several share a gRPC code, the one that stands for it alone comes first.
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

    /// The kind's row in the table.
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

    /// The kind that stands for a gRPC code.
    pub fn from_code(code: Code) -> Self {
        Self::ALL.into_iter().find(|kind| kind.row().code == code).unwrap_or(Self::Internal)
    }
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field as the proto spells it, such as `custom_properties.Colour`. A REST dialect may spell it anew.
    pub field: String,
    /// What is wrong, in words that follow the field's name: `must be …`.
    pub problem: String,
    /// The number that was sent, where it is out of range.
    pub value: Option<i64>,
}

impl FieldViolation {
    /// The problem follows the field's name: `must be …`.
    pub fn new(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { field: field.into(), problem: problem.to_string(), value: None }
    }

    /// The same of a number that is out of range.
    pub fn out_of_range(field: impl Into<String>, problem: impl fmt::Display, value: i64) -> Self {
        Self { value: Some(value), ..Self::new(field, problem) }
    }

    /// The whole sentence, with the field spelled as the caller knows it.
    pub fn sentence(&self, field: &str) -> String {
        format!("{field} {}", self.problem)
    }
}

/// A failed call. The public half goes to the caller; the source is logged at the protocol and never told.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    /// `None` where the first field's sentence says it all.
    message: Option<Cow<'static, str>>,
    fields: Vec<FieldViolation>,
    required: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the rules and everything under them return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of that kind, with words for the caller.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: Some(message.into()), fields: Vec::new(), required: None, source: None }
    }

    /// One field of the request is not valid. The problem follows the field's name: `must be …`.
    pub fn invalid(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::invalid_fields(vec![FieldViolation::new(field, problem)])
    }

    /// Several fields of the request are not valid. The first one's sentence is the message.
    pub fn invalid_fields(fields: Vec<FieldViolation>) -> Self {
        Self { kind: Kind::Invalid, message: None, fields, required: None, source: None }
    }

    /// It does not exist, or belongs to someone else: the two are not told apart.
    pub fn not_found(message: &'static str) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// The caller lacks that capability.
    pub fn forbidden(required: &'static str) -> Self {
        let message = format!("the token lacks the capability `{required}`");
        Self { required: Some(required), ..Self::new(Kind::Forbidden, message) }
    }

    /// A fault of ours.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Kind::Internal, "internal error") }
    }

    /// Something we need is not there right now.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Kind::Unavailable, "temporarily unavailable, try again")
        }
    }

    /// The same failure, with what is behind it: for the log, never told.
    pub fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The same failure, naming one more field.
    pub fn with_field(mut self, field: impl Into<String>, problem: impl fmt::Display) -> Self {
        self.fields.push(FieldViolation::new(field, problem));
        self
    }

    /// Why it failed.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The words for the caller.
    pub fn message(&self) -> Cow<'_, str> {
        self.message_spelled(Cow::Borrowed)
    }

    /// The error's own message; `None` where the first field's problem is the message.
    pub fn own_message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The words for a caller who knows fields by another spelling.
    pub fn message_spelled<'e>(&'e self, spell: impl FnOnce(&'e str) -> Cow<'e, str>) -> Cow<'e, str> {
        match (&self.message, self.fields.first()) {
            (Some(message), _) => Cow::Borrowed(message),
            (None, Some(violation)) => violation.sentence(&spell(&violation.field)).into(),
            (None, None) => Cow::Borrowed("the request is not valid"),
        }
    }

    /// What is wrong with which fields.
    pub fn fields(&self) -> &[FieldViolation] {
        &self.fields
    }

    /// The capability the caller lacks.
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
