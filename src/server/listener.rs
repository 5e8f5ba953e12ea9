//! Accepts connections within limits until the server shuts down, then drains them.

mod certificates;
mod connection;
mod connection_state;
mod limits;
pub mod tls;
mod unread_body;

use std::time::Duration;

use futures_util::FutureExt;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
pub use self::limits::Limits;
use self::tls::Tls;
use super::types::Stack;
use crate::telemetry::metrics;

/// Pause of accepting when the system has no file descriptors or memory left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The socket that connections come in on.
pub struct Listener {
    /// The port.
    pub tcp: TcpListener,
    /// The server's certificate; `None` serves without TLS.
    pub tls: Option<Tls>,
}

/// Serves until `shutdown` completes, then drains.
///
/// The drain in order: readiness fails (`drain`), the server keeps accepting for the drain delay, the socket closes,
/// connections and streams are asked to end (`closing`), requests in flight finish, and connections that are left are
/// aborted: a silent client can delay a graceful shutdown for as long as it likes.
pub async fn serve(
    listener: Listener,
    stack: Stack,
    shutdown: impl Future<Output = ()>,
    drain: impl FnOnce(),
    closing: CancellationToken,
    limits: Limits,
) {
    let Listener { tcp, tls } = listener;
    let mut connections =
        Connections { http: connection::http(), tls, stack, closing, limits, tasks: JoinSet::new() };
    connections.accept_until(&tcp, shutdown).await;
    drain();
    connections.accept_until(&tcp, sleep(limits.drain_delay)).await;
    // Connections that the kernel has already established are served, too.
    while let Some(Ok((stream, _))) = tcp.accept().now_or_never() {
        connections.add(stream);
    }
    drop(tcp);
    connections.closing.cancel();
    connections.drain().await;
}

struct Connections {
    http: Builder<TokioExecutor>,
    tls: Option<Tls>,
    stack: Stack,
    closing: CancellationToken,
    limits: Limits,
    tasks: JoinSet<()>,
}

impl Connections {
    async fn accept_until(&mut self, listener: &TcpListener, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let has_room = self.tasks.len() < self.limits.max_connections;
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
            stack: self.stack.clone(),
            closing: self.closing.clone(),
            limits: self.limits,
        };
        self.tasks.spawn(connection.serve(stream, self.tls.clone()));
    }

    async fn drain(mut self) {
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(self.limits.drain_timeout, finished).await.is_err() {
            let connections = self.tasks.len();
            metrics::connections_aborted(connections);
            tracing::warn!(connections, "aborted connections that did not finish within the drain timeout");
        }
        self.tasks.shutdown().await;
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
