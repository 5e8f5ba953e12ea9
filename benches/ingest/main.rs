//! Messages that ingest streams store per second: into an empty table, and into one with millions of rows.
//!
//! PostgreSQL, the server and this client share one machine, so the figures are a lower bound; their ratio counts. No time
//! makes the benchmark fail. `BENCH_ROWS` sets the size of the large table (default 5,000,000), `BENCH_MESSAGES` the number
//! of messages per measurement (default 100,000).

#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/citus.rs"]
mod citus;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/cluster.rs"]
mod cluster;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/database.rs"]
mod database;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/disk.rs"]
mod disk;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/process.rs"]
mod process;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/programs.rs"]
mod programs;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/server.rs"]
mod server;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/sql.rs"]
mod sql;
#[allow(dead_code, clippy::expect_used, reason = "the harness of the tests: they use all of it")]
#[path = "../../tests/support/usage.rs"]
mod usage;

use std::error::Error;
use std::time::{Duration, Instant};

use cluster::Cluster;
use database::Database;
use server::Server;
use switchboard::pb::ingest_event::{Event, Message};
use switchboard::pb::ingest_request::{Open, Request};
use switchboard::pb::ingest_response::Response;
use switchboard::pb::ingest_service_client::IngestServiceClient;
use switchboard::pb::{IngestEvent, IngestRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use usage::processor_time;

/// The server binary.
const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

const PHONE: &str = "15550090001";
const STREAMS: i64 = 2;
/// Chats of the messages, evenly divided among the streams.
const CHATS: i64 = 20_000;
/// Settings of PostgreSQL for large tables; the default of `shared_buffers` is 128 MB.
const POSTGRES: [&str; 2] = ["shared_buffers=3GB", "max_wal_size=8GB"];
/// Events between a stream's writer and HTTP/2.
const QUEUE: usize = 256;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The result of a measurement.
struct Measured {
    messages: i64,
    elapsed: Duration,
    /// Processor time of the server.
    server: Duration,
}

impl Measured {
    #[allow(clippy::cast_precision_loss, reason = "a figure in a report")]
    fn per_second(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }

    #[allow(clippy::cast_precision_loss, reason = "a figure in a report")]
    fn line(&self, into: &str) -> String {
        let micros = self.server.as_secs_f64() * 1e6 / self.messages as f64;
        format!("| {into} | {:.0} | {micros:.1} |", self.per_second())
    }
}

// One thread, so that the client takes at most one of the shared cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let (rows, messages) = (setting("BENCH_ROWS", 5_000_000)?, setting("BENCH_MESSAGES", 100_000)?);
    let cluster = Cluster::start(&POSTGRES).await;
    let database = cluster.migrated_database().await;
    let org = database.cli(&["org", "create", "--name", "Acme"]);
    let session = database.cli(&["session", "create", "--org", &org, "--phone", PHONE]);
    let key = database.cli(&["key", "create", "--org", &org, "--name", "bench", "--can", "ingest"]);
    let server = Server::start(&database, "127.0.0.1:0", &[]).await;

    eprintln!("the empty table …");
    let empty = measure(&server, &key, "E", messages).await?;
    eprintln!("filling it up to {rows} messages …");
    fill(&database, &org, &session, rows);
    let large = measure(&server, &key, "L", messages).await?;
    println!("| {STREAMS} streams into | messages/s | server CPU µs/message |\n|---|---|---|");
    println!("{}", empty.line("an empty table"));
    println!("{}", large.line(&format!("{rows} messages")));
    println!("\nratio {:.2}", large.per_second() / empty.per_second());
    Ok(())
}

fn setting(name: &str, default: i64) -> Outcome<i64> {
    Ok(std::env::var(name).map_or(Ok(default), |text| text.parse())?)
}

/// Inserts messages of the same chats with SQL until the table has that many rows.
fn fill(database: &Database, org: &str, session: &str, rows: i64) {
    const STEP: i64 = 250_000;
    let mut sql = database.sql();
    let mut count = sql.count("messages");
    while count < rows {
        let more = STEP.min(rows - count);
        sql.run_as(
            org,
            &format!(
                "INSERT INTO messages (org_id, session_id, chat_key, message_id, sent_at, ack, from_me, sender, type, body, search)
                 SELECT '{org}', '{session}', c.chat_key, 'F' || n, '2025-01-01T00:00:00Z'::timestamptz + n * interval '1 second',
                     3, false, c.chat_id, 'chat',
                     'Hello, your order ' || n || ' has left our house and arrives on day ' || n % 31 || ' of the month',
                     to_tsvector('simple', format('%1$sHello %1$sorder %1$s%2$s %1$sleft %1$shouse %1$sarrives %1$sday %1$s%3$s %1$smonth',
                         right('{org}', 1), n, n % 31))
                 FROM generate_series({count}, {count} + {more} - 1) n
                 JOIN (SELECT chat_key, chat_id, row_number() OVER () - 1 AS place FROM chats WHERE org_id = '{org}') c
                     ON c.place = n % {CHATS}"
            ),
        );
        count = sql.count("messages");
        eprintln!("{count}");
    }
    database.admin().run("VACUUM ANALYZE");
    database.admin().run("CHECKPOINT");
}

/// Sends messages over concurrent streams, and waits until all are acknowledged.
async fn measure(server: &Server, key: &str, prefix: &str, messages: i64) -> Outcome<Measured> {
    let pid = server.process.id().ok_or("no process id")?;
    let (started, before) = (Instant::now(), processor_time(pid));
    let mut streams = JoinSet::new();
    for stream in 0..STREAMS {
        let url = format!("http://{}", server.address);
        streams.spawn(send(url, key.to_owned(), format!("{prefix}{stream}-"), stream, messages / STREAMS));
    }
    while let Some(stream) = streams.join_next().await {
        stream??;
    }
    let server_time = processor_time(pid).saturating_sub(before);
    Ok(Measured { messages: messages / STREAMS * STREAMS, elapsed: started.elapsed(), server: server_time })
}

async fn send(url: String, key: String, prefix: String, stream: i64, messages: i64) -> Outcome<()> {
    let (requests, sent) = mpsc::channel(QUEUE);
    let mut request = tonic::Request::new(ReceiverStream::new(sent));
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse()?);
    tokio::spawn(async move {
        let open = IngestRequest { request: Some(Request::Open(Open::default())) };
        let mut is_open = requests.send(open).await.is_ok();
        for sequence in 1..=messages {
            let event =
                Request::Event(prost::Message::encode_to_vec(&message(&prefix, stream, sequence)).into());
            is_open = is_open && requests.send(IngestRequest { request: Some(event) }).await.is_ok();
        }
    });
    let channel = Channel::from_shared(url)?.connect().await?;
    let mut answers = IngestServiceClient::new(channel).ingest(request).await?.into_inner();
    let mut acknowledged = 0;
    while let Some(answer) = answers.message().await? {
        if let Some(Response::Acknowledgement(more)) = answer.response {
            if let Some(rejection) = more.rejected.first() {
                return Err(format!("rejected: {}", rejection.message).into());
            }
            acknowledged = more.sequence;
        }
    }
    if acknowledged == messages { Ok(()) } else { Err("the stream ended early".into()) }
}

fn message(prefix: &str, stream: i64, sequence: i64) -> IngestEvent {
    let chat = format!("{}@s.whatsapp.net", 15_550_100_000 + sequence * STREAMS % CHATS + stream);
    let message = Message {
        id: format!("{prefix}{sequence}"),
        sender: Some(chat.clone()),
        chat,
        timestamp: Some(prost_types::Timestamp { seconds: 1_780_000_000 + sequence, nanos: 0 }),
        r#type: Some("chat".to_owned()),
        body: Some(format!(
            "Hello, your order {sequence} has left our house and arrives on day {} of the month",
            sequence % 31
        )),
        ..Message::default()
    };
    IngestEvent { sequence, session: PHONE.to_owned(), event: Some(Event::Message(message)) }
}
