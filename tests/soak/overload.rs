//! Five times the sustainable load: what is served is served in time.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::load::{Call, End, Load, count, latency, probe};
use super::{DEFAULT_TIMEOUTS, Figures, seed, sized};
use crate::support::{Chat, World, processor_time};

/// The load as a multiple of the sustainable load.
const OVERLOAD: f64 = 5.0;
/// Connections in a closed loop: the best of these numbers determines the sustainable load.
const CLOSED: [usize; 4] = [2, 4, 8, 16];
/// Responses later than this after the call was due do not count as served.
const IN_TIME: Duration = Duration::from_secs(1);

#[tokio::test]
async fn five_times_the_load_barely_reduces_goodput() {
    let world = World::start_with("127.0.0.1:0", &DEFAULT_TIMEOUTS).await;
    let chats = sized(500, 100_000);
    seed(&world, chats);
    let load = mixed_load(&world, chats);
    let connections =
        best_connections(&load, sized(Duration::from_millis(500), Duration::from_secs(5))).await;
    // The mean of before and after, to account for other load on the machine and the database's growth.
    let slice = sized(Duration::from_millis(500), Duration::from_secs(20));
    let before = goodput(&load.closed(connections, slice).await, slice);
    let length = sized(Duration::from_secs(2), Duration::from_secs(120));
    let over = CancellationToken::new();
    let probes = ["/livez", "/readyz"].map(|path| tokio::spawn(probe(world.anonymous(), path, over.clone())));
    let used = processor_time(world.process_id());
    let calls = load.paced(sized(200, 2000), length, OVERLOAD * before).await;
    let ended = Instant::now();
    let used = processor_time(world.process_id()) - used;
    over.cancel();
    let recovered = recovery(&load, connections, before, ended).await;
    let after = goodput(&load.closed(connections, slice).await, slice);
    let peak = f64::midpoint(before, after);

    let mut figures = Figures::of("five times the sustainable load");
    figures.report("sustainable load, calls/s, before", before);
    figures.report("and after", after);
    figures.report("offered, calls/s", calls.len() as f64 / length.as_secs_f64());
    figures.report("rejected, calls/s", count(&calls, End::Rejected) as f64 / length.as_secs_f64());
    figures.report("median of rejected calls, ms", latency(&calls, End::Rejected, 50).as_secs_f64() * 1e3);
    figures.report("p99 of served calls, ms", latency(&calls, End::Served, 99).as_secs_f64() * 1e3);
    figures.report("processors the service uses", used.as_secs_f64() / length.as_secs_f64());
    figures.none("calls with 500", count(&calls, End::Failed));
    figures.at_least(
        "served in time, as a share of the sustainable load",
        goodput(&calls, length) / peak,
        0.8,
    );
    for (probing, path) in probes.into_iter().zip(["/livez", "/readyz"]) {
        let probed = probing.await.expect("a prober");
        figures.none(&format!("`{path}` that failed"), probed.failed);
        figures.within(&format!("`{path}`, longest"), probed.longest, Duration::from_millis(2500));
    }
    figures.within("goodput recovers after", recovered, Duration::from_secs(2));
    figures.check(|| world.log());
}

/// The number of connections with the highest goodput.
async fn best_connections(load: &Load, slice: Duration) -> usize {
    let mut best = (0.0, 0);
    for connections in CLOSED {
        let carried = goodput(&load.closed(connections, slice).await, slice);
        if carried > best.0 {
            best = (carried, connections);
        }
    }
    best.1
}

/// Calls per second that were served in time.
fn goodput(calls: &[Call], length: Duration) -> f64 {
    let in_time = calls.iter().filter(|call| call.end == End::Served && call.took() <= IN_TIME);
    in_time.count() as f64 / length.as_secs_f64()
}

/// Time from the end of the overload until the goodput is back.
async fn recovery(load: &Load, connections: usize, peak: f64, ended: Instant) -> Duration {
    let slice = Duration::from_millis(250);
    loop {
        let after = ended.elapsed();
        let calls = load.closed(connections, slice).await;
        let is_recovered = count(&calls, End::Served) == calls.len() && goodput(&calls, slice) >= 0.8 * peak;
        if is_recovered {
            return after;
        }
        assert!(ended.elapsed() < Duration::from_secs(60), "it does not recover\n{calls:?}");
    }
}

/// The requests of an inbox, mostly expensive ones: filtered pages with their count. The database must be the bottleneck;
/// cheap calls would overload the client and the service, which share the machine with it here.
fn mixed_load(world: &World, chats: u64) -> Load {
    let chat = |number: u64| Chat::new(&(15_550_100_000 + number).to_string(), &world.org.sessions[0]);
    let calls = (0..chats).step_by(17).flat_map(|number| {
        let change = format!(r#"{{"custom_properties":{{"note":"{number}"}}}}"#);
        let page = format!("/v1/chats?unread=false&limit=50&offset={}", number % 100);
        [
            (page.clone(), String::new()),
            (chat(number).path, String::new()),
            (page, String::new()),
            (chat(number).path, change),
        ]
    });
    Load::new(world.address(), &world.org.key, calls)
}
