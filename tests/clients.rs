//! Ready-made clients, used as their users would: Periskope's own npm client, Python's gRPC, a page in a browser. Their
//! versions are pinned in `tests/clients/`; `make test` installs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{ROOT, World, clients, python_tool};

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
    let mut client = node("web/chats.mjs");
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().expect("node: run make test");
    let mut output = BufReader::new(client.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("the client prints its origins");
    let origins: Value = serde_json::from_str(&line).unwrap_or_default();
    if let Some(allowed) = origins["allowed"].as_str() {
        let world = World::start_with("127.0.0.1:0", &["--cors-allowed-origin", allowed]).await;
        let chat = world.chat("Asha Rao").await;
        let settings = json!({
            "service": world.url(), "token": world.org.key, "phone": world.org.numbers[0], "chat": chat.id,
        });
        let mut input = client.stdin.take().expect("piped");
        writeln!(input, "{settings}").expect("the client reads its settings");
        output.read_to_string(&mut line).expect("the client prints what it finds");
    }
    let ended = client.wait_with_output().expect("the client ends");
    must_be_ok(&Output { stdout: line.into_bytes(), ..ended });
}

#[tokio::test]
async fn a_browser_shows_every_operation_and_asks_nobody_else() {
    let world = World::shared().await;
    let output = node("web/docs.mjs").env("SERVICE", world.url()).output();
    must_be_ok(&output.expect("node: run make test"));
}

#[test]
fn the_proto_files_follow_bufs_rules() {
    let output = Command::new(clients().join("node_modules/.bin/buf")).arg("lint").current_dir(ROOT).output();
    let output = output.expect("buf: run make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
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
