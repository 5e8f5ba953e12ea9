//! The service that answers REST requests.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::ALLOW;
use http::{Extensions, HeaderValue, Method, Request, Response};
use tonic::Status;
use tower::Service;
use transcode_template::Template;

use crate::dialect::{self, Dialect};
use crate::endpoint::{Incoming, ResponseFuture, Serve};
use crate::error::{ErrorInfo, Reason, Rejection};
use crate::options::Options;
use crate::response;
use crate::route::Route;
use crate::router::{Found, Router};

/// Answers every HTTP request, also those without a route. Cheap to clone.
#[derive(Clone)]
pub struct Transcoder(Arc<Inner>);

type Guard = dyn Fn(&Extensions, &str) -> Result<(), Status> + Send + Sync;

struct Inner {
    router: Router<Target>,
    /// The longest prefix first.
    dialects: Vec<&'static Dialect>,
    guard: Box<Guard>,
    options: Options,
}

struct Target {
    rpc: &'static str,
    dialect: &'static Dialect,
    endpoint: Arc<dyn Serve>,
}

/// A route that cannot be served.
#[derive(Debug)]
pub struct RouteError {
    template: &'static str,
    reason: String,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.template, self.reason)
    }
}

impl std::error::Error for RouteError {}

impl Transcoder {
    /// A transcoder for these routes.
    ///
    /// The guard accepts or rejects each call before anything of the request is decoded. It receives the request's
    /// extensions, where an authentication layer leaves its result, and the RPC's path.
    pub fn new(
        routes: Vec<Route>,
        guard: impl Fn(&Extensions, &str) -> Result<(), Status> + Send + Sync + 'static,
        options: Options,
    ) -> Result<Self, RouteError> {
        let mut router = Router::default();
        let mut dialects: Vec<&'static Dialect> = Vec::new();
        for route in routes {
            if !dialects.iter().any(|dialect| dialect.prefix == route.dialect.prefix) {
                dialects.push(route.dialect);
            }
            let error = |reason| RouteError { template: route.template, reason };
            let template = Template::parse(route.template).map_err(|reason| error(reason.to_string()))?;
            let endpoint = (route.endpoint)(template.clone())
                .map_err(|name| error(format!("`{name}` is not a field of the request")))?;
            let target = Target { rpc: route.rpc, dialect: route.dialect, endpoint };
            router.insert(&route.method, template, target).map_err(|reason| error(reason.to_string()))?;
        }
        dialects.sort_by_key(|dialect| std::cmp::Reverse(dialect.prefix.len()));
        Ok(Self(Arc::new(Inner { router, dialects, guard: Box::new(guard), options })))
    }

    /// An error in the envelope of the API that owns the path.
    /// For errors raised outside of the routes.
    pub fn error_response(
        &self,
        path: &str,
        error: &ErrorInfo,
        request_id: Option<&HeaderValue>,
    ) -> Response<Body> {
        response::error(self.0.dialect(path), error, request_id)
    }

    /// The path of the RPC that serves a request: `/library.v1.Library/GetBook`.
    pub fn rpc(&self, method: &Method, path: &str) -> Option<&'static str> {
        self.0.find(method, path).map(|target| target.rpc)
    }
}

impl Inner {
    /// The route of a request. Routes for GET serve HEAD.
    fn find(&self, method: &Method, path: &str) -> Option<&Target> {
        let found = self.router.find(method, path);
        let found = match found {
            None if method == Method::HEAD => self.router.find(&Method::GET, path),
            found => found,
        };
        let is_served = |found: &Found<'_, '_, _>| {
            found.template.variables().is_empty() || !(self.options.is_reserved)(path)
        };
        found.filter(is_served).map(|found| found.target)
    }

    /// The response to OPTIONS, to an unknown method, and to an unknown path.
    fn without_route(&self, method: &Method, path: &str) -> Response<Body> {
        let reject = |reason, message| {
            let status = Rejection::new(reason, message).into();
            response::failure(self.dialect(path), &self.options, status, None)
        };
        let methods = self.router.methods(path).filter(|method| self.find(method, path).is_some());
        let response = match response::allow(methods) {
            Some(allow) if method == Method::OPTIONS => response::options(allow),
            Some(allow) => {
                let mut response = reject(Reason::MethodNotAllowed, "method not allowed");
                response.headers_mut().insert(ALLOW, allow);
                response
            }
            None => reject(Reason::NotFound, "no such path"),
        };
        if method == Method::HEAD { response::without_body(response) } else { response }
    }

    /// The dialect of the API that owns a path; else that of the shortest prefix.
    fn dialect(&self, path: &str) -> &'static Dialect {
        let owner = self.dialects.iter().find(|dialect| dialect.owns(path));
        owner.or(self.dialects.last()).copied().unwrap_or(&dialect::DEFAULT)
    }
}

fn ready(response: Response<Body>) -> ResponseFuture {
    Box::pin(std::future::ready(Ok(response)))
}

impl Service<Request<Body>> for Transcoder {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        let Inner { guard, options, .. } = &*self.0;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let Some(target) = self.0.find(&parts.method, path) else {
            return ready(self.0.without_route(&parts.method, path));
        };
        let head = parts.method == Method::HEAD;
        if let Err(status) = guard(&parts.extensions, target.rpc) {
            let request_id = parts.headers.get(response::REQUEST_ID);
            let response = response::failure(target.dialect, options, status, request_id);
            return ready(if head { response::without_body(response) } else { response });
        }
        let endpoint = Arc::clone(&target.endpoint);
        let max_body_bytes = (options.body_limit)(target.rpc, options.max_body_bytes);
        endpoint.serve(Incoming { parts, body, options: Options { max_body_bytes, ..*options }, head })
    }
}
