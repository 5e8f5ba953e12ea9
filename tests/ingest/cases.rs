//! `tests/data/ingest_cases.json`: small inputs and what the REST APIs return then, through import and through the stream.
//!
//! Each case runs in a fresh organization with one session. `events` are sent in order; `rejected` lists the index and
//! field of those that must be rejected; then `request` is made, and `expect` lists paths into its JSON answer with their
//! values. A case with `requests` makes several, each `{"request": …, "expect": …}`.

use std::io::Write;
use std::process::{Command, Stdio};

use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard::pb::ingest_json::{self, snake_case};
use switchboard::pb::ingest_request::Request;

use super::stream::connector::Connector;
use crate::support::World;

const CASES: &str = include_str!("../data/ingest_cases.json");
const PHONE: &str = "15550100799";

#[derive(Deserialize)]
struct Case {
    id: String,
    events: Vec<Value>,
    #[serde(default)]
    rejected: Vec<(usize, String)>,
    #[serde(flatten)]
    check: Option<Check>,
    #[serde(default)]
    requests: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    request: (String, String),
    expect: Vec<(String, Value)>,
}

/// An organization with one session.
struct Org<'w> {
    world: &'w World,
    id: String,
    session: String,
}

impl<'w> Org<'w> {
    fn new(world: &'w World) -> Self {
        let id = world.cli(&["org", "create", "--name", "Acme"]);
        let session = world.cli(&["session", "create", "--org", &id, "--phone", PHONE]);
        Self { world, id, session }
    }

    /// Imports lines. Returns the rejected ones as they are printed, by their index.
    fn import(&self, lines: &[String]) -> Vec<(usize, String)> {
        let mut command: Command = self.world.command(&["import", "-", "--org", &self.id]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        child.stdin.take().expect("piped").write_all(lines.join("\n").as_bytes()).expect("import reads");
        let output = child.wait_with_output().expect("the binary");
        let errors = String::from_utf8_lossy(&output.stderr);
        let rejected = errors.lines().filter_map(|line| line.strip_prefix("line ")?.split_once(": "));
        rejected.map(|(line, text)| (line.parse::<usize>().expect("a number") - 1, text.to_owned())).collect()
    }

    /// Sends lines over one stream. Returns the fields of the rejected ones, by their index.
    async fn stream(&self, lines: &[String]) -> Vec<(usize, String)> {
        let key = self.world.database.create_key(&self.id, "ingest,send,manage", &[]);
        let (mut connector, _) = Connector::open(&self.world.url(), &key, "").await.expect("open");
        let (mut rejected, mut last) = (Vec::new(), 0);
        for (index, line) in lines.iter().enumerate() {
            // What JSON can spell and protobuf cannot is rejected when the line is read.
            match ingest_json::read(line.as_bytes()) {
                Ok(mut event) => {
                    last = i64::try_from(index).expect("a small number") + 1;
                    event.sequence = last;
                    connector.send(Request::Event(event.encode_to_vec().into())).await;
                }
                Err(error) => rejected.push((index, snake_case(&error.field))),
            }
        }
        for acknowledged in connector.acknowledged(last).await.expect("acknowledged") {
            let fields = acknowledged.rejected.into_iter();
            rejected
                .extend(fields.map(|one| (usize::try_from(one.sequence - 1).expect("positive"), one.field)));
        }
        rejected.sort();
        rejected
    }

    /// The differences between the expected and the actual answers.
    async fn differences(&self, case: &Case) -> Vec<String> {
        let key = self.world.database.create_key(&self.id, "read,send,manage", &[]);
        let rest = self.world.anonymous().token(&key);
        let mut differences = Vec::new();
        for Check { request: (method, path), expect } in case.check.iter().chain(&case.requests) {
            let path = path.replace("{session}", &self.session);
            let answer = rest.send(method, &path, "").await;
            for (place, expected) in expect {
                let found = at(&answer.json(), place);
                if found.as_ref() != Some(expected) {
                    let found = found.map_or_else(|| answer.text(), |found| found.to_string());
                    differences.push(format!("{}: {place} must be {expected}, is {found}", case.id));
                }
            }
        }
        differences
    }
}

/// The value at a path of keys and indexes with dots between them; keys may contain dots, too.
fn at(value: &Value, path: &str) -> Option<Value> {
    if path.is_empty() {
        return Some(value.clone());
    }
    let rest =
        |key: &str| Some(path.strip_prefix(key)?).filter(|rest| rest.is_empty() || rest.starts_with('.'));
    match value {
        Value::Object(fields) => {
            let (key, value) =
                fields.iter().filter(|(key, _)| rest(key).is_some()).max_by_key(|(key, _)| key.len())?;
            at(value, rest(key)?.trim_start_matches('.'))
        }
        Value::Array(items) => {
            let index = path.split('.').next()?;
            at(items.get(index.parse::<usize>().ok()?)?, rest(index)?.trim_start_matches('.'))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn cases() -> Vec<Case> {
    let mut file: Value = serde_json::from_str(CASES).expect("JSON");
    let cases: Vec<Case> = serde_json::from_value(file["cases"].take()).expect("cases");
    let checks =
        |case: &Case| case.check.iter().chain(&case.requests).map(|check| check.expect.len()).sum::<usize>();
    cases
        .iter()
        .for_each(|case| assert_ne!(checks(case) + case.rejected.len(), 0, "{} expects nothing", case.id));
    cases
}

/// The events as lines of the session.
fn lines(case: &Case) -> Vec<String> {
    let line = |event: &Value| {
        let mut event = event.clone();
        let is_setup = ["member", "label", "property"].iter().any(|kind| event.get(kind).is_some());
        if let Some(fields) = event.as_object_mut().filter(|_| !is_setup) {
            fields.entry("session").or_insert_with(|| json!(PHONE));
        }
        event.as_str().map_or_else(|| event.to_string(), str::to_owned)
    };
    case.events.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_cases_are_answered_as_expected() {
    let world = World::start().await;
    let mut failures = Vec::new();
    for case in cases() {
        let org = Org::new(&world);
        let rejected = org.import(&lines(&case));
        let is_expected = rejected.len() == case.rejected.len()
            && rejected.iter().zip(&case.rejected).all(|((index, text), (expected, field))| {
                index == expected && text.starts_with(&format!("{field} "))
            });
        if !is_expected {
            failures.push(format!("{}: rejected {rejected:?}", case.id));
        }
        failures.extend(org.differences(&case).await);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streamed_cases_are_answered_as_expected() {
    let world = World::start().await;
    let mut failures = Vec::new();
    for case in cases() {
        let org = Org::new(&world);
        let rejected = org.stream(&lines(&case)).await;
        let expected: Vec<_> =
            case.rejected.iter().map(|(index, field)| (*index, snake_case(field))).collect();
        if rejected != expected {
            failures.push(format!("{}: rejected {rejected:?}", case.id));
        }
        failures.extend(org.differences(&case).await);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
