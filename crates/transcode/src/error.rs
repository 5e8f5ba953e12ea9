//! Errors of REST calls: rejections before the RPC, and the contents of responses.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::names::Names;

/// One invalid field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path, such as `custom_properties.colour`.
    /// [`Names`] spells it for the response.
    pub field: String,
    /// The rule that the field breaks: `must be …`.
    /// The phrase follows the field's name.
    pub problem: String,
    /// The number that was sent, where it is out of range.
    pub value: Option<i64>,
}

impl FieldViolation {
    /// A violation without a value.
    pub fn new(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { field: field.into(), problem: problem.to_string(), value: None }
    }

    /// The sentence about the field, which `name` spells.
    pub fn sentence(&self, name: &str) -> String {
        format!("{name} {}", self.problem)
    }
}

/// Why a request was rejected before the RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A field of the request is invalid.
    InvalidArgument,
    /// No route has the path.
    NotFound,
    /// The path has no route for the HTTP method.
    MethodNotAllowed,
    /// The body is larger than the limit.
    PayloadTooLarge,
    /// The body is not plain JSON.
    UnsupportedMediaType,
}

impl Reason {
    /// The gRPC code and the HTTP status.
    const fn codes(self) -> (Code, StatusCode) {
        match self {
            Self::InvalidArgument => (Code::InvalidArgument, StatusCode::BAD_REQUEST),
            Self::NotFound => (Code::NotFound, StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => (Code::Unimplemented, StatusCode::METHOD_NOT_ALLOWED),
            Self::PayloadTooLarge => (Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => (Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        }
    }
}

/// A request that was rejected before the RPC.
/// [`Rejection::of`] finds it in the [`Status`] that is made from it.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The text for the client; where there is none, the first field's problem.
    pub message: Option<Cow<'static, str>>,
    /// The invalid fields.
    pub fields: Vec<FieldViolation>,
}

impl Rejection {
    pub(crate) fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, message: Some(message.into()), fields: Vec::new() }
    }

    /// One field is invalid. The problem is a phrase that follows the field's name.
    pub(crate) fn invalid(field: &str, problem: &str) -> Self {
        Self::invalid_fields(vec![FieldViolation::new(field, problem)])
    }

    /// Several fields are invalid.
    pub fn invalid_fields(fields: Vec<FieldViolation>) -> Self {
        Self { reason: Reason::InvalidArgument, message: None, fields }
    }

    /// The rejection that a status was made from, if it was made from one.
    pub fn of(status: &Status) -> Option<&Self> {
        std::error::Error::source(status).and_then(|source| source.downcast_ref())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&message(self.message.as_deref(), &self.fields, Names::Proto))
    }
}

impl std::error::Error for Rejection {}

impl From<Rejection> for Status {
    /// Invalid fields become `google.rpc.BadRequest` details.
    fn from(rejection: Rejection) -> Self {
        let mut details = ErrorDetails::new();
        for violation in &rejection.fields {
            details.add_bad_request_violation(&violation.field, violation.sentence(&violation.field));
        }
        let (code, _) = rejection.reason.codes();
        let mut status = Self::with_error_details(code, rejection.to_string(), details);
        status.set_source(Arc::new(rejection));
        status
    }
}

/// The contents of an error's response.
/// Each [`ErrorEnvelope`](crate::ErrorEnvelope) uses a part of them.
#[derive(Clone, Debug)]
pub struct ErrorInfo {
    /// The HTTP status where the dialect has no override for it.
    pub status: StatusCode,
    /// The gRPC code whose status override applies; none where the status is fixed.
    /// Overrides are in [`Dialect::status_overrides`](crate::Dialect).
    pub override_code: Option<Code>,
    /// `code` of the flat envelope, such as `NOT_FOUND`.
    pub code: Cow<'static, str>,
    /// `name` of the flat envelope, such as `Not Found`.
    pub name: Cow<'static, str>,
    /// `error.code` of the nested envelope, such as `not_found`.
    pub slug: Cow<'static, str>,
    /// The text for the client; where there is none, the first field's problem.
    pub message: Option<Cow<'static, str>>,
    /// The invalid fields.
    pub fields: Vec<FieldViolation>,
    /// Further `error.details` of the nested envelope.
    pub details: Vec<(&'static str, String)>,
    /// Whether the nested envelope shows the request id.
    /// For errors that only the server's log explains.
    pub shows_request_id: bool,
}

impl ErrorInfo {
    /// The default mapping of a status.
    /// The HTTP status is that of `google.rpc.Code`, the fields are those of `google.rpc.BadRequest` details.
    pub fn from_status(error: &Status) -> Self {
        let rejection = Rejection::of(error);
        let (code, status) = match rejection {
            Some(rejection) => rejection.reason.codes(),
            None => (error.code(), http_status(error.code())),
        };
        let name = status.canonical_reason().unwrap_or("Error");
        let identifier = name.replace([' ', '-'], "_");
        Self {
            status,
            // Several reasons share a code: an override is not about the less common ones.
            override_code: (status == http_status(code)).then_some(code),
            code: identifier.to_ascii_uppercase().into(),
            name: name.into(),
            slug: identifier.to_ascii_lowercase().into(),
            message: match rejection {
                Some(rejection) => rejection.message.clone(),
                None => Some(error.message().to_owned().into()),
            },
            fields: rejection.map_or_else(|| described_fields(error), |rejection| rejection.fields.clone()),
            details: Vec::new(),
            shows_request_id: matches!(code, Code::Internal | Code::Unknown | Code::DataLoss),
        }
    }

    pub(crate) fn message(&self, names: Names) -> String {
        message(self.message.as_deref(), &self.fields, names)
    }
}

fn message(message: Option<&str>, fields: &[FieldViolation], names: Names) -> String {
    match (message, fields.first()) {
        (Some(message), _) => message.to_owned(),
        (None, Some(FieldViolation { field, problem, .. })) => format!("{} {problem}", names.spell(field)),
        (None, None) => "the request is invalid".to_owned(),
    }
}

/// The fields of a status's `google.rpc.BadRequest`.
/// A description may begin with the field's name or not.
fn described_fields(status: &Status) -> Vec<FieldViolation> {
    let violations =
        status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    let violations = violations.into_iter().map(|violation| {
        let after_name = violation.description.strip_prefix(&violation.field);
        let problem =
            after_name.and_then(|rest| rest.strip_prefix(' ')).unwrap_or(&violation.description).to_owned();
        FieldViolation { field: violation.field, problem, value: None }
    });
    violations.collect()
}

/// The HTTP status of a gRPC code, as `google/rpc/code.proto` maps them.
const fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        // 499 of google/rpc/code.proto is not a registered status; nobody reads the response of a cancelled call.
        Code::Cancelled | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
