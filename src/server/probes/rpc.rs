//! The standard gRPC health service, `grpc.health.v1.Health`.

use std::pin::Pin;

use futures_util::Stream;
use futures_util::stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::readiness::Checks;
use crate::pb::METHODS;

/// Responds with the latest readiness.
pub(super) struct HealthService {
    pub(super) checks: watch::Receiver<Checks>,
    pub(super) closing: CancellationToken,
}

type Answer = Result<HealthCheckResponse, Status>;

/// An open `Watch` stream.
struct Watch {
    checks: watch::Receiver<Checks>,
    closing: CancellationToken,
    is_known: bool,
    sent: Option<ServingStatus>,
}

/// Whether that is one of the services. The empty name is the server as a whole.
fn is_known(service: &str) -> bool {
    let mut paths = METHODS.iter().filter_map(|method| method.path.strip_prefix('/')?.split_once('/'));
    service.is_empty() || paths.any(|(known, _)| known == service)
}

fn status(checks: Checks) -> ServingStatus {
    if checks.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_known(&request.get_ref().service) {
            return Err(Status::not_found("there is no such service"));
        }
        Ok(Response::new(answer(status(*self.checks.borrow()))))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Answer> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watch = Watch {
            checks: self.checks.clone(),
            closing: self.closing.clone(),
            is_known: is_known(&request.get_ref().service),
            sent: None,
        };
        let answers = stream::unfold(Some(watch), async |watch| {
            let mut watch = watch?;
            let answer = watch.next().await;
            let rest = answer.is_ok().then_some(watch);
            Some((answer, rest))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

impl Watch {
    /// The first status at once, then each change; an error when the server closes.
    async fn next(&mut self) -> Answer {
        loop {
            // The protocol requires this instead of an error: the service may appear later.
            let current = match self.is_known {
                true => status(*self.checks.borrow_and_update()),
                false => ServingStatus::ServiceUnknown,
            };
            if self.sent != Some(current) {
                self.sent = Some(current);
                return Ok(answer(current));
            }
            tokio::select! {
                // The change to draining is sent before the stream ends.
                biased;
                Ok(()) = self.checks.changed(), if self.is_known => {}
                () = self.closing.cancelled() => return Err(Status::unavailable("the server is shutting down")),
            }
        }
    }
}
