//! What an operator sees: one trace from the caller down to the database, metrics, log lines, and never what people wrote.

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
use crate::support::{Certificates, Chat, Protocol, World, frame, text, until};

const GET_CHAT: &str = "/switchboard.v1.ChatService/GetChat";

#[tokio::test]
async fn one_trace_leads_from_the_callers_call_down_to_the_work_in_the_database() {
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
        let told = answer.get("traceresponse").and_then(|told| told.to_str().ok()).unwrap_or_default();
        assert!(told.starts_with(&format!("00-{trace}-")) && told.ends_with("-01"), "{told}");
    }
    // What has not been sent is sent at the end.
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
            ["actions::chats::get", "wait for the database", "SELECT chat_addresses"]
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
async fn a_collector_is_spoken_to_over_tls_and_shown_a_certificate_as_the_standard_variables_say() {
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
        let is_told = collector.spans().iter().any(|span| span.name == "switchboard.v1.ChatService/GetChat");
        assert_eq!(
            (is_told, !collector.metrics().is_empty()),
            (variables == 4, variables == 4),
            "{}",
            world.log()
        );
    }
}

#[tokio::test]
async fn the_files_for_a_collector_are_taken_up_when_they_change() {
    let files = Certificates::new();
    let (authority, stranger) = (files.authority("authority"), files.authority("stranger"));
    let collector = Collector::over_tls(&authority.sign(2040), &authority.file).await;
    let believed = files.path("believed");
    let believe = |authority: &Path| fs::copy(authority, &believed).expect("a file");
    believe(&stranger.file);
    let [certificate, key] = files.put(&stranger.sign(2040));
    let path = |file: &Path| text(file).to_owned();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", path(&believed)),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path(&certificate)),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path(&key)),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ];
    let world = World::start_with_env(&[], &settings).await;
    let chat = world.chat("Alice").await;
    let call = async || drop(world.rest().get(&chat).await.expect(200));
    // Neither believes the other; then one of them does, and then both.
    files.put(&authority.sign(2040));
    until("the pair is taken up", async || {
        call().await;
        world.log().contains("spoken to as the files are now")
    })
    .await;
    fs::write(&believed, "no certificate").expect("a file");
    until("a file is no good", async || world.log().contains("no good")).await;
    call().await;
    assert!(collector.spans().is_empty(), "{:?}", collector.spans());
    believe(&authority.file);
    until("spans come", async || {
        call().await;
        !collector.spans().is_empty()
    })
    .await;
    assert_eq!(world.stop().await, 0, "{}", world.log());
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_no_call_and_does_not_hold_up_the_end() {
    let nobody = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1".to_owned())];
    let world = World::start_with_env(&[], &nobody).await;
    let chat = world.chat("Alice").await;
    world.rest().get(&chat).await.expect(200);
    assert_eq!(world.stop().await, 0, "{}", world.log());
}

#[tokio::test]
async fn metrics_tell_calls_by_rpc_door_and_code() {
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
        // What a caller made up is no label.
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
async fn a_stream_counts_with_how_it_ended() {
    let world = World::start_with("127.0.0.1:0", &["--metrics-address", "127.0.0.1:0"]).await;
    let key = world.key("ingest,read").await;
    let channel = Channel::from_shared(world.url()).expect("a URL").connect_lazy();
    // Says nothing that opens it.
    let mut request = tonic::Request::new(tokio_stream::iter([IngestRequest::default()]));
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    let mut answers = IngestServiceClient::new(channel).ingest(request).await.expect("a stream").into_inner();
    answers.message().await.expect_err("a refusal");
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
        let mut text = String::new();
        for _ in 0..600 {
            text = world.metrics().await;
            if text.lines().any(|line| line == series) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(text.lines().any(|line| line == series), "{series}\n{text}");
    }
}

#[tokio::test]
async fn a_line_of_the_log_names_its_call_and_its_trace() {
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
async fn what_people_wrote_their_names_and_their_numbers_are_told_to_nobody() {
    let collector = Collector::start().await;
    let args = ["--log-level", "trace", "--metrics-address", "127.0.0.1:0", "--request-timeout", "1s"];
    let world = World::start_with_env(&args, &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await;
    let chat = world.chat("Canary Kiwi").await;
    plant(&world, &chat);
    stir(&world, &chat).await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    world.rest().get(&chat).await.expect(504);
    sql.run("ROLLBACK");
    let scraped = world.metrics().await;
    let secret = world.org.key.rsplit('_').next().expect("a secret").to_owned();
    assert_eq!(world.stop().await, 0);
    let told = [world.log(), scraped, format!("{:?}", collector.spans())].join("\n");
    assert!(told.lines().count() > 50, "{told}");
    let canaries =
        ["Canary", "Kiwi", "kakapo", &chat.digits, &world.org.members[0], &world.org.numbers[0], &secret];
    for canary in canaries {
        let leak = told.lines().find(|line| line.to_lowercase().contains(&canary.to_lowercase()));
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

/// Calls of every kind that hold canaries: good ones, bad ones, and those that lead nowhere.
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
