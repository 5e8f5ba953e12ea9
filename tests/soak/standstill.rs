//! A database that stands still: it hears everything and answers nothing.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load::{Call, End, Probed, count, probe};
use super::readers::Reader;
use super::{Figures, is_ready, setting, sized};
use crate::support::{Cluster, World, memory, threads, until};

/// What some callers have less pool_options than, which is the service's own limit.
const SHORT_DEADLINE: Duration = Duration::from_millis(300);
/// Callers at each protocol, of either pool_options.
const CALLERS: usize = 8;
/// How long they go on when all is well again.
const AFTER: Duration = Duration::from_secs(4);

#[tokio::test]
async fn while_the_database_stands_still_every_call_is_answered_and_nothing_piles_up() {
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
    let before = Used::by(&world);
    let (over, resumed) = (CancellationToken::new(), CancellationToken::new());
    let paused = cluster.pause();
    let mut calling = JoinSet::new();
    for reader in Reader::at_every_door(&world, &chat).into_iter().cycle().take(3 * CALLERS) {
        for (deadline, reader) in
            [(SHORT_DEADLINE, reader.clone().within(SHORT_DEADLINE)), (deadline, reader)]
        {
            let over = over.clone();
            calling.spawn(async move { (deadline, reader.read_until(over).await) });
        }
    }
    let probes = [(world.anonymous(), "/livez"), (world.metrics_rest(), "/metrics")];
    let probes = probes.map(|(caller, path)| tokio::spawn(probe(caller, path, resumed.clone())));
    let stood_still = Instant::now();
    let mut most = Used::by(&world);
    while stood_still.elapsed() < sized(Duration::from_secs(3), Duration::from_secs(30)) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        most = most.max(Used::by(&world));
    }
    assert!(!is_ready(&world).await);
    resumed.cancel();
    drop(paused);
    let goes_on = Instant::now();
    let ready = until("ready", async || is_ready(&world).await).await;
    tokio::time::sleep(AFTER).await;
    over.cancel();
    let mut figures = Figures::of("the database stands still");
    tell_calls(&mut figures, &calling.join_all().await, goes_on);
    for (probing, path) in probes.into_iter().zip(["/livez", "/metrics"]) {
        let Probed { times, refused, longest } = probing.await.expect("a prober");
        assert!(times > 0);
        figures.none(&format!("`{path}` that failed"), refused);
        figures.within(&format!("`{path}`, longest"), longest, Duration::from_millis(100));
    }
    figures.within("ready after it goes on", ready, Duration::from_secs(2));
    // Those that wait for the database, and those that try to open connections to it.
    let may_wait = 2 * std::thread::available_parallelism().map_or(1, usize::from) + 3;
    figures.at_most(
        "threads more than before",
        most.threads.saturating_sub(before.threads) as f64,
        may_wait as f64,
    );
    let more_memory = most.memory.saturating_sub(before.memory) as f64 / 1024.0;
    figures.at_most("memory more than before, MiB", more_memory, 16.0);
    figures.hold(|| world.log());
}

fn tell_calls(figures: &mut Figures, callers: &[(Duration, Vec<Call>)], goes_on: Instant) {
    let all = callers.iter().flat_map(|(_, calls)| calls).copied().collect::<Vec<_>>();
    let meanwhile = all.iter().filter(|call| call.ended < goes_on).copied().collect::<Vec<_>>();
    figures.tell("calls meanwhile", meanwhile.len() as f64);
    figures.none("of these served", count(&meanwhile, End::Served));
    figures.none("calls with 500 or INTERNAL", count(&all, End::Failed));
    for (_, calls) in callers {
        assert!(calls.last().is_some_and(|call| call.end == End::Served), "all is well at last");
    }
    let late = callers
        .iter()
        .flat_map(|(deadline, calls)| calls.iter().map(|call| call.took().saturating_sub(*deadline)));
    let late = late.max().unwrap_or_default();
    figures.within("answers after their deadline, longest", late, Duration::from_millis(100));
    let unwell = all.iter().filter(|call| call.end != End::Served && call.ended > goes_on);
    let unwell = unwell.map(|call| call.ended - goes_on).max().unwrap_or_default();
    figures.within("the last call turned away after it goes on", unwell, Duration::from_secs(2));
}

/// What the server uses.
#[derive(Clone, Copy)]
struct Used {
    threads: usize,
    /// In KiB.
    memory: u64,
}

impl Used {
    fn by(world: &World) -> Self {
        Self { threads: threads(world.process_id()), memory: memory(world.process_id(), "VmRSS") }
    }

    fn max(self, other: Self) -> Self {
        Self { threads: self.threads.max(other.threads), memory: self.memory.max(other.memory) }
    }
}
