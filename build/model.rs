//! What the descriptors say of REST: services with their dialects, methods with their capabilities and bindings.

use std::fmt;

use prost_reflect::{FieldDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor};

use transcode_template::Template;

/// Something the build refuses, with the place in the proto.
#[derive(Debug)]
pub struct Problem {
    pub place: String,
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for Problem {}

/// A service of ours.
pub struct Service {
    pub descriptor: ServiceDescriptor,
    /// Present when a method has a REST route.
    pub dialect: Option<Dialect>,
    pub methods: Vec<Method>,
}

/// `(dialect)` of a service.
#[derive(Clone, PartialEq)]
pub struct Dialect {
    pub prefix: String,
    pub names: Names,
    pub errors: String,
    pub patch_null: String,
    pub empty_string_body: bool,
    /// gRPC code names and HTTP statuses.
    pub status_overrides: Vec<(String, u16)>,
    /// Names of the request headers that every method reads.
    pub headers: Vec<String>,
}

/// How fields are spelled in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    Proto,
    LowerCamel,
}

impl Names {
    /// The field's name in answers.
    pub fn of(self, field: &FieldDescriptor) -> String {
        match self {
            Self::Proto => field.name().to_owned(),
            Self::LowerCamel => field.json_name().to_owned(),
        }
    }
}

/// An RPC.
pub struct Method {
    pub descriptor: MethodDescriptor,
    /// The name of the enum value, such as `CAPABILITY_READ`.
    pub capability: String,
    /// `(success_status)`, where it is declared.
    pub success_status: Option<u16>,
    /// `(resume_field)`, where it is declared.
    pub resume_field: Option<String>,
    pub bindings: Vec<Binding>,
}

/// One REST route of an RPC.
pub struct Binding {
    pub http_method: String,
    pub template: Template,
    pub body: String,
    pub response_body: String,
}

/// The constant of `http::StatusCode` for a status that routes may answer with. Others are refused: nobody answers with
/// them, or (499) no constant stands for them.
pub fn status_constant(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "OK",
        201 => "CREATED",
        202 => "ACCEPTED",
        204 => "NO_CONTENT",
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        410 => "GONE",
        412 => "PRECONDITION_FAILED",
        422 => "UNPROCESSABLE_ENTITY",
        428 => "PRECONDITION_REQUIRED",
        429 => "TOO_MANY_REQUESTS",
        500 => "INTERNAL_SERVER_ERROR",
        501 => "NOT_IMPLEMENTED",
        503 => "SERVICE_UNAVAILABLE",
        504 => "GATEWAY_TIMEOUT",
        _ => return None,
    })
}

/// `file:line` of a descriptor's path.
pub fn place(file: &FileDescriptor, path: &[i32]) -> String {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let line = locations
        .filter(|location| location.path == path)
        .filter_map(|location| location.span.first())
        .next();
    line.map_or_else(|| file.name().to_owned(), |line| format!("{}:{}", file.name(), line + 1))
}

/// A problem of a method.
pub fn problem(method: &MethodDescriptor, reason: impl fmt::Display) -> Problem {
    let place = place(&method.parent_service().parent_file(), method.path());
    Problem { place, reason: format!("{}: {reason}", method.full_name()) }
}

/// A problem of a service.
pub fn service_problem(service: &ServiceDescriptor, reason: impl fmt::Display) -> Problem {
    let place = place(&service.parent_file(), service.path());
    Problem { place, reason: format!("{}: {reason}", service.full_name()) }
}
