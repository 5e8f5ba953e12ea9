//! Forged webhooks: they reach no database, cost little, and delay no genuine one.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Figures, sized};
use crate::connect::inbound::{connect, message, messages_named, post, world};
use crate::support::{KeepAlive, processor_time, until};

/// Connections of the flood.
const CONNECTIONS: usize = 8;
/// The most processor time of a forged webhook, in microseconds: 5 % of a core at 1,000 a second.
const MAX_MICROS: f64 = 50.0;
/// Look-ups a second of ids that nobody knows, and as many in advance.
const MAX_LOOKUPS: usize = 2 * 20;

/// How long a look-up is waited for that cannot succeed.
const WAIT: Duration = Duration::from_secs(1);

/// A webhook with another signature, of about a kilobyte.
fn forged(path: &str) -> Vec<u8> {
    let body = message("3EB0FORGED", "15550104001").replace("hello", &"hello ".repeat(120));
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-webhook-hmac: {}\r\n\
         x-webhook-hmac-algorithm: sha512\r\ncontent-length: {}\r\n\r\n{body}",
        "0".repeat(128),
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn forged_webhooks_cost_no_statement_and_little_time() {
    let world = world().await;
    let (id, path) = connect(&world, "http://127.0.0.1:9").await;
    let of_unknown = |n: usize| format!("/connect/waha/{}{n:032x}", &id[..32]);
    let rest = world.anonymous();
    let mut figures = Figures::of("forged webhooks");

    // What is refused needs no look at a table that cannot be read: after the first time, and beyond the budget of look-ups.
    rest.json("POST", &path, "{}").await.expect(401);
    rest.json("POST", of_unknown(0), "{}").await.expect(404);
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE connections, inbound_events IN ACCESS EXCLUSIVE MODE");
    let begun = Instant::now();
    for _ in 0..100 {
        rest.json("POST", &path, "{}").await.expect(401);
        rest.json("POST", of_unknown(0), "{}").await.expect(404);
    }
    let others = (1..=2 * MAX_LOOKUPS).map(|n| timeout(WAIT, rest.json("POST", of_unknown(n), "{}")));
    let (limited, waiting): (Vec<_>, Vec<_>) = join_all(others).await.into_iter().partition(Result::is_ok);
    let took = begun.elapsed();
    sql.run("ROLLBACK");
    figures.always_at_most("unknown ids that are looked up", waiting.len() as f64, MAX_LOOKUPS as f64);
    assert!(limited.iter().flatten().all(|answer| answer.status == 429), "another status");
    assert!(took < Duration::from_secs(5), "{took:?}");

    // The flood, and a genuine webhook in the middle of it.
    let count = sized(2_000, 40_000);
    let address = world.address();
    for (what, forge) in [
        ("another signature", Box::new(|_| path.clone()) as Box<dyn Fn(usize) -> String>),
        ("one unknown id", Box::new(|_| of_unknown(0))),
        ("many unknown ids", Box::new(of_unknown)),
    ] {
        let mut flood = Vec::new();
        for _ in 0..CONNECTIONS {
            flood.push(KeepAlive::open(address).await.expect("the service"));
        }
        let (before, mut refused) = (processor_time(world.process_id()), 0);
        for n in 0..count {
            let request = forged(&forge(n));
            let (status, _) = flood[n % CONNECTIONS].exchange(&request).await.expect("an answer");
            refused += usize::from(matches!(status, 401 | 404 | 429));
        }
        let used = processor_time(world.process_id()).saturating_sub(before);
        figures.none(&format!("{what}: not refused"), count - refused);
        figures.at_most(
            &format!("{what}: processor time of each, µs"),
            used.as_secs_f64() * 1e6 / count as f64,
            MAX_MICROS,
        );
    }
    post(&rest, &path, &message("3EB0GENUINE", "15550104001")).await.expect(200);
    until("the genuine message is stored", async || messages_named(&world, "3EB0GENUINE") == 1).await;
    assert_eq!(messages_named(&world, "3EB0FORGED"), 0);
    figures.check(|| world.log());
}
