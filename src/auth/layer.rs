//! The tower layer that labels every request with who is calling. It never answers: each protocol's guard does, in its own
//! words.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service};

use super::{Authenticator, CredentialCheck, token};
use crate::caller::Identity;
use crate::telemetry::current;

/// Labels requests with a [`Identity`] in their extensions, and with a [`CredentialCheck`] where there is a token.
#[derive(Clone)]
pub struct AuthLayer {
    authenticator: Arc<Authenticator>,
}

impl AuthLayer {
    /// A layer that asks this authenticator.
    pub fn new(authenticator: Arc<Authenticator>) -> Self {
        Self { authenticator }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { authenticator: self.authenticator.clone(), inner }
    }
}

/// A service behind [`AuthLayer`].
#[derive(Clone)]
pub struct Auth<S> {
    authenticator: Arc<Authenticator>,
    inner: S,
}

impl<S, B> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let authenticator = self.authenticator.clone();
        Box::pin(async move {
            let identity = authenticator.identify(request.headers()).await;
            if let Identity::Known(caller) = &identity {
                current::is_of(caller.org);
            }
            if let Some(token) = token::presented(request.headers()).text() {
                let credential_check = CredentialCheck::new(authenticator, token);
                request.extensions_mut().insert(credential_check);
            }
            request.extensions_mut().insert(identity);
            inner.call(request).await
        })
    }
}
