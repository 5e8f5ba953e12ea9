//! Third-party clients: Periskope's own npm client, Python's gRPC, a page in a browser. Their
//! versions are pinned in `tests/clients/`; `make test` installs them.

mod inbox_failures;
mod inbox_numbers;
mod inbox_size;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Chat, ROOT, World, clients, python_tool};

#[tokio::test]
async fn the_official_client_reads_and_updates_a_chat() {
    // Separate, because the client counts chats.
    let world = World::start().await;
    let chat = world.chat("Asha Rao").await;
    let message = |id: &str, minute: u64| {
        let message = json!({
            "id": id, "chat": chat.jid, "fromMe": false, "type": "chat", "body": "Hello",
            "timestamp": 1_767_225_600_000_u64 + minute * 60_000,
        });
        json!({"session": world.org.numbers[0], "message": message})
    };
    world.import(&world.org, &[message("3EB0A1", 1), message("3EB0A2", 2)]);
    let mut client = node("node/chats.mjs");
    client
        .env("SERVICE", world.url())
        .env("TOKEN", &world.org.key)
        .env("PHONE", &world.org.numbers[0])
        .env("CHAT", &chat.id);
    client.env("EMAIL", &world.org.members[0]).env("NOTE", &world.org.note);
    must_be_ok(&client.output().expect("node: run make test"));
}

#[tokio::test]
async fn the_official_client_writes_and_reads_notes() {
    let world = World::start().await;
    let chat = world.chat("Asha Rao").await;
    let mut client = node("node/notes.mjs");
    client.env("SERVICE", world.url()).env("TOKEN", &world.org.key);
    client.env("PHONE", &world.org.numbers[0]).env("CHAT", &chat.id);
    must_be_ok(&client.output().expect("node: run make test"));
}

#[tokio::test]
async fn a_python_client_uses_reflection() {
    let world = World::shared().await;
    let chat = world.chat("Asha Rao").await;
    let mut client = python_tool("python");
    client.arg(clients().join("python/chats.py"));
    client.env("ADDRESS", world.url().trim_start_matches("http://")).env("TOKEN", &world.org.key);
    client.env("SESSION", &world.org.sessions[0]).env("CHAT", &chat.id).env("JID", &chat.jid);
    client.env("EMAIL", &world.org.members[0]);
    must_be_ok(&client.output().expect("python: run make test"));
}

#[tokio::test]
async fn a_browser_page_of_an_allowed_origin_shows_a_chat() {
    let mut client = Dialogue::start(&mut node("web/chats.mjs"));
    let origins: Value = serde_json::from_str(&client.text).unwrap_or_default();
    // Otherwise it has failed and printed the reason.
    let Some(allowed) = origins["allowed"].as_str() else { return must_be_ok(&client.end()) };
    let world = World::start_with("127.0.0.1:0", &["--cors-allowed-origin", allowed]).await;
    let chat = world.chat("Asha Rao").await;
    let settings = json!({
        "service": world.url(), "token": world.org.key, "phone": world.org.numbers[0], "chat": chat.id,
    });
    client.answer(&settings.to_string());
    must_be_ok(&client.end());
}

/// Generates clients from the OpenAPI document, and runs a program that calls the service with them.
async fn generated_clients_work(language: &str) {
    // Separate, because the programs list the newest chats.
    let world = World::start().await;
    let chat = world.chat("Asha Rao").await;
    let mut run = Command::new(clients().join("generated/run.sh"));
    run.arg(language).env("SERVICE", world.url()).env("TOKEN", &world.org.key);
    run.env("PHONE", &world.org.numbers[0]).env("SESSION", &world.org.sessions[0]);
    run.env("CHAT", &chat.id).env("EMAIL", &world.org.members[0]);
    // Brings the Python packages up to date.
    assert!(python_tool("python").arg("-V").output().is_ok_and(|python| python.status.success()));
    must_be_ok(&run.output().expect("make test"));
}

#[tokio::test]
async fn the_client_of_openapi_python_client_works() {
    generated_clients_work("python").await;
}

#[tokio::test]
async fn the_clients_of_hey_api_and_openapi_typescript_work() {
    generated_clients_work("typescript").await;
}

#[tokio::test]
async fn the_docs_page_shows_every_operation_and_loads_nothing_else() {
    let world = World::shared().await;
    let output = node("web/docs.mjs").env("SERVICE", world.url()).output();
    must_be_ok(&output.expect("node: run make test"));
}

#[tokio::test]
async fn the_inbox_works_in_a_browser() {
    let world = World::start_with("127.0.0.1:0", &["--allow-simulator"]).await;
    world.admin().run("DELETE FROM sends; DELETE FROM connections");
    let [asha, bela, chen] =
        [world.chat("Asha Rao").await, world.chat("Bela Kovacs").await, world.chat("Chen Wei").await];
    let message = |minute: u64, chat: &Chat, from_me: bool, body: &str| {
        let timestamp = 1_767_225_600_000 + minute * 60_000;
        let id = format!("M{minute}");
        let message = json!({
            "id": id, "chat": chat.jid, "fromMe": from_me, "type": "chat", "body": body, "timestamp": timestamp,
        });
        json!({"session": world.org.numbers[0], "message": message})
    };
    let messages = [
        message(1, &asha, false, "Good morning"),
        message(2, &asha, false, "Is <b>anybody</b> there?"),
        message(3, &bela, false, "Do you deliver on Sundays?"),
        message(4, &chen, true, "The parcel is on its way"),
    ];
    world.import(&world.org, &messages);
    let mut client = node("web/inbox.mjs");
    client.env("SERVICE", world.url()).env("READER", world.key("read").await);
    client.env("AGENT", world.key("read,send").await).env("BLIND", world.key("send").await);
    // Connects a number.
    client.env("TOKEN", world.key("read,send,manage").await);
    client.env("EMAIL", &world.org.members[0]).env("COLLEAGUE", &world.org.members[1]);
    let mut client = Dialogue::start(&mut client);
    if client.text == "waiting for messages\n" {
        let bodies = (0..99).map(|_| "Hello?").chain(["Thanks a lot"]);
        let messages = (5..).zip(bodies).map(|(minute, body)| message(minute, &chen, false, body));
        world.import(&world.org, &messages.collect::<Vec<_>>());
        client.answer("here they are");
    }
    must_be_ok(&client.end());
}

/// Messages of every type, and what the inbox shows of them.
const MESSAGES: &str = "tests/data/inbox_messages.json";

#[tokio::test]
async fn the_inbox_shows_every_type_of_message() {
    let world = World::start().await;
    let own = &world.org.numbers[0];
    let text = std::fs::read_to_string(Path::new(ROOT).join(MESSAGES)).expect("cases");
    let text = text.replace("\"ANA\"", "\"15550104001@c.us\"").replace("\"BRUNO\"", "\"15550104002@c.us\"");
    let cases: Value = serde_json::from_str(&text.replace("OWN", &format!("{own}@c.us"))).expect("JSON");
    let group = "120363300000000042@g.us";
    let event = |name: &str, event: Value| json!({"session": own, name: event});
    let contact = |id: &str, name: &str| event("contact", json!({"id": id, "name": name}));
    let members = json!([
        {"id": "15550104001@c.us", "isAdmin": true}, {"id": "15550104002@c.us"}, {"id": "15550104003@c.us"}, {"id": "15550104004@c.us"},
    ]);
    let mut events = vec![
        contact("15550104001@c.us", "Ana Alves"),
        contact("15550104002@c.us", "Bruno Brito"),
        contact("15550104003@c.us", "Carla *Costa* Ω"),
        contact("15550104004@c.us", "שרה כהן"),
        event("chat", json!({"jid": group, "type": "group", "name": "Team", "members": members})),
    ];
    for (minute, case) in (0_u64..).zip(cases["messages"].as_array().expect("cases")) {
        let at = 1_767_225_600_000 + minute * 60_000;
        let mut message = case["message"].clone();
        (message["chat"], message["timestamp"]) = (json!(group), json!(at));
        if message["fromMe"] != true {
            message["fromMe"] = json!(false);
            let author = message["author"].as_str().unwrap_or("15550104001@c.us").to_owned();
            (message["author"], message["sender"]) = (json!(author), json!(author));
        }
        let reference = json!({"id": message["id"], "chat": group, "fromMe": message["fromMe"], "author": message["author"]});
        events.push(event("message", message));
        if let Some(body) = case["edit"].as_str() {
            events.push(event("edit", json!({"message": reference, "body": body, "at": at + 1000})));
        }
        for (by, emoji) in ["15550104001@c.us", "15550104002@c.us"]
            .iter()
            .zip(case["reactions"].as_array().into_iter().flatten())
        {
            let reaction = json!({"message": reference, "by": by, "emoji": emoji, "at": at + 1000});
            events.push(event("reaction", reaction));
        }
        if case["delete"] == true {
            events.push(event("deleteMessage", json!({"message": reference})));
        }
    }
    world.import(&world.org, &events);
    let mut client = node("web/inbox-content.mjs");
    client.env("SERVICE", world.url()).env("TOKEN", world.key("read").await).env("EMAIL", "");
    client.env("CASES", Path::new(ROOT).join(MESSAGES));
    must_be_ok(&client.output().expect("node: run make test"));
}

/// Every type of notice that connectors may send has a case.
#[test]
fn every_type_of_notice_is_among_the_messages() {
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).expect("a file");
    let (proto, cases) = (read("proto/switchboard/v1/ingest.proto"), read(MESSAGES));
    let notices =
        proto.split_once("notices: [").and_then(|(_, rest)| rest.split_once(']')).expect("the notices").0;
    let types: Vec<_> = notices.split(',').map(str::trim).collect();
    assert!(types.len() > 20, "{types:?}");
    for kind in types {
        assert!(cases.contains(&format!("\"type\": {kind}")), "{kind}");
    }
}

#[test]
fn the_inbox_reloads_a_burst_of_changes_together() {
    must_be_ok(&node("web/changes.mjs").output().expect("node: run make test"));
}

#[test]
fn the_inbox_loads_consecutive_chats_while_the_list_changes() {
    must_be_ok(&node("web/inbox-slice.mjs").output().expect("node: run make test"));
}

#[test]
fn the_inbox_shows_every_message_of_a_chat() {
    must_be_ok(&node("web/inbox-conversation.mjs").output().expect("node: run make test"));
}

#[test]
fn the_inbox_keeps_a_window_of_a_long_chat() {
    must_be_ok(&node("web/inbox-window.mjs").output().expect("node: run make test"));
}

#[test]
fn the_inbox_script_matches_its_sources() {
    let assets = Path::new(ROOT).join("assets/inbox");
    let built = std::env::temp_dir().join(format!("inbox-{}.js", uuid::Uuid::now_v7().simple()));
    let output =
        Command::new(assets.join("build.sh")).arg(&built).output().expect("make test installs esbuild");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (fresh, kept) = (std::fs::read(&built), std::fs::read(assets.join("inbox.js")));
    std::fs::remove_file(&built).expect("the file that was built");
    assert!(fresh.expect("a file") == kept.expect("a file"), "run make inbox");

    let types = Command::new(clients().join("node_modules/.bin/tsc")).arg("--project").arg(assets).output();
    let types = types.expect("tsc: run make test");
    assert!(types.status.success(), "{}", String::from_utf8_lossy(&types.stdout));
}

#[test]
fn the_proto_files_pass_buf_lint() {
    let output = Command::new(clients().join("node_modules/.bin/buf")).arg("lint").current_dir(ROOT).output();
    let output = output.expect("buf: run make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A client process that prints a line and then reads one.
struct Dialogue {
    client: Child,
    output: BufReader<ChildStdout>,
    text: String,
}

impl Dialogue {
    /// Starts it and reads its first line.
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().expect("node: run make test");
        let mut output = BufReader::new(client.stdout.take().expect("piped"));
        let mut text = String::new();
        output.read_line(&mut text).expect("a line of the client");
        Self { client, output, text }
    }

    fn answer(&mut self, line: &str) {
        let input = self.client.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").expect("the client reads the answer");
    }

    /// Waits for its exit and the rest of its output.
    fn end(mut self) -> Output {
        self.output.read_to_string(&mut self.text).expect("the output of the client");
        let ended = self.client.wait_with_output().expect("the client ends");
        Output { stdout: self.text.into_bytes(), ..ended }
    }
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(clients().join(script));
    command
}

/// Panics unless the script printed `ok` last and exited with 0.
pub fn must_be_ok(output: &Output) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim_end().ends_with("ok"), "{stdout}\n{stderr}");
}
