//! Load: many connections that call, in a closed loop or at a rate that knows nothing of the answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::PAUSE;
use crate::support::{KeepAlive, Rest, percentile};

/// How a call came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Served,
    /// In the words that say so: try again later, or the time is up.
    TurnedAway,
    /// A fault of ours, or of the test's.
    Failed,
}

impl End {
    /// What that status of HTTP says.
    pub fn of(status: u16) -> Self {
        match status {
            200 => Self::Served,
            429 | 503 | 504 => Self::TurnedAway,
            _ => Self::Failed,
        }
    }
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When it began; when it should have, if the one before it on its connection took too long.
    pub begun: Instant,
    pub ended: Instant,
    pub end: End,
}

impl Call {
    pub fn took(&self) -> Duration {
        self.ended - self.begun
    }
}

/// Whom to call, and what for: each connection makes these requests in turn.
#[derive(Clone)]
pub struct Load {
    address: SocketAddr,
    requests: Arc<[Vec<u8>]>,
}

impl Load {
    /// GETs and PATCHes of these paths with that key; a PATCH is one that has a body.
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

    /// Calls on that many connections for that long, each as soon as the last one was answered.
    pub async fn closed(&self, connections: usize, length: Duration) -> Vec<Call> {
        self.run(connections, length, Duration::ZERO).await
    }

    /// So many calls a second in all, whatever becomes of them.
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
            // Neighbours make different calls.
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

/// Those that came out like that.
pub fn count(calls: &[Call], end: End) -> usize {
    calls.iter().filter(|call| call.end == end).count()
}

/// What so many percent of those that came out like that took at most.
pub fn latency(calls: &[Call], end: End, percent: usize) -> Duration {
    let ended = calls.iter().filter(|call| call.end == end);
    let mut times = ended.map(Call::took).collect::<Vec<_>>();
    times.sort_unstable();
    percentile(&times, percent)
}

/// What somebody saw who asked again and again.
pub struct Probed {
    pub times: usize,
    /// Answers that were not 200.
    pub refused: usize,
    pub longest: Duration,
}

/// Asks for that path again and again until that is over, each time on a connection of its own.
pub async fn probe(caller: Rest, path: &str, over: CancellationToken) -> Probed {
    let mut probed = Probed { times: 0, refused: 0, longest: Duration::ZERO };
    while !over.is_cancelled() {
        let begun = Instant::now();
        let status = caller.get(path).await.status;
        probed.longest = probed.longest.max(begun.elapsed());
        probed.times += 1;
        probed.refused += usize::from(status != 200);
        tokio::time::sleep(PAUSE).await;
    }
    probed
}
