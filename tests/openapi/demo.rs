//! What the OpenAPI document shows is tried on the demo organization.

use std::cmp::Reverse;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::whole;
use crate::support::{World, clients, until};

/// What exists only at run time: a delivery, an event of a gateway, a message that waits to be sent. Their ids cannot be known before.
const OTHERS: [&str; 3] = ["delivery", "event", "send"];

/// A service with the demo organization and its simulated number.
struct Demo {
    world: World,
    /// The demo's api-key.
    key: String,
    /// Where the demo keeps its files, deleted after the test.
    place: PathBuf,
}

impl Demo {
    async fn start() -> Self {
        let place = std::env::temp_dir().join(format!("sb-demo-{}", uuid::Uuid::now_v7().simple()));
        // Where `demo` stores media files by default.
        let media = place.join("media");
        let media = ["--media-dir", media.to_str().expect("UTF-8")];
        let serve = ["--connection-host", "waha.acme.example:3000", "--webhook-allow-loopback"];
        let world = World::start_with("127.0.0.1:0", &[serve.as_slice(), &media].concat()).await;
        let mut demo = Self { world, key: String::new(), place };
        demo.key = demo.create();
        demo
    }

    /// Creates what is missing of the demo, and returns its api-key.
    fn create(&self) -> String {
        let place = self.place.to_str().expect("UTF-8");
        let created = self.world.cli(&["demo", "--json", "--data-dir", place]);
        let created: Value = serde_json::from_str(&created).expect("JSON");
        text(&created["apiKey"])
    }

    /// Sends these requests. Returns those with another status than expected, each on a line.
    async fn problems(&self, examples: impl IntoIterator<Item = Example>) -> String {
        let mut problems = String::new();
        for Example { method, path, headers, body, status } in examples {
            let start = self.world.anonymous().token(&self.key).with("prefer", "handling=strict");
            let caller = headers.iter().fold(start, |caller, (name, value)| caller.with(name, value));
            let answer = caller.json(&method, &path, body.clone()).await;
            if answer.status != status {
                problems += &format!("{method} {path} {body}: {} {}\n", answer.status, answer.text());
            }
        }
        problems
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.place);
    }
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
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
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
                _ => {
                    if name == "Range" {
                        status = 206;
                    }
                    headers.push((name, texts[0].clone()));
                }
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

/// The examples of all operations but watches, which do not end: what removes something comes last, a session with its chats
/// after all else.
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
        "DELETE" => (2 + u8::from(one.path.starts_with("/api/v1/sessions/")), Reverse(depth(one))),
        _ => (u8::from(one.path.ends_with("/delete")), Reverse(0)),
    });
    examples
}

#[tokio::test]
async fn examples_of_requests_work_on_the_demo() {
    let demo = Demo::start().await;
    assert_eq!(demo.problems(examples()).await, "");
}

#[tokio::test]
async fn demo_creates_deleted_webhook_and_connection_again() {
    let demo = Demo::start().await;
    let of = |method: &'static str| {
        let is_one = |path: &str| ["/connections/", "/webhooks/"].iter().any(|part| path.contains(part));
        examples().into_iter().filter(move |one| one.method == method && is_one(&one.path))
    };
    assert_eq!((of("GET").count(), of("DELETE").count()), (4, 2));
    assert_eq!(demo.problems(of("DELETE")).await, "");
    for _ in 0..2 {
        assert_eq!(demo.create(), demo.key);
        assert_eq!(demo.problems(of("GET")).await, "");
    }
    for list in ["organization/webhooks", "connections"] {
        let listed = demo.world.anonymous().token(&demo.key).get(format!("/api/v1/{list}")).await;
        let expected = if list == "connections" { 2 } else { 1 };
        assert_eq!(listed.expect(200).json()["data"].as_array().map(Vec::len), Some(expected), "{list}");
    }
}

/// The id of a connection is the secret part of its webhook's address, and this one is published.
#[tokio::test]
async fn published_connection_id_lets_nobody_inject_events() {
    let demo = Demo::start().await;
    let anybody = demo.world.anonymous();
    let connections = anybody.token(&demo.key).get("/api/v1/connections").await.expect(200).json();
    let ids = [0, 1].map(|at| text(&connections["data"][at]["id"]));
    let document = whole();
    let is_published = |id: &String| document.to_string().contains(id);
    assert_eq!(ids.iter().filter(|id| is_published(id)).count(), 1, "{ids:?}");
    let published = ids.iter().find(|id| is_published(id)).expect("an id");
    let forged =
        json!({"message": {"chat": "15550101000@c.us", "id": "F0RGED", "text": "F0RGED"}}).to_string();
    for kind in ["simulator", "waha", "cloud_api", "external"] {
        for (method, body) in [("GET", ""), ("POST", ""), ("POST", forged.as_str())] {
            let answer = anybody.json(method, format!("/connect/{kind}/{published}"), body.to_owned()).await;
            assert!((400..500).contains(&answer.status), "{method} {kind}: {}", answer.status);
        }
    }
    assert_eq!(demo.world.admin().count("inbound_events WHERE body LIKE '%F0RGED%'"), 0);
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
    let demo = Demo::start().await;
    let (world, key) = (&demo.world, demo.key.as_str());
    let caller = world.anonymous().token(key).with("x-phone", "15550100400");
    let [settings, commands @ .., webhook] = &blocks("sh")[..] else { panic!("no blocks") };
    assert!(settings.starts_with("export API=") && webhook.contains("/webhooks"));
    for block in commands {
        run(block, world, key);
    }
    let messages = "/v1/chats/15550101000@c.us/messages?limit=1&skip_count=true";
    until("the simulated person has answered", async || {
        caller.get(messages).await.expect(200).json()["messages"][0]["from_me"] == false
    })
    .await;

    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let here = |block: &str| block.replace("9000", &port.to_string());
    let created: Value = serde_json::from_str(&run(&here(webhook), world, key)).expect("JSON");
    let [receiver] = &blocks("python")[..] else { panic!("one receiver") };
    let mut receiver = Command::new("python3")
        .args(["-c", &here(receiver)])
        .env("SECRET", text(&created["secret"]))
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    caller.patch("/v1/chats/15550101000@c.us", json!({"labels": ["Follow-up"]})).await.expect(200);
    let mut output = BufReader::new(receiver.stdout.take().expect("piped"));
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        output.read_line(&mut line).map(|_| line)
    });
    let line = tokio::time::timeout(Duration::from_secs(120), line).await;
    // The thread that reads ends with the receiver.
    receiver.kill().and_then(|()| receiver.wait()).expect("the receiver");
    assert_eq!(line.expect("in time").expect("no panic").expect("a line"), "chat.labels\n");
}
