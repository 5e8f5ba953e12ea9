//! Refuses gRPC calls that the caller may not make, before a byte of the message is read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Extensions;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::error::Error;

/// Whether the caller that the request's extensions name may call the RPC of that path.
pub type Guard = fn(&Extensions, &str) -> Result<(), Error>;

/// Services that anyone may call: probes and tools come without a token, and they tell nothing of anybody.
pub const OPEN: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// Asks a [`Guard`] about every call.
#[derive(Clone, Copy)]
pub struct GuardLayer {
    guard: Guard,
}

impl GuardLayer {
    /// A layer that asks this guard.
    pub fn new(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.guard, inner }
    }
}

/// A service behind [`GuardLayer`].
#[derive(Clone)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S, B> Service<http::Request<B>> for Guarded<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path();
        let is_open = OPEN.iter().any(|open| path.starts_with(open));
        match if is_open { Ok(()) } else { (self.guard)(request.extensions(), path) } {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(error) => Box::pin(std::future::ready(Ok(Status::from(error).into_http()))),
        }
    }
}
