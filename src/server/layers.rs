//! What every request passes on its way in, whichever door it comes through. In order, outermost first.

use std::convert::Infallible;
use std::sync::Arc;

use tower::{Service, ServiceBuilder};

use super::cors::CorsLayer;
use super::limits::LimitsLayer;
use super::observe::ObserveLayer;
use super::router::Router;
use super::services::Rest;
use super::{BoxFuture, Request, Response};
use crate::auth::{AuthLayer, Authenticator};
use crate::config::Config;

/// The router behind its layers.
pub fn stack<R: Rest>(
    router: Router<R>,
    authenticator: Arc<Authenticator>,
    config: &Config,
) -> impl Service<Request, Response = Response, Error = Infallible, Future = BoxFuture>
+ Clone
+ Send
+ Sync
+ 'static {
    ServiceBuilder::new()
        // First, so that every answer has an id and a log line, preflights and refusals too.
        .layer(ObserveLayer::new(router.rest().clone()))
        // Before anything that may refuse: a page can read an error only when the headers say it may. And before auth:
        // browsers send preflights without a token.
        .layer(CorsLayer::new(&config.cors_allowed_origins))
        // Around everything that waits or can go wrong, authentication included.
        .layer(LimitsLayer::new(config.request_timeout, router.rest().clone()))
        // Last: it only labels. Each door's guard reads the label before the body is decoded.
        .layer(AuthLayer::new(authenticator))
        .service(router)
}
