//! One organization exceeds its rate limit by far; another one must not be affected.

use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::runtime::Builder;

use super::load::{Call, End, Load, count, latency};
use super::{DEFAULT_TIMEOUTS, Figures, seed, sized};
use crate::support::{World, percentile};

/// Rate limit of each organization, in calls per second.
const QUOTA: u32 = 250;
/// The flood's rate as a multiple of the limit, and its connections.
const FLOOD: f64 = 20.0;
const FLOOD_CONNECTIONS: usize = 200;
/// Calls per second of the other organization, and its connections.
const CALM: f64 = 200.0;
const CALM_CONNECTIONS: usize = 4;
/// The lowest scheduling priority.
const LOWEST_PRIORITY: i32 = 19;

#[tokio::test]
async fn flood_of_one_organization_does_not_slow_another() {
    let quota = QUOTA.to_string();
    let limits = ["--org-rate-limit", &quota, "--key-rate-limit", &quota];
    let world = World::start_with("127.0.0.1:0", &[&limits[..], &DEFAULT_TIMEOUTS].concat()).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let flood = Load::new(world.address(), &world.org.key, [(chat.path, String::new())]);
    let calm = Load::new(world.address(), &world.other.key, [(others.path, String::new())]);
    // A flood starts with a burst of one second's calls, which others wait for: less than a hundredth of this time.
    let length = sized(Duration::from_secs(1), Duration::from_secs(20));
    let [mut quiet, mut beside] = [const { Vec::<Duration>::new() }; 2];
    let (mut rejected, mut flooding) = (0, Vec::<Call>::new());
    let mut p99 = |calls: &[Call]| {
        rejected += calls.len() - count(calls, End::Served);
        latency(calls, End::Served, 99)
    };
    calm.paced(CALM_CONNECTIONS, Duration::from_secs(1), CALM).await;
    // Alternating, with the median: other load on the machine affects both alike.
    let rounds = sized(1, 3);
    for _ in 0..rounds {
        quiet.push(p99(&calm.paced(CALM_CONNECTIONS, length, CALM).await));
        let flooded = begin(flood.clone(), length);
        beside.push(p99(&calm.paced(CALM_CONNECTIONS, length, CALM).await));
        flooding.extend(flooded.join().expect("a flood"));
    }
    let mut figures = Figures::of("one organization floods the service");
    let seconds = length.as_secs_f64() * f64::from(rounds);
    figures.report("calls of the flood per second", flooding.len() as f64 / seconds);
    let served = count(&flooding, End::Served) as f64 / seconds;
    figures.at_most("of these served per second", served, 1.25 * f64::from(QUOTA));
    figures.none("of these with 500", count(&flooding, End::Failed));
    figures.none("calls of the other organization that were not served", rejected);
    figures.report("its longest p99 beside the flood, ms", milliseconds(&beside, 100));
    let [quiet, beside] = [quiet, beside].map(|p99s| milliseconds(&p99s, 50));
    figures.report("its p99 while it is quiet, median, ms", quiet);
    let [beside, promised] = [beside, 1.5 * quiet].map(|millis| Duration::from_secs_f64(millis / 1e3));
    figures.within("its p99 beside the flood, median", beside, promised);
    figures.check(|| world.log());
}

#[tokio::test]
async fn queued_calls_of_one_organization_do_not_delay_another() {
    // One connection, so that calls queue: more than can start within the acquire timeout.
    let limits =
        ["--database-pool-size", "1", "--org-rate-limit", "unlimited", "--key-rate-limit", "unlimited"];
    let world = World::start_with("127.0.0.1:0", &[&limits[..], &DEFAULT_TIMEOUTS].concat()).await;
    seed(&world, 20_000);
    let others = world.chat_of(&world.other, "Bob").await;
    let pages = "/v1/chats?unread=false&limit=50".to_owned();
    let many = Load::new(world.address(), &world.org.key, [(pages, String::new())]);
    let few = Load::new(world.address(), &world.other.key, [(others.path, String::new())]);
    let length = Duration::from_secs(2);
    let (crowd, calls) = tokio::join!(many.closed(FLOOD_CONNECTIONS, length), few.closed(1, length));
    assert!(count(&crowd, End::Rejected) > 0, "some of the queued calls are rejected: {}", crowd.len());
    assert_eq!(count(&calls, End::Served), calls.len(), "of {} calls of the other organization", calls.len());
}

/// Floods from a thread with the lowest priority: in production a flood does not use the processors of the service and of
/// the measuring client. The report has the number of calls made.
fn begin(flood: Load, length: Duration) -> JoinHandle<Vec<Call>> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rate = FLOOD * f64::from(QUOTA);
    std::thread::spawn(move || {
        // On Linux this applies to the calling thread only.
        setpriority_process(None, LOWEST_PRIORITY).expect("lowering the priority needs no privilege");
        runtime.block_on(flood.paced(FLOOD_CONNECTIONS, length, rate))
    })
}

/// Percentile in milliseconds.
fn milliseconds(times: &[Duration], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    percentile(&times, percent).as_secs_f64() * 1e3
}
