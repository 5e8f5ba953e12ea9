//! One slice of a measurement: calls in a closed loop on every connection.

use std::time::{Duration, Instant};

use crate::calls::Client;
use crate::usage::processor_time;
use crate::{Outcome, WARM_UP};

/// The measurements of one slice.
pub struct Slice {
    /// Time from the first call to the last response.
    pub elapsed: Duration,
    /// Latency of every call.
    pub latencies: Vec<Duration>,
    /// Processor time of the service.
    pub service: Duration,
    /// Processor time of this client.
    pub client: Duration,
}

impl Slice {
    /// Calls per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Runs all clients for that long, after a warm-up.
pub async fn measure<C: Client>(pid: u32, clients: Vec<C>, length: Duration) -> Outcome<Slice> {
    let (clients, _) = run(clients, WARM_UP).await?;
    let service = processor_time(pid);
    let client = processor_time(std::process::id());
    let start = Instant::now();
    let (_, latencies) = run(clients, length).await?;
    Ok(Slice {
        elapsed: start.elapsed(),
        latencies,
        service: processor_time(pid) - service,
        client: processor_time(std::process::id()) - client,
    })
}

async fn run<C: Client>(clients: Vec<C>, length: Duration) -> Outcome<(Vec<C>, Vec<Duration>)> {
    let end = Instant::now() + length;
    let running = clients.into_iter().map(|client| tokio::spawn(until(client, end))).collect::<Vec<_>>();
    let mut clients = Vec::with_capacity(running.len());
    let mut latencies = Vec::new();
    for task in running {
        let (client, of_client) = task.await??;
        clients.push(client);
        latencies.extend(of_client);
    }
    Ok((clients, latencies))
}

async fn until<C: Client>(mut client: C, end: Instant) -> Outcome<(C, Vec<Duration>)> {
    let mut latencies = Vec::with_capacity(64 * 1024);
    let mut start = Instant::now();
    while start < end {
        client.call().await?;
        let now = Instant::now();
        latencies.push(now - start);
        start = now;
    }
    Ok((client, latencies))
}
