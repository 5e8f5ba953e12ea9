//! Serves gRPC services over REST in process: from an HTTP request to the typed call, and from its reply to JSON.
//!
//! Routes come from `google.api.http` annotations; a build script generates them. A request is answered in this order:
//! unknown path (404), unknown method (405), the guard (such as 401 and 403), media type and size of the body (415, 413),
//! its fields (400, or the dialect's status), and then the RPC.

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
pub use options::Options;
pub use percent::{DecodeProblem, decode_query, decode_segment, decode_segments};
pub use response::is_not_modified;
pub use route::Route;
pub use router::{Ambiguous, Found, Router};
pub use stream::StreamStatus;
pub use transcode_template::{Segment, Template, TemplateError, Variable};
pub use transcoder::{RouteError, Transcoder};
pub use validate::{Validate, Validated, Violations, validate};
