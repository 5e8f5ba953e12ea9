//! The kinds of errors, and their codes in each protocol.

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
    /// The file has no such part.
    RangeNotSatisfiable,
    /// The body is too large.
    TooLarge,
    /// The media type of the body is not supported.
    UnsupportedMedia,
    /// The rate limit is exceeded.
    RateLimited,
    /// The organization has as many rows as its quota allows.
    QuotaExceeded,
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
    pub const ALL: [Self; 21] = [
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
        Self::RangeNotSatisfiable,
        Self::TooLarge,
        Self::Overloaded,
        Self::UnsupportedMedia,
        Self::QuotaExceeded,
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
        const RANGE: (&str, &str) = ("RANGE_NOT_SATISFIABLE_ERROR", "Range Not Satisfiable");
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
            Self::RangeNotSatisfiable => row(Code::OutOfRange, StatusCode::RANGE_NOT_SATISFIABLE, RANGE, "range_not_satisfiable"),
            Self::TooLarge           => row(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, BODY, "payload_too_large"),
            Self::UnsupportedMedia   => row(Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE, BODY, "unsupported_media_type"),
            Self::RateLimited        => row(Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS, ("RATE_LIMIT_ERROR", "Too Many Requests"), "rate_limited"),
            Self::QuotaExceeded      => row(Code::ResourceExhausted, StatusCode::CONFLICT, CONFLICT, "quota_exceeded"),
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
