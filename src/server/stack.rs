//! What every request passes on its way in, whichever protocol it comes through. In order, outermost first.

mod admission;
mod around;
mod cors;
mod deadline;
mod limits;
mod observe;
mod rate_limit;
mod request_id;

use std::sync::Arc;

use tower::ServiceBuilder;

use self::admission::Admission;
use self::around::AroundLayer;
use self::cors::Cors;
use self::limits::Limits;
use self::observe::Observe;
use self::rate_limit::RateLimit;
use super::protocols::Router;
use super::protocols::services::Rest;
use super::types::Answering;
use crate::auth::{AuthLayer, Authenticator};
use crate::config::Config;

/// The router behind its layers.
pub fn stack<R: Rest>(
    router: Router<R>,
    authenticator: Arc<Authenticator>,
    config: &Config,
) -> impl Answering + Clone + Send + Sync + 'static {
    ServiceBuilder::new()
        // First, so that every answer has an id and a log line, preflights and refusals too.
        .layer(AroundLayer(Observe { rest: router.rest().clone() }))
        // Before anything that may refuse: a page can read an error only when the headers say it may. And before auth:
        // browsers send preflights without a token.
        .layer(AroundLayer(Cors::new(&config.cors_allowed_origins)))
        // Before anything is done for a call. The probes pass.
        .layer(AroundLayer(Admission::new(config.max_concurrent_requests, router.rest().clone())))
        // Around everything that waits or can go wrong, authentication included.
        .layer(AroundLayer(Limits { timeout: config.request_timeout, rest: router.rest().clone() }))
        // It only labels. Each protocol's guard reads the label before the body is decoded.
        .layer(AuthLayer::new(authenticator))
        // Last, since it has to know who is calling, and before a body is read.
        .layer(AroundLayer(RateLimit::new(config.rate_limits, router.rest().clone())))
        .service(router)
}
