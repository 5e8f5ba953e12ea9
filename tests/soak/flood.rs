//! One organization calls far more often than it may; another one must not notice.

use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::runtime::Builder;

use super::load::{Call, End, Load, count, latency};
use super::{Figures, seed, sized};
use crate::support::{World, percentile};

/// Calls a second of one organization.
const QUOTA: u32 = 250;
/// What the flood has of it, and its connections.
const FLOOD: f64 = 20.0;
const FLOODING: usize = 200;
/// Calls a second of the other one, and its connections.
const CALM: f64 = 200.0;
const CALLING: usize = 4;
/// The lowest priority there is.
const LAST: i32 = 19;

#[tokio::test]
async fn the_flood_of_one_organization_does_not_slow_another() {
    let quota = QUOTA.to_string();
    let args =
        ["--org-rate-limit", &quota, "--key-rate-limit", &quota, "--database-acquire-timeout", "250ms"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let flood = Load::new(world.address(), &world.org.key, [(chat.path, String::new())]);
    let calm = Load::new(world.address(), &world.other.key, [(others.path, String::new())]);
    // When it begins, a flood has a second's calls at once, and others wait for these: less than a hundredth of this time.
    let length = sized(Duration::from_secs(1), Duration::from_secs(20));
    let [mut quiet, mut beside] = [const { Vec::<Duration>::new() }; 2];
    let (mut refused, mut flooding) = (0, Vec::<Call>::new());
    let mut p99 = |calls: &[Call]| {
        refused += calls.len() - count(calls, End::Served);
        latency(calls, End::Served, 99)
    };
    calm.paced(CALLING, Duration::from_secs(1), CALM).await;
    // In turns, and the median of them: what else the machine does meets both alike.
    let rounds = sized(1, 3);
    for _ in 0..rounds {
        quiet.push(p99(&calm.paced(CALLING, length, CALM).await));
        let flooded = begin(flood.clone(), length);
        beside.push(p99(&calm.paced(CALLING, length, CALM).await));
        flooding.extend(flooded.join().expect("a flood"));
    }
    let mut figures = Figures::of("one organization floods the service");
    let seconds = length.as_secs_f64() * f64::from(rounds);
    figures.tell("calls of the flood, a second", flooding.len() as f64 / seconds);
    let served = count(&flooding, End::Served) as f64 / seconds;
    figures.at_most("of these served, a second", served, 1.25 * f64::from(QUOTA));
    figures.none("of these with 500", count(&flooding, End::Failed));
    figures.none("calls of the other organization that were not served", refused);
    figures.tell("its longest p99 beside the flood, ms", milliseconds(&beside, 100));
    let [quiet, beside] = [quiet, beside].map(|p99s| milliseconds(&p99s, 50));
    figures.tell("its p99 while it is quiet, median, ms", quiet);
    let [beside, promised] = [beside, 1.5 * quiet].map(|millis| Duration::from_secs_f64(millis / 1e3));
    figures.within("its p99 beside the flood, median", beside, promised);
    figures.hold(|| world.log());
}

#[tokio::test]
async fn nobody_waits_for_all_the_calls_that_another_organization_has_waiting() {
    // One connection, so that everything waits there. More is waiting than is done in the time that a call waits at most.
    let args =
        ["--database-pool-size", "1", "--database-acquire-timeout", "250ms", "--org-rate-limit", "unlimited"];
    let world =
        World::start_with("127.0.0.1:0", &[&args[..], &["--key-rate-limit", "unlimited"]].concat()).await;
    seed(&world, 20_000);
    let others = world.chat_of(&world.other, "Bob").await;
    let pages = "/v1/chats?unread=false&limit=50".to_owned();
    let many = Load::new(world.address(), &world.org.key, [(pages, String::new())]);
    let few = Load::new(world.address(), &world.other.key, [(others.path, String::new())]);
    let length = Duration::from_secs(2);
    let (crowd, calls) = tokio::join!(many.closed(FLOODING, length), few.closed(1, length));
    assert!(count(&crowd, End::TurnedAway) > 0, "more was waiting than can be done in time: {}", crowd.len());
    assert_eq!(count(&calls, End::Served), calls.len(), "of {} calls of the other organization", calls.len());
}

/// Floods from a thread of its own that lets all others go first: elsewhere whoever floods does not take the processors of the
/// service and of who measures. The calls come all the same: their number is told.
fn begin(flood: Load, length: Duration) -> JoinHandle<Vec<Call>> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rate = FLOOD * f64::from(QUOTA);
    std::thread::spawn(move || {
        // Of this thread alone: Linux takes "this process" for it.
        setpriority_process(None, LAST).expect("a lower priority needs no right");
        runtime.block_on(flood.paced(FLOODING, length, rate))
    })
}

/// What so many percent of the times are below.
fn milliseconds(times: &[Duration], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    percentile(&times, percent).as_secs_f64() * 1e3
}
