//! REST for every RPC: finds the route of an HTTP request, makes the typed call in process, and answers in JSON.
//!
//! The routes come from the `google.api.http` annotations in `proto/`: the build checks them and writes the glue in
//! [`routes`]. Nothing here knows what the RPCs are about.
//!
//! A request is answered in this order, so that nothing leaks: unknown path (404), unknown method (405), the guard
//! (401, 403), the body's type and size (415, 413; of a body that nobody asked for only the size), its fields (422), and
//! then the RPC.

mod answer;
mod body;
mod dialect;
pub mod json;
mod metadata;
pub mod openapi;
mod percent;
mod query;
mod route;
mod router;
mod stream;
mod template;
mod text;
mod unknown;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Extensions, HeaderValue, Method, Request, Response};
use tower::Service;

pub use answer::is_known;
pub use dialect::{Dialect, ErrorEnvelope, Names};
pub use percent::{decode_query, decode_segment, decode_segments};
pub use route::{Answer, Binding, Body as RequestBody, Route};
pub use router::{Ambiguous, Found, Router};
pub use stream::{Ending, Resume};
pub use template::{Segment, Template, TemplateError, Variable};
pub use text::{BindError, Bound, Place, Text};

use crate::error::{Error, Kind};
use route::{Incoming, Serve};

/// The routes of the services in `proto/`, as `build.rs` generates them: one function per service.
#[allow(unused_imports, reason = "what is needed depends on the protos")]
#[allow(clippy::too_many_lines, reason = "a service has as many routes as it has")]
pub mod routes {
    include!(concat!(env!("OUT_DIR"), "/transcode.rs"));
}

/// Says whether the caller may make a call, before anything of the request is decoded: 401 and 403 come from here. Reads
/// what the authentication layer left in the request's extensions; the text is the RPC's path.
pub type Guard = fn(&Extensions, &str) -> Result<(), Error>;

/// What is too much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
}

impl Default for Limits {
    /// 1 MiB.
    fn default() -> Self {
        Self { max_body_bytes: 1024 * 1024 }
    }
}

/// The REST protocol: a [`Service`] that answers every HTTP request, also those that no route has. Cheap to clone.
#[derive(Clone)]
pub struct Transcoder(Arc<Inner>);

struct Inner {
    router: Router<Target>,
    /// The longest prefix first.
    dialects: Vec<&'static Dialect>,
    guard: Guard,
    limits: Limits,
}

struct Target {
    rpc: &'static str,
    dialect: &'static Dialect,
    endpoint: Arc<dyn Serve>,
}

/// Why routes cannot be served together. The build refuses the same for the routes it generates.
#[derive(Debug)]
pub enum RouteError {
    /// A text is not a path template.
    Template(&'static str, TemplateError),
    /// Two routes answer the same paths.
    Ambiguous(Ambiguous),
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(text, error) => write!(f, "{text}: {error}"),
            Self::Ambiguous(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RouteError {}

impl Transcoder {
    /// Serves these routes.
    pub fn new(routes: Vec<Route>, guard: Guard, limits: Limits) -> Result<Self, RouteError> {
        let mut router = Router::default();
        let mut dialects: Vec<&'static Dialect> = Vec::new();
        for route in routes {
            if !dialects.iter().any(|dialect| dialect.prefix == route.dialect.prefix) {
                dialects.push(route.dialect);
            }
            let template = Template::parse(route.template)
                .map_err(|error| RouteError::Template(route.template, error))?;
            let endpoint = (route.endpoint)(template.clone());
            let target = Target { rpc: route.rpc, dialect: route.dialect, endpoint };
            router.insert(&route.method, template, target).map_err(RouteError::Ambiguous)?;
        }
        // Stable: among prefixes of one length the first declared stays first.
        dialects.sort_by_key(|dialect| std::cmp::Reverse(dialect.prefix.len()));
        Ok(Self(Arc::new(Inner { router, dialects, guard, limits })))
    }

    /// A failure in the words of the API that owns the path: for what the server refuses around the routes.
    pub fn error_response(
        &self,
        path: &str,
        error: &Error,
        request_id: Option<&HeaderValue>,
    ) -> Response<Body> {
        answer::failure(self.0.dialect(path), error, request_id)
    }

    /// The RPC that a request would reach, such as `/switchboard.v1.ChatService/GetChat`.
    pub fn rpc(&self, method: &Method, path: &str) -> Option<&'static str> {
        self.0.find(method, path).map(|target| target.rpc)
    }

    fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let Some(target) = self.0.find(&parts.method, path) else {
            return ready(self.0.without_route(&parts.method, path));
        };
        let head = parts.method == Method::HEAD;
        if let Err(error) = (self.0.guard)(&parts.extensions, target.rpc) {
            let response = answer::failure(target.dialect, &error, parts.headers.get(answer::REQUEST_ID));
            return ready(if head { answer::without_body(response) } else { response });
        }
        let endpoint = Arc::clone(&target.endpoint);
        endpoint.serve(Incoming { parts, body, max_body: self.0.limits.max_body_bytes, head })
    }
}

impl Inner {
    /// The route of a request. What has GET has HEAD.
    fn find(&self, method: &Method, path: &str) -> Option<&Target> {
        let found = self.router.find(method, path);
        let found = match found {
            None if method == Method::HEAD => self.router.find(&Method::GET, path),
            found => found,
        };
        found.map(|found| found.target)
    }

    /// The answer to what no route has: OPTIONS, a method that the path does not have, a path that does not exist.
    fn without_route(&self, method: &Method, path: &str) -> Response<Body> {
        let response = match answer::allow(self.router.methods(path)) {
            Some(allow) if method == Method::OPTIONS => answer::options(allow),
            Some(allow) => answer::method_not_allowed(self.dialect(path), allow),
            None => answer::failure(self.dialect(path), &Error::new(Kind::NotFound, "no such path"), None),
        };
        if method == Method::HEAD { answer::without_body(response) } else { response }
    }

    /// The words of the API that owns a path; of the first API for a path that none owns.
    fn dialect(&self, path: &str) -> &'static Dialect {
        let owner = self.dialects.iter().find(|dialect| dialect.owns(path));
        owner.or(self.dialects.last()).copied().unwrap_or(&dialect::PLAIN)
    }
}

fn ready(response: Response<Body>) -> Answer {
    Box::pin(std::future::ready(Ok(response)))
}

impl Service<Request<Body>> for Transcoder {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        self.answer(request)
    }
}
