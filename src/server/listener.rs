//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them, within limits, until it is told to stop.

mod linger;
mod manner;
pub mod tls;

use std::time::Duration;

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
#[cfg(target_os = "linux")]
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::manner::Manner;
use self::tls::Tls;
use super::types::Answering;
use crate::telemetry::metrics::{self, Present};

/// How long a new connection may stay silent.
const FIRST_BYTE: Duration = Duration::from_secs(10);

/// How long it may go on without a request. Longer than the minute that some clients stay connected without need.
pub const FIRST_REQUEST: Duration = Duration::from_secs(75);

/// How long a client may leave unread what it is sent.
pub const UNREAD: Duration = Duration::from_secs(30);

/// How long an HTTP/1.1 connection may take for a request's headers, idle time between two requests included. Longer
/// than the minute that load balancers keep idle connections, or they would run into ones we just closed.
const HEADERS: Duration = Duration::from_secs(75);

/// The largest headers of a request, in bytes.
const MAX_HEADERS: u32 = 32 * 1024;

/// The most header lines of a request.
const MAX_HEADER_LINES: usize = 100;

/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// How much a client may send ahead, in bytes: of one call, and of all on a connection. What is not read yet lies in
/// frames that may be tiny (an event of a connector is), and h2 closes a connection whose unread frames weigh more than
/// half of the second, counting up to 256 bytes for each. So calls are held back long before.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How often an idle HTTP/2 client is asked whether it is still there, and how long it has for the answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);

/// How long accepting pauses when the system has no more files or memory to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that is about to be closed waits for one more request of HTTP/1.1, whose answer then says so. A
/// client that is just sending one would see the connection break instead.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a listener is served, and how that ends.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at a time. More wait until one of them ends.
    pub connections: usize,
    /// How old a connection may get, give or take a tenth.
    pub age: Duration,
    /// How long it may go on without a request.
    pub first_request: Duration,
    /// How long a client may leave unread what it is sent.
    pub unread: Duration,
    /// How long calls are still taken after the signal to stop, so that others learn of it and go elsewhere.
    pub detect: Duration,
    /// How long calls in flight may go on after that.
    pub grace: Duration,
}

/// Where connections come in.
pub struct Listener {
    /// The port.
    pub tcp: TcpListener,
    /// How connections are encrypted, if they are.
    pub tls: Option<Tls>,
}

/// Serves until `shutdown` completes. Then, in this order: says that it drains, goes on for a while, takes no more
/// connections and tells those there are (and through `closing` the streams) to end, lets calls in flight finish, and cuts
/// off what is left: a silent client can hold an orderly end for as long as it likes.
pub async fn serve<S>(
    listener: Listener,
    service: S,
    shutdown: impl Future<Output = ()>,
    draining: impl FnOnce(),
    closing: CancellationToken,
    bounds: Bounds,
) where
    S: Answering + Clone + Send + Sync + 'static,
{
    let Listener { tcp, tls } = listener;
    let mut connections = Connections { http: http(), tls, service, closing, bounds, tasks: JoinSet::new() };
    connections.accept_until(&tcp, shutdown).await;
    draining();
    connections.accept_until(&tcp, sleep(bounds.detect)).await;
    // Those who have connected already are served, too.
    while let Some(Ok((stream, _))) = tcp.accept().now_or_never() {
        connections.add(stream);
    }
    drop(tcp);
    connections.closing.cancel();
    if timeout(bounds.grace, async { while connections.tasks.join_next().await.is_some() {} }).await.is_err()
    {
        metrics::cut_off(connections.tasks.len());
        tracing::warn!(
            connections = connections.tasks.len(),
            "cut off connections that did not finish in time"
        );
    }
    connections.tasks.shutdown().await;
}

struct Connections<S> {
    http: Builder<TokioExecutor>,
    tls: Option<Tls>,
    service: S,
    closing: CancellationToken,
    bounds: Bounds,
    tasks: JoinSet<()>,
}

impl<S: Answering + Clone + Send + Sync + 'static> Connections<S> {
    async fn accept_until(&mut self, listener: &TcpListener, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let has_room = self.tasks.len() < self.bounds.connections;
            tokio::select! {
                biased;
                () = &mut end => return,
                Some(_) = self.tasks.join_next() => {}
                stream = accept(listener), if has_room => self.add(stream),
            }
        }
    }

    fn add(&mut self, stream: TcpStream) {
        let connection = Connection {
            http: self.http.clone(),
            service: self.service.clone(),
            closing: self.closing.clone(),
            bounds: self.bounds,
        };
        self.tasks.spawn(connection.begin(stream, self.tls.clone()));
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, and what it is served with.
struct Connection<S> {
    http: Builder<TokioExecutor>,
    service: S,
    closing: CancellationToken,
    bounds: Bounds,
}

impl<S: Answering + Clone + Send + Sync + 'static> Connection<S> {
    async fn begin(self, stream: TcpStream, tls: Option<Tls>) {
        let _present = Present::connection();
        // Answers are small and complete: waiting to fill a packet only makes them late.
        let _ = stream.set_nodelay(true);
        // A client that does not read would hold its answers in memory for as long as it likes.
        #[cfg(target_os = "linux")]
        let _ = set_tcp_user_timeout(&stream, self.bounds.unread.as_millis().try_into().unwrap_or(u32::MAX));
        // hyper's own limit begins with the first byte.
        let first_byte = self.unless_closing(timeout(FIRST_BYTE, stream.readable())).await;
        if !matches!(first_byte, Some(Ok(Ok(())))) {
            return;
        }
        let Some(tls) = tls else { return self.serve(stream).await };
        match self.unless_closing(tls.accept(stream)).await {
            Some(Ok(stream)) => self.serve(stream).await,
            Some(Err(error)) => tracing::debug!(%error, "a connection could not be encrypted"),
            None => {}
        }
    }

    /// What comes of it, unless the server closes and it is not there a little later.
    async fn unless_closing<T>(&self, coming: impl Future<Output = T>) -> Option<T> {
        let closed = async {
            self.closing.cancelled().await;
            sleep(FAREWELL).await;
        };
        tokio::select! {
            come = coming => Some(come),
            () = closed => None,
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { http, service, closing, bounds } = self;
        let manner = Manner::new();
        let of_calls = manner.clone();
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            let version = request.version();
            of_calls.heard(version);
            let (mut service, manner) = (service.clone(), of_calls.clone());
            async move {
                let answer = service.call(linger::heard_out(request)).await;
                answer.map(|response| manner.say_farewell(version, response))
            }
        });
        let serving = http.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut serving = std::pin::pin!(serving);
        // Not all at once when they were opened at once.
        let age = bounds.age.mul_f64(0.9 + 0.2 * rand::random::<f64>());
        let outcome = tokio::select! {
            outcome = serving.as_mut() => Some(outcome),
            () = closing.cancelled() => None,
            () = sleep(age) => None,
            () = manner.stays_silent(bounds.first_request) => None,
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                manner.close();
                let farewell = if manner.is_http2() { Duration::ZERO } else { FAREWELL };
                match timeout(farewell, serving.as_mut()).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        serving.as_mut().graceful_shutdown();
                        timeout(bounds.grace, serving).await.unwrap_or(Ok(()))
                    }
                }
            }
        };
        if let Err(error) = outcome {
            // The client's doing: it went away, or spoke something else.
            tracing::debug!(error, "a connection ended early");
        }
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(MAX_HEADER_LINES)
        .max_buf_size(2 * MAX_HEADERS as usize);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADERS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    http
}
