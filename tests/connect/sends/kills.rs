//! `kill -9` in the middle of sends: each is carried out once, in order, and ends as accepted.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use switchboard::pb::commands_request::outcome::Result as Reported;

use super::world;
use crate::connect::connector::{Connector, text};
use crate::support::{Rest, until};

/// Number of kills; `make kills` sets 50.
fn kills() -> usize {
    std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(3)
}

/// What a connector did, which it remembers however often the service ends.
#[derive(Default)]
struct Done {
    queue_ids: BTreeSet<String>,
    texts: Vec<String>,
}

impl Done {
    /// Carries out sends until the service ends.
    async fn carry_out(&mut self, connector: &mut Connector) {
        while let Some(send) = connector.try_next().await {
            if self.queue_ids.insert(send.queue_id.clone()) {
                self.texts.push(text(&send));
            }
            connector.try_report(&send, Reported::Accepted(String::new())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_send_is_lost_or_carried_out_twice() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let mut random = StdRng::seed_from_u64(1555);
    let (mut done, mut number) = (Done::default(), 0);
    for _ in 0..kills() {
        let server = world.another_server().await;
        let caller = Rest::new(server.address).token(&world.org.key);
        let url = format!("http://{}", server.address);
        let mut connector = Connector::open(&url, &key, &world.org.sessions[0]).await;
        for _ in 0..random.random_range(5..20) {
            number += 1;
            let body = json!({"chat_id": chat.id, "message": format!("{number:05}")}).to_string();
            // A call whose deadline ended may have queued it; with its key it is safe to repeat.
            let caller = caller.with("idempotency-key", format!("kills-{number}"));
            until("it is queued", async || {
                caller.json("POST", "/v1/message/send", body.clone()).await.status == 200
            })
            .await;
        }
        let pause = Duration::from_millis(random.random_range(0..400));
        let kill = async {
            tokio::time::sleep(pause).await;
            let id =
                server.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("a process");
            kill_process(id, Signal::KILL).expect("it runs");
        };
        tokio::join!(kill, done.carry_out(&mut connector));
        // Nobody has to wait until the lease of the killed stream expires.
        world.sql().run_as(&world.org.id, "UPDATE connector_leases SET expires_at = now()");
    }
    let mut connector = Connector::open(&world.url(), &key, &world.org.sessions[0]).await;
    tokio::select! {
        () = done.carry_out(&mut connector) => panic!("the stream has ended"),
        _ = until("all are accepted", async || world.sql().count("sends WHERE state = 'accepted'") == number) => {}
    }
    assert_eq!(done.texts, (1..=number).map(|number| format!("{number:05}")).collect::<Vec<_>>());
    assert_eq!(world.sql().count("messages WHERE ack = 1"), number);
}
