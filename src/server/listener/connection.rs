//! Serves HTTP/1.1 and HTTP/2 on one connection.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
#[cfg(target_os = "linux")]
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::connection_state::ConnectionState;
use super::limits::Limits;
use super::tls::Tls;
use super::unread_body;
use crate::server::types::Stack;
use crate::telemetry::metrics::GaugeGuard;

/// How long the headers of an HTTP/1.1 request may take, idle time included.
/// Longer than the minute for which load balancers keep idle connections, or they would send requests on closed ones.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// The largest headers of a request, in bytes.
const MAX_HEADER_BYTES: u32 = 32 * 1024;

/// The most header lines of a request.
const MAX_HEADER_LINES: usize = 100;

/// Concurrent requests on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// Unread bytes that a client may send: of one request, and on a connection.
/// Frames may be tiny (those of a connector's events are), and h2 closes a connection whose unread frames weigh more than half of the second limit,
/// counting up to 256 bytes for each; the first limit stops a request long before.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How often an idle HTTP/2 client is pinged, and how long it may take to respond.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a closing HTTP/1.1 connection waits for one more request.
/// Its response then announces the end; a client that is just sending one would otherwise see the connection break.
const LAST_REQUEST_WAIT: Duration = Duration::from_secs(1);

/// One connection, and what serves it.
pub(super) struct Connection {
    pub(super) http: Builder<TokioExecutor>,
    pub(super) stack: Stack,
    pub(super) closing: CancellationToken,
    pub(super) limits: Limits,
}

impl Connection {
    /// Serves the connection until it ends.
    pub(super) async fn serve(self, stream: TcpStream, tls: Option<Tls>) {
        let _open = GaugeGuard::connection();
        // Responses are small and complete: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        // A client that does not read would otherwise hold its responses in memory for as long as it likes.
        #[cfg(target_os = "linux")]
        let _ = set_tcp_user_timeout(&stream, self.limits.unread.as_millis().try_into().unwrap_or(u32::MAX));
        // hyper's own timeout begins with the first byte. `peek`, because tokio assumes that an accepted socket is readable.
        let mut first = [0];
        let first_byte = self.unless_closing(timeout(self.limits.first_byte, stream.peek(&mut first))).await;
        if !matches!(first_byte, Some(Ok(Ok(1..)))) {
            return;
        }
        let Some(tls) = tls else { return self.serve_http(stream).await };
        match self.unless_closing(tls.accept(stream)).await {
            Some(Ok(stream)) => self.serve_http(stream).await,
            Some(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            None => {}
        }
    }

    /// The future's output; `None` if the server closes first.
    async fn unless_closing<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let closed = async {
            self.closing.cancelled().await;
            sleep(LAST_REQUEST_WAIT).await;
        };
        tokio::select! {
            output = future => Some(output),
            () = closed => None,
        }
    }

    async fn serve_http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { http, stack, closing, limits } = self;
        let state = ConnectionState::default();
        let of_requests = state.clone();
        let service = service_fn(move |request: http::Request<Incoming>| {
            let version = request.version();
            of_requests.record_request(version);
            let (mut stack, state) = (stack.clone(), of_requests.clone());
            async move {
                let response = stack.call(unread_body::drained(request)).await;
                response.map(|response| state.announce_close(version, response))
            }
        });
        let serving = http.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut serving = std::pin::pin!(serving);
        // Spread, because many connections may have been opened at once.
        let age = limits.max_age.mul_f64(0.9 + 0.2 * rand::random::<f64>());
        let outcome = tokio::select! {
            outcome = serving.as_mut() => Some(outcome),
            () = closing.cancelled() => None,
            () = sleep(age) => None,
            () = state.no_request_within(limits.first_request) => None,
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                state.close();
                let wait = if state.is_http2() { Duration::ZERO } else { LAST_REQUEST_WAIT };
                match timeout(wait, serving.as_mut()).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        serving.as_mut().graceful_shutdown();
                        timeout(limits.drain_timeout, serving).await.unwrap_or(Ok(()))
                    }
                }
            }
        };
        if let Err(error) = outcome {
            // Caused by the client: it disconnected, or spoke another protocol.
            tracing::debug!(error, "a connection ended early");
        }
    }
}

/// The HTTP settings of all connections.
pub(super) fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADER_LINES)
        .max_buf_size(2 * MAX_HEADER_BYTES as usize);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    http
}
