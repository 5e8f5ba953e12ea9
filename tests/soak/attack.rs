//! One organization does with 20 connections whatever could hurt others; another one must not notice. The long form takes 12
//! minutes; with `ATTACK=rows`, it is that row alone.

use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::attackers::{ATTACKS, Attack, Target};
use super::load::{Call, End, Load, count, latency};
use super::{Figures, sized};
use crate::support::{World, fill_lists, memory, percentile};

/// Connections of the attacker.
const CONNECTIONS: usize = 20;
/// Calls per second of the other organization, below the rate of one key, and its connections.
const CALM: f64 = 80.0;
const CALM_CONNECTIONS: usize = 4;
/// The lowest scheduling priority.
const LOWEST_PRIORITY: i32 = 19;
/// The most memory that the service may use, in MiB.
const MEMORY: f64 = 200.0;
/// The most log lines about rejected requests, in a second: some twenty of each key, and of all others together.
const LOG_LINES: f64 = 22.0 * (KEYS as f64 + 1.0);
/// Keys of the attacker.
const KEYS: usize = 5;

#[tokio::test]
async fn attack_by_one_organization_does_not_hurt_another() {
    // It accepts connections and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let jwks = format!("http://{}/jwks.json", silent.local_addr().expect("an address"));
    let acquire_timeout = sized("2s", "250ms");
    let login =
        ["--jwks-url", &jwks, "--jwt-issuer", "https://login.acme.example", "--jwt-audience", "inbox"];
    let limits = ["--database-acquire-timeout", acquire_timeout, "--request-timeout", "5s"];
    let world = World::start_with("127.0.0.1:0", &[&login[..], &limits[..]].concat()).await;
    seed_groups(&world, sized(40, 100), sized(500, 4096));
    let target = target(&world).await;
    let others = world.chat_of(&world.other, "Bob").await;
    let calm = Load::new(world.address(), &world.other.key, [(others.path, String::new())]);
    let length = sized(Duration::from_secs(1), Duration::from_secs(20));
    calm.paced(CALM_CONNECTIONS, Duration::from_secs(1), CALM).await;

    let begun = std::time::Instant::now();
    let mut figures = Figures::of("one organization attacks the service");
    let mut unserved = 0;
    let mut p99 = |calls: &[Call]| {
        unserved += calls.len() - count(calls, End::Served);
        latency(calls, End::Served, 99)
    };
    let only = std::env::var("ATTACK").ok();
    for (name, attack) in
        ATTACKS.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name))
    {
        let (mut quiet, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..sized(1, 3) {
            quiet.push(p99(&calm.paced(CALM_CONNECTIONS, length, CALM).await));
            let attacking = begin(attack, target.clone(), length);
            beside.push(p99(&calm.paced(CALM_CONNECTIONS, length, CALM).await));
            let made = attacking.join().expect("an attack");
            assert!(made > 0, "{name}: nothing was attempted");
            figures.report(&format!("{name}: requests"), made as f64);
        }
        let [quiet, beside] = [quiet, beside].map(|mut times| {
            times.sort_unstable();
            percentile(&times, 50)
        });
        figures.report(
            &format!("{name}: p99 of the other one while it is quiet, ms"),
            quiet.as_secs_f64() * 1e3,
        );
        figures.within(&format!("{name}: its p99 beside the attack"), beside, quiet.mul_f64(1.5));
    }
    figures.none("calls of the other organization that were not served", unserved);
    let used = memory(world.process_id(), "VmHWM") as f64 / 1024.0;
    figures.always_at_most("memory, most, MiB", used, MEMORY);
    let lines = world.log().lines().filter(|line| line.contains("\"refused\"")).count();
    let rate = lines as f64 / begun.elapsed().as_secs_f64();
    figures.always_at_most("log lines about rejected requests per second", rate, LOG_LINES);
    figures.check(|| world.log());
}

/// Groups of the organization's first session, each with these members.
fn seed_groups(world: &World, groups: usize, members: usize) {
    let (org, session) = (&world.org.id, &world.org.sessions[0]);
    world.sql().run_as(
        org,
        &format!(
            "INSERT INTO contacts (org_id, contact_id, name)
             SELECT '{org}', 15550200000 + n || '@c.us', repeat('x', 60) FROM generate_series(1, {members}) n;
             INSERT INTO chats (org_id, chat_id, type, member_count)
             SELECT '{org}', 120363000000000000 + n || '@g.us', 'group', {members} FROM generate_series(1, {groups}) n;
             INSERT INTO chat_addresses (org_id, address, chat_key)
             SELECT org_id, chat_id, chat_key FROM chats WHERE org_id = '{org}';
             INSERT INTO session_chats (org_id, session_id, chat_key, last_message_at)
             SELECT org_id, '{session}', chat_key, now() FROM chats WHERE org_id = '{org}';
             INSERT INTO chat_members (org_id, chat_key, contact_id)
             SELECT c.org_id, c.chat_key, p.contact_id FROM chats c JOIN contacts p USING (org_id)
             WHERE c.org_id = '{org}' AND p.name IS NOT NULL"
        ),
    );
    world.sql().run_as(org, &fill_lists(&format!("org_id = '{org}'")));
    world.admin().run("VACUUM ANALYZE");
}

/// The attacker has some keys, so that the rate of one does not limit it.
async fn target(world: &World) -> Target {
    let keys =
        (0..KEYS).map(|_| world.database.create_key(&world.org.id, "read,send,ingest,manage", &[])).collect();
    let chat = world.chat("Alice").await;
    Target { address: world.address(), keys, session: world.org.sessions[0].clone(), chat: chat.path }
}

/// Attacks from a thread with the lowest priority, because the attacker's processors are not those of the service. Returns
/// the number of requests.
fn begin(attack: Attack, target: Target, length: Duration) -> JoinHandle<usize> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || {
        // On Linux this applies to the calling thread only.
        setpriority_process(None, LOWEST_PRIORITY).expect("lowering the priority needs no privilege");
        runtime.block_on(async {
            let mut attacking = JoinSet::new();
            for number in 0..CONNECTIONS {
                attacking.spawn(attack(target.clone(), number, tokio::time::Instant::now() + length));
            }
            attacking.join_all().await.into_iter().sum()
        })
    })
}
