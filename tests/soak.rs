//! Promises about load, failures and shutdown. `make soak` runs each at full length with the release build and checks the
//! figures. Otherwise a short form runs, which checks behaviour but no times: a debug build beside other tests has none.

mod attack;
mod attackers;
mod failover;
mod figures;
mod flood;
mod forged;
mod frozen;
mod killed;
mod load;
mod overload;
mod readers;
mod shutdown;
mod start;

use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use self::figures::Figures;
use crate::support::{World, fill_lists};

/// Whether `make soak` runs the tests.
static IS_FULL: LazyLock<bool> = LazyLock::new(|| env::var_os("SOAK").is_some());

/// The default timeouts of the service, unlike those of other tests.
const DEFAULT_TIMEOUTS: [&str; 4] = ["--request-timeout", "5s", "--database-acquire-timeout", "250ms"];

/// Interval of polling.
const PAUSE: Duration = Duration::from_millis(20);

/// Selects the size of the short or the full form.
fn sized<T>(short: T, full: T) -> T {
    if *IS_FULL { full } else { short }
}

/// Formats a duration as a flag's value.
fn setting(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

async fn is_ready(world: &World) -> bool {
    world.anonymous().get("/readyz").await.status == 200
}

/// Inserts chats of the organization's first session.
fn seed(world: &World, chats: u64) {
    let (org, session) = (&world.org.id, &world.org.sessions[0]);
    world.sql().run_as(
        org,
        &format!(
            "INSERT INTO chats (org_id, chat_id, type)
             SELECT '{org}', 15550100000 + n || '@c.us', 'user' FROM generate_series(0, {chats} - 1) n;
             INSERT INTO chat_addresses (org_id, address, chat_key) SELECT org_id, chat_id, chat_key FROM chats;
             INSERT INTO session_chats (org_id, session_id, chat_key, last_message_at)
             SELECT org_id, '{session}', chat_key, now() - chat_key * interval '1 minute' FROM chats"
        ),
    );
    world.sql().run_as(org, &fill_lists(&format!("org_id = '{org}'")));
    world.admin().run("VACUUM ANALYZE");
}
