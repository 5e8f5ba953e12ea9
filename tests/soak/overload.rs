//! Far more calls than the service can carry: those it serves, it serves in time.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::load::{Call, End, Load, count, latency, probe};
use super::{Figures, seed, sized};
use crate::support::{Chat, World, processor_time};

/// How many times what it can carry.
const OVERLOAD: f64 = 5.0;
/// Connections, each in a closed loop: with as many of them as serve it best, it carries the most it can.
const CLOSED: [usize; 4] = [2, 4, 8, 16];
/// An answer that comes later than this after its call was due serves nobody.
const IN_TIME: Duration = Duration::from_secs(1);

#[tokio::test]
async fn under_five_times_the_load_it_can_carry_the_service_serves_nearly_as_much_as_ever() {
    let world = World::start_with("127.0.0.1:0", &["--database-acquire-timeout", "250ms"]).await;
    let chats = sized(500, 100_000);
    seed(&world, chats);
    let load = mixture(&world, chats);
    let connections = best(&load, sized(Duration::from_millis(500), Duration::from_secs(5))).await;
    // Before and after, and the mean of both: what else the machine does, and what the database has grown to, meets both alike.
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

    let mut figures = Figures::of("five times the load it can carry");
    figures.tell("the most it carries, calls/s, before", before);
    figures.tell("and after", after);
    figures.tell("offered, calls/s", calls.len() as f64 / length.as_secs_f64());
    figures.tell("turned away, calls/s", count(&calls, End::TurnedAway) as f64 / length.as_secs_f64());
    figures
        .tell("median of what is turned away, ms", latency(&calls, End::TurnedAway, 50).as_secs_f64() * 1e3);
    figures.tell("p99 of what is served, ms", latency(&calls, End::Served, 99).as_secs_f64() * 1e3);
    figures.tell("processors the service uses", used.as_secs_f64() / length.as_secs_f64());
    figures.none("calls with 500", count(&calls, End::Failed));
    figures.at_least("served in time, of the most it carries", goodput(&calls, length) / peak, 0.8);
    for (probing, path) in probes.into_iter().zip(["/livez", "/readyz"]) {
        let probed = probing.await.expect("a prober");
        figures.none(&format!("`{path}` that failed"), probed.refused);
        figures.within(&format!("`{path}`, longest"), probed.longest, Duration::from_millis(2500));
    }
    figures.within("carries as much as before again after", recovered, Duration::from_secs(2));
    figures.hold(|| world.log());
}

/// With how many connections it carries the most.
async fn best(load: &Load, slice: Duration) -> usize {
    let mut best = (0.0, 0);
    for connections in CLOSED {
        let carried = goodput(&load.closed(connections, slice).await, slice);
        if carried > best.0 {
            best = (carried, connections);
        }
    }
    best.1
}

/// Calls a second that were served in time.
fn goodput(calls: &[Call], length: Duration) -> f64 {
    let in_time = calls.iter().filter(|call| call.end == End::Served && call.took() <= IN_TIME);
    in_time.count() as f64 / length.as_secs_f64()
}

/// How long after the overload somebody who calls as before is served as before.
async fn recovery(load: &Load, connections: usize, peak: f64, ended: Instant) -> Duration {
    let slice = Duration::from_millis(250);
    loop {
        let after = ended.elapsed();
        let calls = load.closed(connections, slice).await;
        let is_well = count(&calls, End::Served) == calls.len() && goodput(&calls, slice) >= 0.8 * peak;
        if is_well {
            return after;
        }
        assert!(ended.elapsed() < Duration::from_secs(60), "it does not recover\n{calls:?}");
    }
}

/// What an inbox does, and most often what costs the database most: filtered pages with their count. What is overloaded
/// has to be the database. Calls that cost it little would overload whoever makes them and who turns them away: elsewhere
/// these do not share a machine with it.
fn mixture(world: &World, chats: u64) -> Load {
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
