//! What the OpenAPI document shows is tried on the demo organization.

use std::cmp::Reverse;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::whole;
use crate::support::{World, clients};

/// Resources that the demo lacks, or whose ids differ: their examples are well formed, but there is no such resource.
const OTHERS: [&str; 8] = ["webhook", "delivery", "connection", "event", "send", "key", "note", "media"];

/// A service with the demo organization and its simulated number. Returns the demo's key, too.
async fn demo() -> (World, String) {
    let serve = ["--connection-host", "waha.acme.example:3000", "--webhook-allow-loopback"];
    let world = World::start_with("127.0.0.1:0", &serve).await;
    let place = std::env::temp_dir().join(format!("sb-demo-{}", uuid::Uuid::now_v7().simple()));
    let created = world.cli(&["demo", "--json", "--data-dir", place.to_str().expect("UTF-8")]);
    std::fs::remove_dir_all(&place).expect("the demo's folder");
    let created: Value = serde_json::from_str(&created).expect("JSON");
    (world, text(&created["apiKey"]))
}

/// The example of a request.
struct Example {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    /// The status of its response.
    status: u16,
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

impl Example {
    fn of(method: &str, template: &str, operation: &Value) -> Self {
        let (mut path, mut query, mut headers) = (template.to_owned(), Vec::new(), Vec::new());
        let responses = operation["responses"].as_object().expect("responses").keys();
        let mut status: u16 = responses.filter_map(|status| status.parse().ok()).min().expect("a status");
        for parameter in operation["parameters"].as_array().expect("parameters") {
            let name = text(&parameter["name"]);
            assert!(
                parameter["required"] != true || parameter.get("example").is_some(),
                "{template}: {name}"
            );
            let Some(example) = parameter.get("example") else { continue };
            let texts =
                example.as_array().map_or_else(|| vec![text(example)], |all| all.iter().map(text).collect());
            match parameter["in"].as_str() {
                Some("path") => path = path.replace(&format!("{{{name}}}"), &encoded(&texts[0])),
                Some("query") => query.extend(texts.iter().map(|text| format!("{name}={}", encoded(text)))),
                _ => headers.push((name, texts[0].clone())),
            }
            if parameter["in"] == "path"
                && OTHERS.map(Value::from).contains(&parameter["schema"]["x-refers-to"])
            {
                status = 404;
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let body = operation.get("requestBody").map(|body| &body["content"]["application/json"]["example"]);
        let body = body.filter(|body| !body.is_null()).map(Value::to_string).unwrap_or_default();
        Self { method: method.to_uppercase(), path, headers, body, status }
    }
}

/// The examples of all operations but watches, which do not end: what removes something comes last, a session after all else.
fn examples() -> Vec<Example> {
    let document = whole();
    let mut examples = Vec::new();
    for (template, item) in document["paths"].as_object().expect("paths") {
        let operations = item.as_object().expect("operations").iter();
        let operations = operations.filter(|_| !template.ends_with(":watch"));
        examples.extend(operations.map(|(method, operation)| Example::of(method, template, operation)));
    }
    let depth = |one: &Example| one.path.matches('/').count();
    examples.sort_by_key(|one| match one.method.as_str() {
        "DELETE" => (2, Reverse(depth(one))),
        _ => (u8::from(one.path.ends_with("/delete")), Reverse(0)),
    });
    examples
}

#[tokio::test]
async fn examples_of_requests_work_on_the_demo() {
    let (world, key) = demo().await;
    let mut wrong = Vec::new();
    for Example { method, path, headers, body, status } in examples() {
        let start = world.anonymous().token(&key).with("prefer", "handling=strict");
        let caller = headers.iter().fold(start, |caller, (name, value)| caller.with(name, value));
        let answer = caller.json(&method, &path, body.clone()).await;
        if answer.status != status {
            wrong.push(format!("{method} {path} {body}: {} {}", answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The blocks of code in the introduction.
fn blocks(language: &str) -> Vec<String> {
    let introduction = text(&whole()["info"]["description"]);
    let start = format!("```{language}\n");
    let blocks = introduction.split(&start).skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs a block of the shell, with the clients that the tests have. Returns its output.
fn run(block: &str, world: &World, key: &str) -> String {
    let buf = clients().join("node_modules/.bin/buf");
    let script = block.replace("npx --yes @bufbuild/buf", &buf.display().to_string());
    // A watch does not end.
    let script =
        script.replace("curl -s -N", "timeout 3 curl -s -N").replace("curl -s", "curl -s --fail-with-body");
    let mut shell = Command::new("bash");
    shell.args(["-ec", &script]).env("API", world.url()).env("AUTH", format!("Authorization: Bearer {key}"));
    let output = shell.output().expect("bash");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_done = output.status.success() || block.contains(":watch");
    assert!(is_done, "{script}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.starts_with('{'), "{script}\n{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_start_works_on_the_demo() {
    let (world, key) = demo().await;
    let caller = world.anonymous().token(&key).with("x-phone", "15550100400");
    let [settings, commands @ .., webhook] = &blocks("sh")[..] else { panic!("no blocks") };
    assert!(settings.starts_with("export API=") && webhook.contains("/webhooks"));
    for block in commands {
        run(block, &world, &key);
    }
    let messages = "/v1/chats/15550101000@c.us/messages?limit=1&skip_count=true";
    for attempt in 0.. {
        let newest = &caller.get(messages).await.expect(200).json()["messages"][0];
        if newest["from_me"] == false {
            break;
        }
        assert!(attempt < 300, "the simulated person has not answered: {newest}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let here = |block: &str| block.replace("9000", &port.to_string());
    let created: Value = serde_json::from_str(&run(&here(webhook), &world, &key)).expect("JSON");
    let [receiver] = &blocks("python")[..] else { panic!("one receiver") };
    let mut receiver = Command::new("python3")
        .args(["-c", &here(receiver)])
        .env("SECRET", text(&created["secret"]))
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    caller.patch("/v1/chats/15550101000@c.us", json!({"labels": ["Follow-up"]})).await.expect(200);
    let mut received = String::new();
    BufReader::new(receiver.stdout.take().expect("piped")).read_line(&mut received).expect("a line");
    receiver.kill().and_then(|()| receiver.wait()).expect("the receiver");
    assert_eq!(received, "chat.labels\n");
}
