//! The values of the Helm chart: the program's settings, without unknown keys.

use serde_json::{Map, Value, json};

use super::rendered::{CHART, render};
use crate::cli::harness::Place;

#[test]
fn chart_settings_equal_those_of_the_program() {
    let place = Place::new();
    // Without line breaks, whose place depends on the width.
    let help = place.ask(&["serve", "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let known = place.ask_json(&["config", "--json"]);
    let (mut settings, mut secrets) = (Map::new(), Map::new());
    for setting in known.as_array().expect("settings") {
        let name = setting["name"].as_str().expect("a name");
        let variable = format!("SWITCHBOARD_{}", name.to_uppercase().replace('-', "_"));
        // Set by the chart's templates, or unused: no pod has an embedded database.
        match name {
            "listen" | "metrics-address" | "data-dir" | "media-dir" | "tls-cert" | "tls-key"
            | "tls-client-ca" => {}
            _ if help.contains(&format!("{variable} or …_FILE")) => {
                drop(secrets.insert(camel(name), Value::Null))
            }
            // The program's default depends on the machine.
            "database-pool-size" => drop(settings.insert(camel(name), json!("8"))),
            _ => drop(settings.insert(camel(name), setting["value"].clone())),
        }
    }
    let plain = |(name, value): (&String, &Value)| {
        let is_empty = value == "" || value == &json!([]);
        let value =
            if value.is_number() || value.is_boolean() { json!(value.to_string()) } else { value.clone() };
        (name.clone(), if is_empty { Value::Null } else { value })
    };
    let of_chart: Map<_, _> =
        CHART["values"]["settings"].as_object().expect("settings").iter().map(plain).collect();
    assert_eq!(of_chart, settings);
    let of_chart: Vec<_> = CHART["values"]["secrets"].as_object().expect("secrets").keys().collect();
    assert_eq!(of_chart, secrets.keys().collect::<Vec<_>>());
}

/// `request-timeout` as `requestTimeout`.
fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn unknown_values_are_rejected_at_every_depth() {
    let mut strict = 0;
    assert_closed(&CHART["schema"], &mut strict);
    assert!(strict > 20, "{strict}");
    let mut unknown = Map::new();
    for (name, value) in CHART["values"].as_object().expect("values") {
        let is_free = value == &json!({});
        if value.is_object() && !is_free {
            unknown.insert(name.clone(), json!({name: {"nonsense": 1}}));
        } else if value.is_string() || value.is_number() {
            unknown.insert(name.clone(), json!({name: ["of another type"]}));
        }
    }
    let bad = [
        json!({"nonsense": 1}),
        json!({"settings": {"requestTimeout": 5}}),
        json!({"settings": {"requestTimeout": "soon"}}),
        json!({"settings": {"keyRateLimit": 0}}),
        json!({"settings": {"corsAllowedOrigin": ["*"]}}),
        json!({"settings": {"jwksUrl": "https://login.acme.example/jwks.json"}}),
        json!({"secrets": {"databaseUrl": {"existingSecret": ""}}}),
        json!({"ingress": {"http": {"enabled": true}}}),
        json!({"gateway": {"grpc": {"enabled": true}}}),
        json!({"gateway": {
            "http": {"enabled": true, "parentRefs": [{"name": "a"}], "hostnames": ["a.acme.example"]},
            "grpc": {"enabled": true, "parentRefs": [{"name": "a"}], "hostnames": ["a.acme.example"]},
        }}),
        json!({"tls": {"clientAuthority": {"existingConfigMap": "callers"}}}),
        json!({
            "tls": {"existingSecret": "inbox-tls", "clientAuthority": {"existingConfigMap": "callers"}},
            "metrics": {"enabled": false},
        }),
        json!({"replicas": -1}),
        json!({"networkPolicy": {"webhooks": {"ports": []}}}),
        json!({"image": {"digest": "latest"}}),
    ];
    unknown.extend(bad.into_iter().map(|values| (values.to_string(), values)));
    for (name, outcome) in render(&json!(unknown))["sets"].as_object().expect("sets") {
        assert!(outcome["refused"].is_string(), "{name}: {outcome}");
    }
}

/// Asserts that every object of a schema is closed, or restricts the type of its other members.
fn assert_closed(schema: &Value, strict: &mut u32) {
    match schema {
        Value::Object(members) => {
            if members.get("type") == Some(&json!("object")) {
                let others = members.get("additionalProperties");
                assert!(
                    others == Some(&json!(false)) || others == Some(&json!({"type": "string"})),
                    "{schema}"
                );
                *strict += 1;
            }
            members.values().for_each(|member| assert_closed(member, strict));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_closed(item, strict)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
