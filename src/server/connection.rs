//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them, within limits, until it is told to stop.

use std::time::Duration;

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::around::Answering;
use super::linger;

/// How long a new connection may stay silent.
const FIRST_BYTE: Duration = Duration::from_secs(10);

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

/// Serves until `shutdown` completes, calls `stopping`, and lets calls in flight finish for at most `grace`. What is
/// left then (a silent client can hold a graceful shutdown for as long as it likes) is cut off.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    shutdown: impl Future<Output = ()>,
    stopping: impl FnOnce(),
    grace: Duration,
) where
    S: Answering + Clone + Send + Sync + 'static,
{
    let graceful = GracefulShutdown::new();
    let (running, stop) = watch::channel(());
    let http = http();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener) => {
                connections.spawn(connection(http.clone(), stream, service.clone(), graceful.watcher(), stop.clone()));
            }
        }
    }
    drop(listener);
    drop(running);
    stopping();
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cut off connections that did not finish in time");
    }
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<S>(
    http: Builder<TokioExecutor>,
    stream: TcpStream,
    service: S,
    watcher: Watcher,
    mut stop: watch::Receiver<()>,
) where
    S: Answering + Clone + Send + Sync + 'static,
{
    // Answers are small and complete: waiting to fill a packet only makes them late.
    let _ = stream.set_nodelay(true);
    // hyper's own limit begins with the first byte.
    tokio::select! {
        first_byte = tokio::time::timeout(FIRST_BYTE, stream.readable()) => {
            if !matches!(first_byte, Ok(Ok(()))) {
                return;
            }
        }
        _ = stop.changed() => return,
    }
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        service.clone().call(linger::heard_out(request))
    });
    let serving = http.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(serving).await {
        // The client's doing: it went away, or spoke something else.
        tracing::debug!(error, "a connection ended early");
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
