//! Serves gRPC services over REST, in process.
//!
//! [`Transcoder`] is a tower service over [`Route`]s, which `transcode-build` generates from `google.api.http` annotations. A
//! request is checked in this order: path (404), method (405), the guard (usually 401 and 403), media type and size of the
//! body (415, 413), its fields (400, or the dialect's status); then the RPC runs.
//!
//! - A [`Dialect`] is the format of one REST API: its path prefix, the spelling of names, the envelope of errors.
//! - Errors are [`tonic::Status`]es, also those of the transcoder ([`Rejection`]). [`Options::describe_error`] makes of each an
//!   [`ErrorInfo`], which the dialect's envelope shows.
//! - [`json`] reads and writes messages. What generated code uses of it is public, but not meant to be called by hand.
//!
//! The README describes what is served; `examples/library.rs` is a whole service.

mod binding;
mod decode;
mod dialect;
mod endpoint;
mod error;
mod ignored;
pub mod json;
mod metadata;
mod names;
mod options;
mod percent;
mod query;
mod reply;
mod request_body;
mod response;
mod route;
mod router;
mod stream;
mod transcoder;
mod validate;

pub use binding::{Binding, ReadBody, ReadPatch, RequestBody, Resume};
pub use dialect::{Dialect, ErrorEnvelope};
pub use endpoint::ResponseFuture;
pub use error::{ErrorInfo, FieldViolation, Reason, Rejection};
pub use json::{BindError, Text};
pub use names::Names;
pub use options::{Gunzip, GunzipError, Options};
pub use percent::{DecodeProblem, decode_query, decode_segment, decode_segments};
pub use response::is_not_modified;
pub use route::Route;
pub use router::{Ambiguous, Found, Router};
pub use stream::StreamStatus;
pub use transcode_template::{Segment, Template, TemplateError, Variable};
pub use transcoder::{RouteError, Transcoder};
pub use validate::{Validate, Validated, Violations, validate};
