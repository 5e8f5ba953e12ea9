//! What the stack's own layers have in common: each does something around a call, and is always ready.

use std::convert::Infallible;
use std::task::{Context, Poll};

use tower::{Layer, Service};

use crate::server::types::{Answering, BoxFuture, Request, Response};

/// Something done around every call.
pub trait Around {
    /// Answers the request, as a rule through the inner service.
    fn call(&self, request: Request, inner: &mut impl Answering) -> BoxFuture;
}

/// Puts it around a service.
#[derive(Clone)]
pub struct AroundLayer<A>(pub A);

impl<A: Clone, S> Layer<S> for AroundLayer<A> {
    type Service = AroundService<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        AroundService { around: self.0.clone(), inner }
    }
}

/// A service with something around it.
#[derive(Clone)]
pub struct AroundService<A, S> {
    around: A,
    inner: S,
}

impl<A: Around, S: Answering> Service<Request> for AroundService<A, S> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        self.around.call(request, &mut self.inner)
    }
}
