//! The commands that manage organizations, members, sessions, properties and keys.

use super::harness::Place;

/// One test, because creating a database takes a second.
#[test]
fn operator_commands_manage_an_organization() {
    let place = Place::new();
    // Keeps the database running between the commands, which makes them fast.
    let mut serving = place.command(&["serve", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let org = place.ask(&["org", "create", "--name", "Acme"]);
    organizations(&place, &org);
    members(&place, &org);
    sessions(&place, &org);
    properties(&place, &org);
    keys(&place, &org);
    schema(&place);
    serving.kill().unwrap();
    serving.wait().unwrap();
    place.wait_until_empty();
}

fn organizations(place: &Place, org: &str) {
    let id = "5e1f0000-0000-4000-8000-000000000001";
    assert_eq!(place.ask(&["org", "create", "--name", "Second", "--id", id]), id);
    let again = place.run(&["org", "create", "--name", "Second", "--id", id]);
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    for name in ["", "a\nb"] {
        let rejected = place.run(&["org", "create", "--name", name]);
        assert_eq!(rejected.code, Some(2));
        assert!(
            rejected.stderr.starts_with("error: --name must be 1 to 100 characters"),
            "{}",
            rejected.stderr
        );
    }
    let disabled = |place: &Place| {
        let listed = place.ask_json(&["org", "list", "--json"]);
        let ours = listed.as_array().unwrap().iter().find(|listed| listed["orgId"] == org).unwrap();
        ours["disabledAt"].is_number()
    };
    place.ask(&["org", "disable", org]);
    assert!(disabled(place));
    place.ask(&["org", "enable", org]);
    assert!(!disabled(place));
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 2);
    let unknown = place.run(&["org", "disable", "5e1f0000-0000-4000-8000-000000000009"]);
    assert_eq!((unknown.code, unknown.stderr.as_str()), (Some(1), "error: organization not found\n"));
}

fn members(place: &Place, org: &str) {
    let add = ["member", "add", "--org", org, "--email"];
    place.ask(&[&add[..], &["Asha@acme.example", "--role", "admin"]].concat());
    place.ask(&[&add[..], &["asha@ACME.example", "--name", "Asha Rao"]].concat());
    place.ask(&[&add[..], &["asha@acme.example"]].concat());
    let listed = place.ask_json(&["member", "list", "--org", org, "--json"]);
    let found = &listed.as_array().unwrap()[..];
    assert_eq!(found.len(), 1, "{listed}");
    assert_eq!(
        (&found[0]["email"], &found[0]["role"], &found[0]["name"]),
        (&"Asha@acme.example".into(), &"admin".into(), &"Asha Rao".into())
    );
    place.ask(&["member", "remove", "--org", org, "--email", "ASHA@acme.example"]);
    assert_eq!(place.run(&["member", "remove", "--org", org, "--email", "asha@acme.example"]).code, Some(1));
    place.ask(&[&add[..], &["owner@acme.example", "--role", "owner"]].concat());
    for last in [
        place.run(&["member", "remove", "--org", org, "--email", "owner@acme.example"]),
        place.run(&[&add[..], &["owner@acme.example", "--role", "member"]].concat()),
    ] {
        let expected = "error: the organization must keep an owner\n";
        assert_eq!((last.code, last.stderr.as_str()), (Some(1), expected));
    }
    let rejected = place.run(&[&add[..], &["nobody"]].concat());
    assert_eq!(
        (rejected.code, rejected.stderr.as_str()),
        (Some(2), "error: --email must be an email address\n")
    );
    assert_eq!(place.run(&[&add[..], &["a@acme.example", "--role", "king"]].concat()).code, Some(2));
}

fn sessions(place: &Place, org: &str) {
    let id = "01M81YP64E9HJ8XD3TBMW0N3T6";
    let create = ["session", "create", "--org", org, "--phone"];
    assert_eq!(place.ask(&[&create[..], &["15550100400", "--id", id]].concat()), id);
    let again = place.run(&[&create[..], &["15550100400"]].concat());
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("number already"), "{}", again.stderr);
    let same_id = place.run(&[&create[..], &["15550100401", "--id", id]].concat());
    assert!(same_id.stderr.contains("id already"), "{}", same_id.stderr);
    assert_eq!(place.run(&[&create[..], &["+15550100402"]].concat()).code, Some(2));
    let too_large = ["15550100402", "--id", "Z1J9ZX8K2QHV0M3T6R7P4N5W8C"];
    assert_eq!(place.run(&[&create[..], &too_large].concat()).code, Some(2));
    let other = place.ask_json(&[&create[..], &["15550100403", "--label", "Desk", "--json"]].concat());
    assert!(other["phoneId"].as_str().unwrap().starts_with("phone-"), "{other}");
    assert_eq!(place.ask(&["session", "list", "--org", org]).lines().count(), 2);
}

fn properties(place: &Place, org: &str) {
    let create = |rest: &[&str]| place.run(&[&["property", "create", "--org", org][..], rest].concat());
    let id = "property-abcdefghijklmnop";
    let made = create(&[
        "--name", "Colour", "--kind", "dropdown", "--option", "red", "--option", "blue", "--id", id,
    ]);
    assert_eq!((made.code, made.stdout.trim_end()), (Some(0), id), "{}", made.stderr);
    assert_eq!(create(&["--name", "Colour", "--kind", "text"]).code, Some(1));
    for (wrong, expected) in [
        (&["--name", "Size", "--kind", "picklist"][..], "--option must be given for a picklist property"),
        (
            &["--name", "Due", "--kind", "date", "--option", "today"],
            "--option must not be given for a date property",
        ),
        (
            &["--name", "Size", "--kind", "picklist", "--option", "s", "--option", "s"],
            "--option must not repeat an option",
        ),
        (
            &["--name", "Size", "--kind", "picklist", "--option", "s,m"],
            "--option must not contain a comma in a picklist property",
        ),
    ] {
        let rejected = create(wrong);
        assert_eq!((rejected.code, rejected.stderr), (Some(2), format!("error: {expected}\n")));
    }
    let listed = place.ask_json(&["property", "list", "--org", org, "--json"]);
    assert_eq!(listed[0]["options"], serde_json::json!(["red", "blue"]), "{listed}");
}

fn keys(place: &Place, org: &str) {
    let create = ["key", "create", "--org", org, "--name", "bot"];
    let key = place.ask(&[&create[..], &["--can", "read,send", "--expires-in", "90d"]].concat());
    let id = key.split('_').nth(1).unwrap();
    assert!(key.starts_with("sb_"));
    let state = |place: &Place| {
        let listed = place.ask_json(&["key", "list", "--org", org, "--json"]);
        assert!(!listed.to_string().contains(key.rsplit('_').next().unwrap()), "the secret is listed");
        (listed[0]["capabilities"].clone(), listed[0]["revokedAt"].is_number())
    };
    assert_eq!(state(place), (serde_json::json!(["read", "send"]), false));
    place.ask(&["key", "revoke", id]);
    assert!(state(place).1);
    assert_eq!(place.run(&["key", "revoke", "zzzzzzzzzzzz"]).code, Some(1));
    assert_eq!(place.run(&[&create[..], &["--can", "fly"]].concat()).code, Some(2));
    assert_eq!(place.run(&[&create[..], &["--can", "read", "--expires-in", "soon"]].concat()).code, Some(2));
    let elsewhere = ["--can", "read", "--session", "01J9ZX8K2QHV0M3T6R7P4N5W8D"];
    let rejected = place.run(&[&create[..], &elsewhere].concat()).stderr;
    assert!(rejected.starts_with("error: --session must be sessions"), "{rejected}");
    let unknown = "5e1f0000-0000-4000-8000-000000000009";
    for noun in ["member", "session", "property"] {
        let answer = place.run(&[noun, "list", "--org", unknown]);
        assert_eq!(
            (answer.code, answer.stderr.as_str()),
            (Some(1), "error: organization not found\n"),
            "{noun}"
        );
    }
}

fn schema(place: &Place) {
    let status = place.ask_json(&["migrate", "status", "--json"]);
    let all = status.as_array().unwrap();
    assert!(!all.is_empty() && all.iter().all(|migration| migration["applied"] == true), "{status}");
    assert_eq!(place.ask(&["migrate", "up"]), "");
}
