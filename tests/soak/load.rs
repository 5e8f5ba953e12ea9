//! Load generator: many connections, in a closed loop or at a fixed rate (open loop).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::PAUSE;
use crate::support::{KeepAlive, Rest, percentile};

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Served,
    /// With 429, 503 or 504.
    Rejected,
    /// With any other status: a bug.
    Failed,
}

impl End {
    /// The outcome of an HTTP status.
    pub fn of(status: u16) -> Self {
        match status {
            200 => Self::Served,
            429 | 503 | 504 => Self::Rejected,
            _ => Self::Failed,
        }
    }
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When it started, or was due if the previous call on its connection took too long.
    pub begun: Instant,
    pub ended: Instant,
    pub end: End,
}

impl Call {
    pub fn took(&self) -> Duration {
        self.ended - self.begun
    }
}

/// The server, and the requests that each connection makes in turn.
#[derive(Clone)]
pub struct Load {
    address: SocketAddr,
    requests: Arc<[Vec<u8>]>,
}

impl Load {
    /// GET requests of these paths with that key, or PATCH requests if there is a body.
    pub fn new(address: SocketAddr, key: &str, calls: impl IntoIterator<Item = (String, String)>) -> Self {
        let request = |(path, body): (String, String)| {
            let method = if body.is_empty() { "GET" } else { "PATCH" };
            format!(
                "{method} {path} HTTP/1.1\r\nhost: soak\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        Self { address, requests: calls.into_iter().map(request).collect() }
    }

    /// Closed loop: each connection calls again as soon as it has a response.
    pub async fn closed(&self, connections: usize, length: Duration) -> Vec<Call> {
        self.run(connections, length, Duration::ZERO).await
    }

    /// Open loop: `rate` calls per second in total.
    pub async fn paced(&self, connections: usize, length: Duration, rate: f64) -> Vec<Call> {
        self.run(connections, length, Duration::from_secs_f64(connections as f64 / rate)).await
    }

    async fn run(&self, connections: usize, length: Duration, interval: Duration) -> Vec<Call> {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(KeepAlive::open(self.address).await.expect("the server"));
        }
        let begin = Instant::now();
        let mut calling = JoinSet::new();
        for (number, connection) in open.into_iter().enumerate() {
            let first = begin + interval.mul_f64(number as f64 / connections as f64);
            // Connections start with different requests.
            let requests = self.requests.clone();
            calling.spawn(async move {
                call(connection, &requests, number, first, interval, begin + length).await
            });
        }
        calling.join_all().await.concat()
    }
}

async fn call(
    mut connection: KeepAlive,
    requests: &[Vec<u8>],
    first_request: usize,
    mut due: Instant,
    interval: Duration,
    end: Instant,
) -> Vec<Call> {
    let mut calls = Vec::new();
    for request in requests.iter().cycle().skip(first_request % requests.len()) {
        let mut begun = due;
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            tokio::time::sleep(early).await;
            begun = Instant::now();
        }
        if begun >= end || Instant::now() >= end {
            break;
        }
        let (status, _) = connection.exchange(request).await.expect("an answer");
        let ended = Instant::now();
        calls.push(Call { begun, ended, end: End::of(status) });
        due = if interval.is_zero() { ended } else { due + interval };
    }
    calls
}

/// Number of calls with that outcome.
pub fn count(calls: &[Call], end: End) -> usize {
    calls.iter().filter(|call| call.end == end).count()
}

/// Latency percentile of the calls with that outcome.
pub fn latency(calls: &[Call], end: End, percent: usize) -> Duration {
    let ended = calls.iter().filter(|call| call.end == end);
    let mut times = ended.map(Call::took).collect::<Vec<_>>();
    times.sort_unstable();
    percentile(&times, percent)
}

/// The results of a probe.
pub struct Probed {
    pub count: usize,
    /// Responses other than 200.
    pub failed: usize,
    pub longest: Duration,
}

/// Requests a path repeatedly until `over` is cancelled, each time on a new connection.
pub async fn probe(caller: Rest, path: &str, over: CancellationToken) -> Probed {
    let mut probed = Probed { count: 0, failed: 0, longest: Duration::ZERO };
    while !over.is_cancelled() {
        let begun = Instant::now();
        let status = caller.get(path).await.status;
        probed.longest = probed.longest.max(begun.elapsed());
        probed.count += 1;
        probed.failed += usize::from(status != 200);
        tokio::time::sleep(PAUSE).await;
    }
    probed
}
