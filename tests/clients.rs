//! Ready-made clients, used as their users would: Periskope's own npm client, Python's gRPC, a page in a browser. Their
//! versions are pinned in `tests/clients/`; `make test` installs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Chat, ROOT, World, clients, python_tool};

#[tokio::test]
async fn periskopes_own_client_reads_and_changes_a_chat() {
    // Of its own: it counts what there is.
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
async fn a_python_client_finds_everything_over_reflection() {
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
async fn a_page_in_a_browser_shows_a_chat_when_its_origin_is_allowed() {
    let mut client = Asking::start(&mut node("web/chats.mjs"));
    let origins: Value = serde_json::from_str(&client.said).unwrap_or_default();
    // Without them it has failed, and says how.
    let Some(allowed) = origins["allowed"].as_str() else { return must_be_ok(&client.end()) };
    let world = World::start_with("127.0.0.1:0", &["--cors-allowed-origin", allowed]).await;
    let chat = world.chat("Asha Rao").await;
    let settings = json!({
        "service": world.url(), "token": world.org.key, "phone": world.org.numbers[0], "chat": chat.id,
    });
    client.answer(&settings.to_string());
    must_be_ok(&client.end());
}

#[tokio::test]
async fn a_browser_shows_every_operation_and_asks_nobody_else() {
    let world = World::shared().await;
    let output = node("web/docs.mjs").env("SERVICE", world.url()).output();
    must_be_ok(&output.expect("node: run make test"));
}

#[tokio::test]
async fn people_work_with_the_inbox_in_a_browser() {
    let world = World::start().await;
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
    client.env("SERVICE", world.url()).env("TOKEN", &world.org.key).env("READER", world.key("read").await);
    client.env("EMAIL", &world.org.members[0]);
    let mut client = Asking::start(&mut client);
    if client.said == "waiting for messages\n" {
        let bodies = (0..99).map(|_| "Hello?").chain(["Thanks a lot"]);
        let messages = (5..).zip(bodies).map(|(minute, body)| message(minute, &chen, false, body));
        world.import(&world.org, &messages.collect::<Vec<_>>());
        client.answer("here they are");
    }
    must_be_ok(&client.end());
}

#[test]
fn the_inbox_reads_a_burst_of_changes_together() {
    must_be_ok(&node("web/changes.mjs").output().expect("node: run make test"));
}

#[test]
fn the_inbox_is_what_its_sources_give() {
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
fn the_proto_files_follow_bufs_rules() {
    let output = Command::new(clients().join("node_modules/.bin/buf")).arg("lint").current_dir(ROOT).output();
    let output = output.expect("buf: run make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A client that says a line, and is then answered with one.
struct Asking {
    client: Child,
    output: BufReader<ChildStdout>,
    said: String,
}

impl Asking {
    /// Runs it until it has said its line.
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().expect("node: run make test");
        let mut output = BufReader::new(client.stdout.take().expect("piped"));
        let mut said = String::new();
        output.read_line(&mut said).expect("the client says a line");
        Self { client, output, said }
    }

    fn answer(&mut self, line: &str) {
        let input = self.client.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").expect("the client reads the answer");
    }

    /// Waits for what it says until it ends.
    fn end(mut self) -> Output {
        self.output.read_to_string(&mut self.said).expect("what the client says");
        let ended = self.client.wait_with_output().expect("the client ends");
        Output { stdout: self.said.into_bytes(), ..ended }
    }
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(clients().join(script));
    command
}

/// The script says `ok` last and ends well.
pub fn must_be_ok(output: &Output) {
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim_end().ends_with("ok"), "{said}\n{complained}");
}
