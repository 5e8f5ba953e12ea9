//! What the service promises while it is stressed. `make soak` tries each promise at full length with the release build on a
//! machine of its own, and holds the service to its figures. Otherwise it is tried in short, and held to what it does: a
//! debug build beside other tests knows no times.

mod figures;
mod flood;
mod killed;
mod load;
mod overload;
mod readers;
mod standstill;
mod start;
mod stops;

use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use self::figures::Figures;
use crate::support::World;

/// Whether `make soak` asks.
static IS_FULL: LazyLock<bool> = LazyLock::new(|| env::var_os("SOAK").is_some());

/// Between two looks at something.
const PAUSE: Duration = Duration::from_millis(20);

/// A size of the full form, which the short one has smaller.
fn sized<T>(short: T, full: T) -> T {
    if *IS_FULL { full } else { short }
}

/// As a setting.
fn setting(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

async fn is_ready(world: &World) -> bool {
    world.anonymous().get("/readyz").await.status == 200
}

/// So many chats of the organization's first number.
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
    world.admin().run("VACUUM ANALYZE");
}
