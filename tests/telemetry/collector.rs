//! An OTLP collector over gRPC that records what it receives.

use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::support::Pair;

/// A running collector.
pub struct Collector {
    url: String,
    memory: Memory,
}

/// A received span. Ids are in hex.
#[derive(Clone, Debug)]
pub struct Span {
    pub service: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    /// Its other attributes.
    #[allow(dead_code, reason = "searched as text")]
    pub attributes: String,
}

#[derive(Clone, Default)]
struct Memory {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    /// Starts one on a free port, until the test's runtime ends.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts one with this certificate that requires client certificates of that authority.
    pub async fn over_tls(own: &Pair, authority: &Path) -> Self {
        let mut trusted = RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("an authority");
        let callers = WebPkiClientVerifier::builder(trusted.into()).build().expect("a verifier");
        let chain = vec![CertificateDer::from_pem_slice(own.cert.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder().with_client_cert_verifier(callers).with_single_cert(chain, key);
        let mut config = config.expect("a pair");
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self::start_with(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let memory = Memory::default();
        let routes = Routes::default()
            .add_service(TraceServiceServer::new(memory.clone()))
            .add_service(MetricsServiceServer::new(memory.clone()));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                match &tls {
                    None => drop(tokio::spawn(serve(stream, routes.clone()))),
                    Some(tls) => {
                        let (shaking, routes) = (tls.accept(stream), routes.clone());
                        tokio::spawn(async {
                            // Clients without a trusted certificate are rejected.
                            if let Ok(stream) = shaking.await {
                                serve(stream, routes).await;
                            }
                        });
                    }
                }
            }
        });
        Self { url: format!("{scheme}://{address}"), memory }
    }

    /// Its URL, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// All received spans.
    pub fn spans(&self) -> Vec<Span> {
        self.memory.spans.lock().expect("spans").clone()
    }

    /// The names of all received metrics.
    pub fn metrics(&self) -> Vec<String> {
        self.memory.metrics.lock().expect("metrics").clone()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, routes: Routes) {
    let service = hyper_util::service::TowerToHyperService::new(routes.prepare());
    let server = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    let _ = server.serve_connection(hyper_util::rt::TokioIo::new(stream), service).await;
}

#[tonic::async_trait]
impl TraceService for Memory {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
            let name = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            let service = match name.and_then(|name| name.value?.value) {
                Some(Value::StringValue(name)) => name,
                _ => String::new(),
            };
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| Span {
                service: service.clone(),
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: format!("{:?} {:?} {:?}", span.attributes, span.events, span.status),
                name: span.name,
            });
            self.spans.lock().expect("spans").extend(spans);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Memory {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let metrics = resources.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
        self.metrics.lock().expect("metrics").extend(metrics.map(|metric| metric.name));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
