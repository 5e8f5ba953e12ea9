//! PostgreSQL hangs: it accepts connections and does not respond.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load::{Call, End, Probed, count, probe};
use super::readers::Reader;
use super::{Figures, is_ready, setting, sized};
use crate::support::{Cluster, World, memory, threads, until};

/// Deadline of half of the clients; the others have the service's request timeout.
const SHORT_DEADLINE: Duration = Duration::from_millis(300);
/// Clients per protocol and deadline.
const CALLERS: usize = 8;
/// How long the clients continue after PostgreSQL resumes.
const AFTER: Duration = Duration::from_secs(4);

#[tokio::test]
async fn frozen_postgresql_delays_no_response() {
    let deadline = sized(Duration::from_secs(1), Duration::from_secs(5));
    let cluster = Cluster::start(&[]).await;
    let timeout = setting(deadline);
    let args = [
        "--request-timeout",
        &timeout,
        "--database-acquire-timeout",
        "250ms",
        "--metrics-address",
        "127.0.0.1:0",
    ];
    let world = World::alone_in(&cluster, &args).await;
    let chat = world.chat("Alice").await;
    world.rest().get(&chat).await.expect(200);
    let before = Usage::of(&world);
    let (over, resumed) = (CancellationToken::new(), CancellationToken::new());
    let paused = cluster.pause();
    let mut calling = JoinSet::new();
    for reader in Reader::for_every_protocol(&world, &chat).into_iter().cycle().take(3 * CALLERS) {
        for (deadline, reader) in
            [(SHORT_DEADLINE, reader.clone().with_deadline(SHORT_DEADLINE)), (deadline, reader)]
        {
            let over = over.clone();
            calling.spawn(async move { (deadline, reader.read_until(over).await) });
        }
    }
    let probes = [(world.anonymous(), "/livez"), (world.metrics_rest(), "/metrics")];
    let probes = probes.map(|(caller, path)| tokio::spawn(probe(caller, path, resumed.clone())));
    let frozen_at = Instant::now();
    let mut most = Usage::of(&world);
    while frozen_at.elapsed() < sized(Duration::from_secs(3), Duration::from_secs(30)) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        most = most.max(Usage::of(&world));
    }
    assert!(!is_ready(&world).await);
    resumed.cancel();
    drop(paused);
    let resumed_at = Instant::now();
    let ready = until("ready", async || is_ready(&world).await).await;
    tokio::time::sleep(AFTER).await;
    over.cancel();
    let mut figures = Figures::of("PostgreSQL hangs");
    report_calls(&mut figures, &calling.join_all().await, resumed_at);
    for (probing, path) in probes.into_iter().zip(["/livez", "/metrics"]) {
        let Probed { count, failed, longest } = probing.await.expect("a prober");
        assert!(count > 0);
        figures.none(&format!("`{path}` that failed"), failed);
        figures.within(&format!("`{path}`, longest"), longest, Duration::from_millis(100));
    }
    figures.within("ready after PostgreSQL resumes", ready, Duration::from_secs(2));
    // Threads that wait for PostgreSQL or open connections to it.
    let expected = 2 * std::thread::available_parallelism().map_or(1, usize::from) + 3;
    figures.at_most(
        "threads more than before",
        most.threads.saturating_sub(before.threads) as f64,
        expected as f64,
    );
    let more_memory = most.memory.saturating_sub(before.memory) as f64 / 1024.0;
    figures.at_most("memory more than before, MiB", more_memory, 16.0);
    figures.check(|| world.log());
}

fn report_calls(figures: &mut Figures, callers: &[(Duration, Vec<Call>)], resumed_at: Instant) {
    let all = callers.iter().flat_map(|(_, calls)| calls).copied().collect::<Vec<_>>();
    let meanwhile = all.iter().filter(|call| call.ended < resumed_at).copied().collect::<Vec<_>>();
    figures.report("calls meanwhile", meanwhile.len() as f64);
    figures.none("of these served", count(&meanwhile, End::Served));
    figures.none("calls with 500 or INTERNAL", count(&all, End::Failed));
    for (_, calls) in callers {
        assert!(
            calls.last().is_some_and(|call| call.end == End::Served),
            "the last call of each client succeeds"
        );
    }
    let late = callers
        .iter()
        .flat_map(|(deadline, calls)| calls.iter().map(|call| call.took().saturating_sub(*deadline)));
    let late = late.max().unwrap_or_default();
    figures.within("answers after their deadline, longest", late, Duration::from_millis(100));
    let failed_after = all.iter().filter(|call| call.end != End::Served && call.ended > resumed_at);
    let failed_after = failed_after.map(|call| call.ended - resumed_at).max().unwrap_or_default();
    figures.within("last call rejected after PostgreSQL resumes", failed_after, Duration::from_secs(2));
}

/// Resource usage of the server.
#[derive(Clone, Copy)]
struct Usage {
    threads: usize,
    /// In KiB.
    memory: u64,
}

impl Usage {
    fn of(world: &World) -> Self {
        Self { threads: threads(world.process_id()), memory: memory(world.process_id(), "VmRSS") }
    }

    fn max(self, other: Self) -> Self {
        Self { threads: self.threads.max(other.threads), memory: self.memory.max(other.memory) }
    }
}
