//! How soon the service is there, and what it takes while nobody calls.

use std::time::{Duration, Instant};

use super::{Figures, sized};
use crate::support::{World, memory};

#[tokio::test]
async fn the_service_is_ready_soon_and_takes_little_while_it_is_idle() {
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
    figures.hold(String::new);
}
