//! Readiness: probes, and the remedy when the schema is not the required one.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use switchboard::config::Secret;
use switchboard::store::migrations;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Answered;

use crate::support::{Cluster, Database, Protocol, Rest, Rpc, Server, World, frame, in_time, methods};

const PAUSE: Duration = Duration::from_millis(20);
const CHECK: &str = "/grpc.health.v1.Health/Check";

/// `HealthCheckResponse` with `SERVING` and `NOT_SERVING`.
const SERVING: &[u8] = b"\x08\x01";
const NOT_SERVING: &[u8] = b"\x08\x02";

#[tokio::test]
async fn empty_database_is_reported_with_the_command_that_fixes_it() {
    let database = Cluster::get().await.empty_database();
    let server = start(&database).await;
    let schema = until_schema(&server, |schema| schema != "unknown").await;
    assert_eq!(schema, "missing: run `switchboard migrate up`");
    assert_eq!(check(&server, "").await, NOT_SERVING);
    Rest::new(server.address).get("/livez").await.expect(200);
    database.migrate();
    until_schema(&server, |schema| schema == "ok").await;
    assert_eq!(check(&server, "switchboard.v1.ChatService").await, SERVING);
}

#[tokio::test]
async fn without_a_database_the_server_is_live_but_not_ready() {
    let mut command = Cluster::get().await.empty_database().command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("SWITCHBOARD_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let server = Server::listening(&command).await;
    let caller = Rest::new(server.address);
    caller.get("/livez").await.expect(200);
    let ready = caller.get("/readyz").await.expect(503).json();
    assert_eq!((&ready["status"], &ready["checks"]["process"]), (&"not ready".into(), &"ok".into()));
    assert_ne!(ready["checks"]["database"], "ok");
    assert_eq!(caller.send("POST", "/readyz", "").await.expect(405).header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn schema_ahead_or_foreign_is_distinguished() {
    let cluster = Cluster::get().await;
    let database = cluster.migrated_database().await;
    let server = start(&database).await;
    until_schema(&server, |schema| schema == "ok").await;
    let function = |needed: &str| {
        format!("CREATE OR REPLACE FUNCTION required_migration() RETURNS text LANGUAGE sql RETURN '{needed}'")
    };
    database.admin().run("INSERT INTO __diesel_schema_migrations VALUES ('99990101000000')");
    database.admin().run(&function("99990101000000"));
    until_schema(&server, |schema| schema.starts_with("ahead of this program: ")).await;
    // An older program does not need the newest migration.
    database.admin().run(&function("20261130000001"));
    until_schema(&server, |schema| schema == "ok").await;

    // One without the first migration has other tables.
    database.admin().run("DELETE FROM __diesel_schema_migrations WHERE version = '20261130000001'");
    let error =
        migrations::up(&Secret::new(database.owner_url())).await.expect_err("tables of another version");
    assert!(error.to_string().contains("use an empty database"), "{error}");

    let other = cluster.empty_database();
    other.admin().run("CREATE TABLE invoices (number integer)");
    let server = start(&other).await;
    let schema = until_schema(&server, |schema| schema != "unknown").await;
    assert!(schema.starts_with("another program's: ") && schema.contains("--database-url"), "{schema}");
}

#[tokio::test]
async fn health_is_reported_for_each_service_and_no_other() {
    let world = World::shared().await;
    let rpc = world.anonymous_rpc(Protocol::Grpc);
    for service in [
        "",
        "switchboard.v1.ChatService",
        "switchboard.v1.SessionService",
        "switchboard.v1.MemberService",
        "switchboard.v1.WebhookService",
    ] {
        let answer = rpc.call(CHECK, asked(service)).await;
        assert_eq!((answer.code, &answer.messages[0][..]), (Some(0), SERVING), "{service}");
    }
    assert_eq!(rpc.call(CHECK, asked("unknown.v1.Service")).await.code, Some(5));
}

#[tokio::test]
async fn reflection_lists_and_describes_every_service() {
    let world = World::shared().await;
    let channel = Channel::from_shared(world.url()).expect("a URL").connect_lazy();
    let mut client = ServerReflectionClient::new(channel);
    let mut ask = async |request: Asked| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let mut answers =
            client.server_reflection_info(futures_util::stream::iter([request])).await?.into_inner();
        let answer = in_time("an answer", answers.message()).await?;
        Ok::<_, tonic::Status>(answer.and_then(|answer| answer.message_response))
    };
    let Ok(Some(Answered::ListServicesResponse(listed))) = ask(Asked::ListServices(String::new())).await
    else {
        panic!("no list of services");
    };
    let services: BTreeSet<String> = listed.service.into_iter().map(|service| service.name).collect();
    let mut served: BTreeSet<String> =
        methods().iter().filter_map(|method| Some(method.path.split('/').nth(1)?.to_owned())).collect();
    served.insert("grpc.health.v1.Health".to_owned());
    assert!(services.is_superset(&served), "{services:?}");
    for service in served {
        let answer = ask(Asked::FileContainingSymbol(service.clone())).await;
        assert!(matches!(answer, Ok(Some(Answered::FileDescriptorResponse(_)))), "{service}: {answer:?}");
    }
}

#[tokio::test]
async fn health_watch_streams_changes_and_ends_on_shutdown() {
    let world = World::start_with("127.0.0.1:0", &["--drain-delay", "10s"]).await;
    let channel = Channel::from_shared(world.url()).expect("a URL").connect_lazy();
    let mut client = HealthClient::new(channel);
    let mut watch = async |service: &str| {
        let asked = HealthCheckRequest { service: service.to_owned() };
        client.watch(asked).await.expect("a stream").into_inner()
    };
    let (mut known, mut unknown) = (watch("").await, watch("unknown.v1.Service").await);
    assert_eq!(next(&mut known).await, Ok(ServingStatus::Serving));
    assert_eq!(next(&mut unknown).await, Ok(ServingStatus::ServiceUnknown));
    let changes = async {
        assert_eq!(next(&mut known).await, Ok(ServingStatus::NotServing));
        [next(&mut known).await, next(&mut unknown).await]
    };
    let (ends, stopped) = tokio::join!(changes, world.stop());
    assert_eq!((ends, stopped), ([Err(Code::Unavailable); 2], 0));
}

/// The next status of a watch.
async fn next(watch: &mut Streaming<HealthCheckResponse>) -> Result<ServingStatus, Code> {
    let response = in_time("a status", watch.message()).await.map_err(|status| status.code())?;
    Ok(response.expect("an error at the end").status())
}

async fn start(database: &Database) -> Server {
    Server::listening(&database.command(&["serve", "--listen", "127.0.0.1:0"])).await
}

async fn check(server: &Server, service: &str) -> Vec<u8> {
    let answer = Rpc::new(server.address, Protocol::Grpc).call(CHECK, asked(service)).await;
    answer.messages.first().map(|message| message.to_vec()).unwrap_or_default()
}

/// A `HealthCheckRequest`.
fn asked(service: &str) -> Vec<u8> {
    let length = u8::try_from(service.len()).expect("a short name");
    let field = [&[0x0a, length], service.as_bytes()].concat();
    frame(if service.is_empty() { &[] } else { &field })
}

/// Waits for a matching schema check.
/// The time limit is long, because test machines are busy.
async fn until_schema(server: &Server, is_so: impl Fn(&str) -> bool) -> String {
    let asking = async {
        loop {
            let answer: Value = Rest::new(server.address).get("/readyz").await.json();
            let schema = answer["checks"]["schema"].as_str().unwrap_or_default();
            if is_so(schema) {
                return schema.to_owned();
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let schema = tokio::time::timeout(Duration::from_secs(60), asking).await;
    schema.unwrap_or_else(|_| panic!("not in time: {}", server.process.log()))
}
