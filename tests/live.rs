//! The service as it runs keeps what its OpenAPI document says: Schemathesis reads the document and tries every operation
//! with requests that it allows and with requests that it does not.
//!
//! The same requests each time, unless `FUZZ_SECONDS` says for how long to try others.

use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{ROOT, World};

#[tokio::test]
async fn the_service_keeps_what_its_document_says() {
    let world = World::start().await;
    let place = env::temp_dir().join(format!("sb-live-{}", uuid::Uuid::now_v7().simple()));
    std::fs::create_dir(&place).expect("a folder");
    let data_dir = place.join("data");
    let demo = world.cli(&["demo", "--json", "--data-dir", data_dir.to_str().expect("UTF-8")]);
    let demo: Value = serde_json::from_str(&demo).expect("JSON");
    let org = demo["orgId"].as_str().expect("an id");
    let token = world.cli(&["key", "create", "--org", org, "--name", "live", "--can", "read,send,manage"]);

    let clients = Path::new(ROOT).join("tests/clients");
    let mut schemathesis = Command::new(clients.join(".venv/bin/schemathesis"));
    schemathesis.arg("--config-file").arg(clients.join("rest/schemathesis.toml"));
    schemathesis.args(["run", "--no-color"]).arg(format!("{}/openapi.json", world.url()));
    match env::var("FUZZ_SECONDS") {
        Ok(seconds) => schemathesis.args(["--max-time", &seconds]),
        Err(_) => schemathesis.args(["--seed", "1", "--max-examples", "20"]),
    };
    schemathesis.env("TOKEN", token).env("KNOWN", known(&world, org).to_string());
    schemathesis.env("PYTHONPATH", clients.join("rest")).env("SCHEMATHESIS_HOOKS", "known");
    schemathesis.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&place);
    let output = schemathesis.output().expect("schemathesis: run make test");
    let _ = std::fs::remove_dir_all(&place);
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let log = world.log();
    let faults = log.lines().filter(|line| line.contains("\"ERROR\"") || line.contains("panicked"));
    let faults = faults.collect::<Vec<_>>().join("\n");
    assert!(output.status.success() && faults.is_empty(), "{said}\n{complained}\n{faults}");
}

/// What the organization has, by the words of `x-refers-to`: what stays, and what may be deleted.
fn known(world: &World, org: &str) -> Value {
    let column = |query: &str| -> Vec<Value> {
        let rows = world.sql().rows(&query.replace("ORG", &format!("org_id = '{org}'")));
        rows.iter().filter_map(|row| row.as_object()?.values().next().cloned()).collect()
    };
    let sessions = column("SELECT session_id FROM sessions WHERE ORG ORDER BY session_id");
    // Of the first session, whose chats are named beside it in a path.
    let first = sessions[0].as_str().expect("an id");
    let chats = format!(
        "SELECT chat_id FROM chats JOIN session_chats USING (org_id, chat_key) WHERE ORG AND session_id = '{first}'"
    );
    let kept = column(&format!("{chats} AND last_message_at IS NOT NULL ORDER BY chat_id LIMIT 6"));
    let spare = column(&format!("{chats} AND last_message_at IS NOT NULL ORDER BY chat_id DESC LIMIT 60"));
    json!({
        "session": {"kept": sessions, "spare": sessions},
        "chat": {"kept": in_both_spellings(&kept), "spare": in_both_spellings(&spare)},
        "contact": {"kept": column("SELECT contact_id FROM contacts WHERE ORG ORDER BY contact_id LIMIT 6"), "spare": []},
        "phone": {"kept": column("SELECT phone FROM sessions WHERE ORG"), "spare": []},
        "member": {"kept": column("SELECT email FROM members WHERE ORG"), "spare": []},
        "property": {"kept": properties(world, org), "spare": {}},
    })
}

fn in_both_spellings(chats: &[Value]) -> Vec<String> {
    let chats = chats.iter().filter_map(Value::as_str);
    chats.flat_map(|chat| [chat.to_owned(), chat.replace("@c.us", "@s.whatsapp.net")]).collect()
}

/// A schema of the values of each property, by its id.
fn properties(world: &World, org: &str) -> Value {
    let properties = world
        .sql()
        .rows(&format!("SELECT property_id, kind, options FROM properties WHERE org_id = '{org}'"));
    let schemas = properties.iter().map(|property| {
        let options = &property["options"];
        let schema = match property["kind"].as_str() {
            Some("text") => json!({"type": "string", "maxLength": 10_000}),
            Some("date") => json!({"type": "string", "format": "date"}),
            Some("dropdown") => json!({"enum": options}),
            Some("picklist") => json!({"type": "array", "items": {"enum": options}}),
            other => panic!("{other:?} is not a kind of property"),
        };
        (property["property_id"].as_str().expect("an id").to_owned(), schema)
    });
    Value::Object(schemas.collect())
}
