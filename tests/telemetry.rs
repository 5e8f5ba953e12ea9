//! Traces, metrics and log lines, which never contain personal data.

mod collector;
mod metrics;

use std::fs;
use std::path::Path;
use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::ingest_service_client::IngestServiceClient;
use switchboard::pb::{GetChatRequest, IngestRequest, WatchChatsRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::codegen::tokio_stream;
use tonic::transport::Channel;

use self::collector::Collector;
use crate::support::{Certificates, Chat, Protocol, World, frame, in_time, text, until};

const GET_CHAT: &str = "/switchboard.v1.ChatService/GetChat";

#[tokio::test]
async fn trace_of_a_client_extends_to_database_operations() {
    let collector = Collector::start().await;
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
    let world = World::start_with_env(&[], &endpoint).await;
    let chat = world.chat("Alice").await;
    let message = frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec());
    let traces = [
        "0af7651916cd43dd8448eb211c80319c",
        "1af7651916cd43dd8448eb211c80319c",
        "2af7651916cd43dd8448eb211c80319c",
    ];
    let parent = |trace: &str| format!("00-{trace}-b7ad6b7169203331-01");
    let rest = world.rest().with("traceparent", parent(traces[0])).get(&chat).await.expect(200).headers;
    let grpc = world
        .rpc(Protocol::Grpc)
        .with("traceparent", parent(traces[1]))
        .call(GET_CHAT, message.clone())
        .await
        .headers;
    let web = world
        .rpc(Protocol::GrpcWeb)
        .with("traceparent", parent(traces[2]))
        .call(GET_CHAT, message)
        .await
        .headers;
    for (trace, answer) in traces.iter().zip([rest, grpc, web]) {
        let value = answer.get("traceresponse").and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(value.starts_with(&format!("00-{trace}-")) && value.ends_with("-01"), "{value}");
    }
    // The rest is exported at shutdown.
    assert_eq!(world.stop().await, 0, "{}", world.log());
    let spans = collector.spans();
    for trace in traces {
        let ours: Vec<_> = spans.iter().filter(|span| span.trace == trace).collect();
        let call =
            ours.iter().find(|span| span.parent == "b7ad6b7169203331").unwrap_or_else(|| panic!("{spans:?}"));
        assert_eq!(call.name, "switchboard.v1.ChatService/GetChat");
        let mut below: Vec<_> =
            ours.iter().filter(|span| span.parent == call.id).map(|span| span.name.as_str()).collect();
        below.sort_unstable();
        below.dedup();
        assert!(
            ["actions::chats::get", "wait for the database", "SELECT session_chats"]
                .iter()
                .all(|name| below.contains(name)),
            "{below:?}"
        );
    }
    assert!(spans.iter().all(|span| span.service == "switchboard"), "{spans:?}");
    let metrics = collector.metrics();
    assert!(metrics.iter().any(|name| name == "switchboard.request.duration"), "{metrics:?}");
}

#[tokio::test]
async fn exporter_uses_tls_files_of_the_standard_variables() {
    let files = Certificates::new();
    let authority = files.authority("authority");
    let collector = Collector::over_tls(&authority.sign(2040), &authority.file).await;
    let [certificate, key] = files.put(&authority.sign(2040));
    let path = |file: &Path| text(file).to_owned();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", path(&authority.file)),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path(&certificate)),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path(&key)),
    ];
    for variables in [2, 4] {
        let world = World::start_with_env(&[], &settings[..variables]).await;
        let chat = world.chat("Alice").await;
        world.rest().get(&chat).await.expect(200);
        assert_eq!(world.stop().await, 0, "{}", world.log());
        let is_exported =
            collector.spans().iter().any(|span| span.name == "switchboard.v1.ChatService/GetChat");
        assert_eq!(
            (is_exported, !collector.metrics().is_empty()),
            (variables == 4, variables == 4),
            "{}",
            world.log()
        );
    }
}

#[tokio::test]
async fn changed_exporter_files_are_reloaded() {
    let files = Certificates::new();
    let (authority, other) = (files.authority("authority"), files.authority("other"));
    let collector = Collector::over_tls(&authority.sign(2040), &authority.file).await;
    let trusted = files.path("trusted");
    let trust = |authority: &Path| fs::copy(authority, &trusted).expect("a file");
    trust(&other.file);
    let [certificate, key] = files.put(&other.sign(2040));
    let path = |file: &Path| text(file).to_owned();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", path(&trusted)),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path(&certificate)),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path(&key)),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ];
    let world = World::start_with_env(&[], &settings).await;
    let chat = world.chat("Alice").await;
    let call = async || drop(world.rest().get(&chat).await.expect(200));
    // First neither side trusts the other, then the collector trusts the exporter, then both do.
    files.put(&authority.sign(2040));
    until("the pair is reloaded", async || {
        call().await;
        world.log().contains("reloaded from changed files")
    })
    .await;
    fs::write(&trusted, "no certificate").expect("a file");
    until("a file is invalid", async || world.log().contains("invalid files ignored")).await;
    call().await;
    assert!(collector.spans().is_empty(), "{:?}", collector.spans());
    trust(&authority.file);
    until("spans arrive", async || {
        call().await;
        !collector.spans().is_empty()
    })
    .await;
    assert_eq!(world.stop().await, 0, "{}", world.log());
}

#[tokio::test]
async fn unreachable_collector_delays_neither_calls_nor_shutdown() {
    let unreachable = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1".to_owned())];
    let world = World::start_with_env(&[], &unreachable).await;
    let chat = world.chat("Alice").await;
    world.rest().get(&chat).await.expect(200);
    assert_eq!(world.stop().await, 0, "{}", world.log());
}

#[tokio::test]
async fn requests_are_counted_by_rpc_protocol_and_code() {
    let world = World::start_with("127.0.0.1:0", &["--metrics-address", "127.0.0.1:0"]).await;
    let chat = world.chat("Alice").await;
    for _ in 0..3 {
        world.rest().get(&chat).await.expect(200);
    }
    world.rest().get(world.missing_chat_of(&world.org)).await.expect(404);
    world.anonymous_rpc(Protocol::Grpc).call("/made.up.Service/OfTheCaller", frame(b"")).await;
    let text = world.metrics().await;
    let count = |labels: &str| format!("switchboard_request_duration_seconds_count{{{labels}}}");
    for (series, value) in [
        (count(&format!(r#"code="OK",protocol="rest",rpc="{GET_CHAT}""#)), "3"),
        (count(&format!(r#"code="NOT_FOUND",protocol="rest",rpc="{GET_CHAT}""#)), "1"),
        // Unknown paths share one label.
        (count(r#"code="UNAUTHENTICATED",protocol="grpc",rpc="-""#), "1"),
        (format!(r#"switchboard_build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION")), "1"),
        ("switchboard_ready".to_owned(), "1"),
        (r#"switchboard_database_connections{state="in_use"}"#.to_owned(), "0"),
    ] {
        assert!(text.lines().any(|line| line == format!("{series} {value}")), "{series}\n{text}");
    }
    assert!(
        text.contains(r#"switchboard_database_work_duration_seconds_bucket{work="actions::chats::get",le=""#),
        "{text}"
    );
    assert!(!text.contains("made.up"), "{text}");
}

#[tokio::test]
async fn stream_is_counted_with_its_final_code() {
    let world = World::start_with("127.0.0.1:0", &["--metrics-address", "127.0.0.1:0"]).await;
    let key = world.key("ingest,read").await;
    let channel = Channel::from_shared(world.url()).expect("a URL").connect_lazy();
    // Its first message does not open the stream.
    let mut request = tonic::Request::new(tokio_stream::iter([IngestRequest::default()]));
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    let mut answers = IngestServiceClient::new(channel).ingest(request).await.expect("a stream").into_inner();
    in_time("a refusal", answers.message()).await.expect_err("a refusal");
    drop(world.grpc_chat().watch_chats(WatchChatsRequest::default()).await.expect("a watch"));
    let mut lines = TcpStream::connect(world.address()).await.expect("a connection");
    let head =
        format!("GET /v1/chats:watch HTTP/1.1\r\nhost: acme.example\r\nauthorization: Bearer {key}\r\n\r\n");
    lines.write_all(head.as_bytes()).await.expect("a request");
    lines.read_u8().await.expect("an answer");
    world.cli(&["key", "revoke", key.split('_').nth(1).expect("a key has an id")]);
    let count = |labels: &str| format!("switchboard_request_duration_seconds_count{{{labels}}} 1");
    for series in [
        count(r#"code="INVALID_ARGUMENT",protocol="grpc",rpc="/switchboard.v1.IngestService/Ingest""#),
        count(r#"code="CANCELLED",protocol="grpc",rpc="/switchboard.v1.ChatService/WatchChats""#),
        count(r#"code="UNAUTHENTICATED",protocol="rest",rpc="/switchboard.v1.ChatService/WatchChats""#),
    ] {
        until_reported(&world, &series).await;
    }
}

/// Waits until that line is among the metrics.
async fn until_reported(world: &World, expected: &str) {
    until(expected, async || world.metrics().await.lines().any(|line| line == expected)).await;
}

#[tokio::test]
async fn log_line_has_request_and_trace_id() {
    let world = World::start_with("127.0.0.1:0", &["--log-level", "debug"]).await;
    let chat = world.chat("Alice").await;
    let trace = "3af7651916cd43dd8448eb211c80319c";
    let caller = world.rest().with("x-request-id", "call-7");
    caller.with("traceparent", format!("00-{trace}-b7ad6b7169203331-01")).get(&chat).await.expect(200);
    let log = world.log();
    let line = log.lines().find(|line| line.contains("call-7")).unwrap_or_else(|| panic!("{log}"));
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!((&line["request_id"], &line["trace_id"]), (&json!("call-7"), &json!(trace)), "{line}");
    assert_eq!((&line["rpc"], &line["message"]), (&json!(GET_CHAT), &json!("answered")), "{line}");
}

#[tokio::test]
async fn telemetry_contains_no_personal_data() {
    let collector = Collector::start().await;
    let args = ["--log-level", "trace", "--metrics-address", "127.0.0.1:0", "--request-timeout", "10s"];
    let world = World::start_with_env(&args, &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await;
    let chat = world.chat("Canary Kiwi").await;
    plant(&world, &chat);
    stir(&world, &chat).await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    // The wait for the lock ends before the call.
    world.rest().get(&chat).await.expect(503);
    sql.run("ROLLBACK");
    let scraped = world.metrics().await;
    let secret = world.org.key.rsplit('_').next().expect("a secret").to_owned();
    assert_eq!(world.stop().await, 0);
    let output = [world.log(), scraped, format!("{:?}", collector.spans())].join("\n");
    assert!(output.lines().count() > 50, "{output}");
    let canaries =
        ["Canary", "Kiwi", "kakapo", &chat.digits, &world.org.members[0], &world.org.numbers[0], &secret];
    for canary in canaries {
        let leak = output.lines().find(|line| line.to_lowercase().contains(&canary.to_lowercase()));
        assert_eq!(leak, None, "{canary}");
    }
}

fn plant(world: &World, chat: &Chat) {
    let message = json!({"session": world.org.numbers[0], "message": {
        "id": format!("{}-1", chat.digits), "chat": chat.jid, "fromMe": false, "timestamp": 1_737_976_076_000_i64,
        "type": "chat", "body": "the kakapo flies at midnight",
    }});
    world.import(&world.org, &[message]);
}

/// Valid, invalid and unroutable calls that contain canaries.
async fn stir(world: &World, chat: &Chat) {
    let rest = world.rest();
    rest.get(chat).await.expect(200);
    rest.get(&chat.session_path).await.expect(200);
    rest.get("/v1/chats/messages:search?query=kakapo").await.expect(200);
    rest.patch(chat, json!({"custom_properties": {"note": "kakapo"}, "assigned_to": world.org.members[0]}))
        .await
        .expect(200);
    rest.patch(chat, json!({"labels": "kakapo"})).await;
    rest.patch(chat, json!({"assigned_to": "kakapo@acme.example"})).await.expect(422);
    rest.json("PATCH", chat, "{\"assigned_to\": kakapo").await;
    rest.get(format!("/kakapo/{}", chat.digits)).await.expect(404);
    rest.get(format!("/v1/chats/{}@kakapo", chat.digits)).await.expect(422);
    rest.with("x-phone", "kakapo").get(chat).await.expect(422);
    world.anonymous().token("kakapo").get(chat).await.expect(401);
    let message = frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec());
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        world.rpc(protocol).call(GET_CHAT, message.clone()).await;
        world.rpc(protocol).call("/kakapo.Service/Kakapo", message.clone()).await;
        world.anonymous_rpc(protocol).call("/kakapo.Service/Kakapo", message.clone()).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
}
