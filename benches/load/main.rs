//! Throughput and latency of the service, compared with `pgbench` and a small Node.js service that run the same statements.
//!
//! PostgreSQL, the service and this client share one machine: rates are lower bounds, the client's processor time is
//! reported, and the ratios count. No figure makes the benchmark fail; a failed call does. `BENCH_SECONDS` sets the
//! total time of calls about one chat (default 120). Each page of a list or search is measured for one slice of it.

mod calls;
mod fastify;
mod grpc;
mod pages;
mod pgbench;
mod report;
mod rest;
mod seed;
mod statement;
mod timing;

#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/citus.rs"]
mod citus;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/cluster.rs"]
mod cluster;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/database.rs"]
mod database;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/disk.rs"]
mod disk;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/keep_alive.rs"]
mod keep_alive;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/methods.rs"]
mod methods;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/process.rs"]
mod process;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/programs.rs"]
mod programs;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/server.rs"]
mod server;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/sql.rs"]
mod sql;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/usage.rs"]
mod usage;

use std::error::Error;
use std::time::Duration;

use calls::{Call, Protocol, Target};
use cluster::Cluster;
use fastify::Fastify;
use pgbench::{Baseline, Contacts};
use report::Report;
use seed::World;
use server::Server;
use timing::Slice;

/// The binary under load.
const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// The calls that are compared; each reads with one statement.
const READS: [Call; 2] = [Call::GetChat, Call::GetSessionChat];
const CONNECTIONS: [usize; 3] = [1, 8, 32];
const PAGE_CONNECTIONS: usize = 8;
const ROUNDS: u32 = 3;
const DEFAULT_SECONDS: u64 = 120;
const WARM_UP: Duration = Duration::from_millis(300);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

// One thread: the client must not use more than one of the cores it shares with the service.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let slice = slice_length()?;
    eprintln!("starting PostgreSQL and seeding {} chats, {} messages …", seed::CHATS, seed::MESSAGES);
    let database = Cluster::get().await.migrated_database().await;
    let world = World::seed(&database)?;
    let statements = statement::of_calls(&database, &world, &READS).await?;
    let baselines =
        [Baseline::new("whole chat", &statements[0], Contacts::Random, &world)?, Baseline::one_row(&world)?];

    let server = Server::start(&database, "127.0.0.1:0", &[]).await;
    let target = Target::new(server.address, server.process.id().ok_or("no process id")?, &world);
    let fastify = Fastify::start(&database, &statements, &target).await?;
    let mut report = Report::default();
    for connections in CONNECTIONS {
        for round in 1..=ROUNDS {
            eprintln!("{connections} connections, round {round} of {ROUNDS} …");
            run_round(&mut report, &database, &baselines, [&target, &fastify.target], connections, slice)
                .await?;
        }
    }
    let pages = measure_pages(&mut report, &database, &world, &target, slice).await;
    // Also the measurements before a failure.
    print!("{}", report.markdown(&world.postgres_version, slice));
    pages
}

/// One slice of each measurement: each baseline right before the calls compared with it.
async fn run_round(
    report: &mut Report,
    database: &database::Database,
    baselines: &[Baseline; 2],
    [target, fastify]: [&Target; 2],
    connections: usize,
    length: Duration,
) -> Outcome<()> {
    for (baseline, call) in baselines.iter().zip(READS) {
        report.baseline(call, connections, baseline.run(database, connections, length)?);
        report.fastify(call, connections, measure(fastify, Protocol::Rest, call, connections, length).await?);
        for protocol in Protocol::ALL {
            report.slice(
                protocol,
                call,
                connections,
                measure(target, protocol, call, connections, length).await?,
            );
        }
    }
    for call in [Call::UpdateChat, Call::UpdateSessionChat] {
        for protocol in Protocol::ALL {
            report.slice(
                protocol,
                call,
                connections,
                measure(target, protocol, call, connections, length).await?,
            );
        }
    }
    Ok(())
}

/// Pages of every list and search, each right after `pgbench` with its statement.
async fn measure_pages(
    report: &mut Report,
    database: &database::Database,
    world: &World,
    target: &Target,
    length: Duration,
) -> Outcome<()> {
    let pages = pages::all(target).await?;
    let statements = statement::of_pages(database, world, &pages).await?;
    for (page, statement) in pages.iter().zip(statements) {
        eprintln!("{} …", page.name);
        let baseline = Baseline::new("page", &statement, Contacts::AsLogged, world)?;
        let baseline = baseline.run(database, PAGE_CONNECTIONS, length)?;
        let readers = pages::readers(target, page, PAGE_CONNECTIONS).await?;
        report.page(&page.name, timing::measure(target.pid, readers, length).await?, baseline);
    }
    Ok(())
}

async fn measure(
    target: &Target,
    protocol: Protocol,
    call: Call,
    connections: usize,
    length: Duration,
) -> Outcome<Slice> {
    match protocol {
        Protocol::Rest => {
            timing::measure(target.pid, rest::clients(target, call, connections).await?, length).await
        }
        Protocol::Grpc => {
            timing::measure(target.pid, grpc::clients(target, call, connections).await?, length).await
        }
    }
}

/// Duration of one measurement.
fn slice_length() -> Outcome<Duration> {
    let seconds = std::env::var("BENCH_SECONDS").map_or(Ok(DEFAULT_SECONDS), |text| text.parse())?;
    let per_round = Call::ALL.len() * Protocol::ALL.len() + 2 * READS.len();
    let slices = u32::try_from(per_round * CONNECTIONS.len())? * ROUNDS;
    Ok(Duration::from_secs(seconds) / slices)
}
