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

use super::Checks;

/// Answers from what the prober found out last.
pub struct Answers {
    checks: watch::Receiver<Checks>,
    services: &'static [&'static str],
    closing: CancellationToken,
}

type Told = Result<HealthCheckResponse, Status>;

/// A stream that has not ended.
struct Watching {
    checks: watch::Receiver<Checks>,
    closing: CancellationToken,
    is_known: bool,
    told: Option<ServingStatus>,
}

impl Answers {
    pub(super) fn new(
        checks: watch::Receiver<Checks>,
        services: &'static [&'static str],
        closing: CancellationToken,
    ) -> Self {
        Self { checks, services, closing }
    }

    /// The empty name is the service as a whole.
    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.contains(&service)
    }
}

fn status(checks: Checks) -> ServingStatus {
    if checks.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for Answers {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("there is no such service"));
        }
        Ok(Response::new(told(status(*self.checks.borrow()))))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Told> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watching = Watching {
            checks: self.checks.clone(),
            closing: self.closing.clone(),
            is_known: self.knows(&request.get_ref().service),
            told: None,
        };
        let told = stream::unfold(Some(watching), async |watching| {
            let mut watching = watching?;
            let told = watching.next().await;
            let goes_on = told.is_ok().then_some(watching);
            Some((told, goes_on))
        });
        Ok(Response::new(Box::pin(told)))
    }
}

impl Watching {
    /// The first status at once, then each other one; an error when the service closes.
    async fn next(&mut self) -> Told {
        loop {
            // The protocol asks for this instead of an error: the service may come.
            let now = match self.is_known {
                true => status(*self.checks.borrow_and_update()),
                false => ServingStatus::ServiceUnknown,
            };
            if self.told != Some(now) {
                self.told = Some(now);
                return Ok(told(now));
            }
            tokio::select! {
                // The news that it drains comes first.
                biased;
                Ok(()) = self.checks.changed(), if self.is_known => {}
                () = self.closing.cancelled() => return Err(Status::unavailable("the server is shutting down")),
            }
        }
    }
}
