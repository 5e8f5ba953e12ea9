//! Schemathesis checks the running service against its OpenAPI document with valid and invalid requests.
//!
//! The requests are the same each time; with `FUZZ_SECONDS`, random ones are sent for that long.

use std::env;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{ROOT, World, disabled_webhook, failed_event, python_tool, queued_send};

#[tokio::test]
async fn the_service_conforms_to_its_openapi_document() {
    let world = World::start_with("127.0.0.1:0", &["--public-url", "https://inbox.acme.example"]).await;
    let place = env::temp_dir().join(format!("sb-live-{}", uuid::Uuid::now_v7().simple()));
    std::fs::create_dir(&place).expect("a folder");
    let demo = world.cli(&["demo", "--json", "--data-dir", place.to_str().expect("UTF-8")]);
    let demo: Value = serde_json::from_str(&demo).expect("JSON");
    let org = demo["orgId"].as_str().expect("an id");
    let (token, mut known) = furnish(&world, org);
    known["media"] = json!({"kept": [send_file(&world, org, &token).await]});

    let settings = Path::new(ROOT).join("tests/clients/rest");
    let mut schemathesis = python_tool("schemathesis");
    schemathesis.arg("--config-file").arg(settings.join("schemathesis.toml"));
    // A watch does not end.
    schemathesis
        .args(["run", "--no-color", "--exclude-path-regex", ":watch$"])
        .arg(format!("{}/openapi.json", world.url()));
    match env::var("FUZZ_SECONDS") {
        Ok(seconds) => schemathesis.args(["--max-time", &seconds]),
        Err(_) => schemathesis.args(["--seed", "1", "--max-examples", "10"]),
    };
    schemathesis.env("TOKEN", token).env("KNOWN", known.to_string());
    schemathesis.env("PYTHONPATH", settings).env("SCHEMATHESIS_HOOKS", "known");
    schemathesis.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&place);
    let output = schemathesis.output().expect("schemathesis");
    let _ = std::fs::remove_dir_all(&place);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let log = world.log();
    let faults = log.lines().filter(|line| line.contains("\"ERROR\"") || line.contains("panicked"));
    let faults = faults.collect::<Vec<_>>().join("\n");
    assert!(output.status.success() && faults.is_empty(), "{stdout}\n{stderr}\n{faults}");
}

/// Sends a file through one of the [`connections`], so that it is stored. Returns its id.
async fn send_file(world: &World, org: &str, token: &str) -> Value {
    let media = json!({"type": "document", "filedata": "aGVsbG8=", "filename": "hello.txt", "mimetype": "text/plain"});
    let message = json!({"chat_id": "15550108888@c.us", "media": media});
    let sender = world.anonymous().token(token).with("x-phone", "15550109810");
    sender.json("POST", "/v1/message/send", message.to_string()).await.expect(200);
    let stored =
        format!("SELECT media_id FROM media WHERE org_id = '{org}' AND state = 'stored' AND from_me");
    world.sql().rows(&stored)[0]["media_id"].clone()
}

const OWN_MESSAGES: &str =
    "SELECT 'true_' || c.chat_id || '_' || m.message_id FROM messages m JOIN chats c USING (org_id, chat_key)
         WHERE ORG AND m.from_me ORDER BY m.sent_at DESC LIMIT 50";

/// A note of each of twenty chats.
const NOTES: &str = "INSERT INTO notes (org_id, note_id, chat_key, body, author)
     SELECT org_id, 'note-' || repeat(chr(96 + row_number() OVER (ORDER BY chat_key)::integer), 16), chat_key, 'hello', 'operator'
     FROM (SELECT org_id, chat_key FROM chats WHERE ORG ORDER BY chat_key LIMIT 20) c ON CONFLICT DO NOTHING";

/// The sessions whose connector is not there: nothing leaves their queues.
const CONNECTED: &str =
    "SELECT session_id FROM connections WHERE ORG AND kind = 'external' ORDER BY session_id";

/// A token with all capabilities, and existing ids by `x-refers-to`; see `tests/clients/rest/known.py`.
fn furnish(world: &World, org: &str) -> (String, Value) {
    let all = "read,send,ingest,manage";
    let token = world.cli(&["key", "create", "--org", org, "--name", "live", "--can", all]);
    let column = |query: &str| -> Vec<Value> {
        let rows = world.sql().rows(&query.replace("ORG", &format!("org_id = '{org}'")));
        rows.iter().filter_map(|row| row.as_object()?.values().next().cloned()).collect()
    };
    let sessions = column("SELECT session_id FROM sessions WHERE ORG ORDER BY session_id");
    let members = column("SELECT email FROM members WHERE ORG ORDER BY email");
    let phones = column("SELECT phone FROM sessions WHERE ORG ORDER BY phone");
    let labels = column("SELECT label_id FROM labels WHERE ORG ORDER BY label_id");
    let entries = properties(world, org);
    let messages = column(OWN_MESSAGES);
    world.sql().run_as(org, &NOTES.replace("ORG", &format!("org_id = '{org}'")));
    let notes = column("SELECT note_id FROM notes WHERE ORG ORDER BY note_id");

    let cli = |args: &[&str]| world.cli(&[args, &["--org", org]].concat());
    let spare = spare(&cli);
    let webhooks = webhooks(world, org);
    let event = "8200000001";
    let connections = connections(world, org, &cli, event);
    let sends = sends(world, org, &column(CONNECTED)[0]);

    // Chats of the first session: a path names both.
    let first = sessions[0].as_str().expect("an id");
    let chats = format!(
        "SELECT chat_id FROM chats JOIN session_chats USING (org_id, chat_key)
         WHERE ORG AND session_id = '{first}' AND last_message_at IS NOT NULL ORDER BY chat_id"
    );
    let (chats, spare_chats) =
        (column(&format!("{chats} LIMIT 6")), column(&format!("{chats} DESC LIMIT 60")));
    let contacts = column("SELECT contact_id FROM contacts WHERE ORG ORDER BY contact_id LIMIT 6");
    let known = json!({
        "chat": {"kept": in_both_spellings(&chats), "spare": in_both_spellings(&spare_chats)},
        "connection": {"kept": connections[..1], "spare": connections[1..]},
        "contact": {"kept": contacts},
        "event": {"kept": [event]},
        "gateway": {"kept": ["external"]},
        "key": {"kept": spare.keys, "own": id_of(&token)},
        "label": {"kept": labels[..2], "spare": labels[2..]},
        "member": {"kept": members, "spare": spare.members, "entries": whether(&members)},
        "page": {"kept": [""]},
        "phone": {"kept": phones},
        "property": {
            "kept": column("SELECT property_id FROM properties WHERE ORG"),
            "changed": [spare.changed_property],
            "spare": spare.properties,
            "entries": entries,
        },
        "message": {"kept": messages},
        "note": {"kept": notes[..2], "spare": notes[2..]},
        "send": {"kept": sends[..1], "spare": sends[1..]},
        "session": {"kept": sessions, "spare": spare.sessions},
        "webhook": {"kept": webhooks[..1], "spare": webhooks[1..]},
        "delivery": {"kept": ["7200000001"]},
        "receiver": {"kept": ["https://hooks.acme.example/", "https://hooks.acme.example/inbox"]},
    });
    (token, known)
}

/// What is deleted and changed, in addition to the demo's own, which stay, so that references to them stay valid.
struct Spare {
    sessions: Vec<String>,
    members: Vec<String>,
    changed_property: String,
    properties: Vec<String>,
    keys: Vec<String>,
}

fn six(make: impl Fn(&str) -> String) -> Vec<String> {
    (0..6).map(|i| make(&i.to_string())).collect()
}

fn spare(cli: &dyn Fn(&[&str]) -> String) -> Spare {
    // For a picklist, the document cannot express that no option contains a comma.
    let dropdown = |name: &str| {
        cli(&["property", "create", "--name", name, "--kind", "dropdown", "--option", "a", "--option", "b"])
    };
    Spare {
        sessions: six(|i| cli(&["session", "create", "--phone", &format!("1555010980{i}")])),
        members: six(|i| {
            let email = format!("spare{i}@acme.example");
            cli(&["member", "add", "--email", &email]);
            email
        }),
        changed_property: dropdown("changed"),
        properties: six(|i| dropdown(&format!("spare {i}"))),
        keys: six(|i| id_of(&cli(&["key", "create", "--name", i, "--can", "read"])).to_owned()),
    }
}

/// Connections, the first with a failed event.
fn connections(world: &World, org: &str, cli: &dyn Fn(&[&str]) -> String, event: &str) -> Vec<String> {
    let connections = six(|i| {
        let phone = format!("1555010981{i}");
        let created = cli(&["connection", "create", "external", "--session", &phone]);
        created.split_whitespace().next().expect("an id").to_owned()
    });
    world.sql().run_as(org, &failed_event(org, &connections[0], event));
    connections
}

/// Messages in the queue of a session.
fn sends(world: &World, org: &str, session: &Value) -> Vec<String> {
    let session = session.as_str().expect("a session");
    let sends: Vec<_> = (0..8).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let queued: Vec<_> = sends.iter().map(|send| queued_send(org, session, send)).collect();
    world.sql().run_as(org, &queued.join("; "));
    sends
}

/// Disabled webhooks, each with a dead letter.
fn webhooks(world: &World, org: &str) -> Vec<String> {
    let letters = "abcdefghijkl".repeat(2);
    let ids: Vec<_> = (0..8).map(|at| format!("webhook-live{}", &letters[at..at + 12])).collect();
    for id in &ids {
        world.sql().run_as(org, &disabled_webhook(org, id, "7200000001"));
    }
    ids
}

/// The id of an api-key: what is between its underscores.
fn id_of(key: &str) -> &str {
    key.split('_').nth(1).expect("an api-key")
}

fn in_both_spellings(chats: &[Value]) -> Vec<String> {
    let chats = chats.iter().filter_map(Value::as_str);
    chats.flat_map(|chat| [chat.to_owned(), chat.replace("@c.us", "@s.whatsapp.net")]).collect()
}

/// A schema of yes or no for each of these.
fn whether(keys: &[Value]) -> Value {
    let schema = |key: &Value| (key.as_str().expect("a text").to_owned(), json!({"type": "boolean"}));
    Value::Object(keys.iter().map(schema).collect())
}

/// A schema of the values of each property, by its id.
fn properties(world: &World, org: &str) -> Value {
    let query = format!("SELECT property_id, kind, options FROM properties WHERE org_id = '{org}'");
    let properties = world.sql().rows(&query).into_iter().map(|property| {
        let options = &property["options"];
        let schema = match property["kind"].as_str() {
            Some("text") => json!({"type": "string", "maxLength": 10_000}),
            Some("date") => json!({"type": "string", "format": "date"}),
            Some("dropdown") => json!({"enum": options}),
            Some("picklist") => json!({"type": "array", "items": {"enum": options}}),
            other => panic!("{other:?} is not a kind of property"),
        };
        let schema = json!({"oneOf": [schema, {"type": "null"}]});
        (property["property_id"].as_str().expect("an id").to_owned(), schema)
    });
    Value::Object(properties.collect())
}
