//! Start-up time and idle memory.

use std::time::{Duration, Instant};

use super::{Figures, sized};
use crate::support::{World, memory};

#[tokio::test]
async fn service_starts_quickly_and_idles_in_little_memory() {
    let world = World::start().await;
    let mut longest = Duration::ZERO;
    let mut most_memory = 0;
    for _ in 0..sized(1, 20) {
        let begun = Instant::now();
        let server = world.another_server().await;
        longest = longest.max(begun.elapsed());
        tokio::time::sleep(sized(Duration::ZERO, Duration::from_secs(2))).await;
        most_memory = most_memory.max(memory(server.process.id().expect("a process"), "VmRSS"));
    }
    let mut figures = Figures::of("the service starts");
    figures.within("from exec to ready, longest", longest, Duration::from_millis(500));
    figures.at_most("idle memory, most, MiB", most_memory as f64 / 1024.0, 40.0);
    figures.check(String::new);
}
