//! Conformance of template parser and router, by cases of other transcoders.

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::Value;
use transcode::{Found, Router, Segment, Template, decode_segment, decode_segments};

/// Invalid cases, each with the reason.
const EXCLUDED: [(&str, &str); 0] = [];

/// The areas that need no messages. The other tests cover the others.
const AREAS: [&str; 8] =
    ["template-parse", "template-invalid", "match", "match-suffix", "match-dos", "verb", "percent", "rules"];

#[test]
fn transcode_cases() {
    let mut run = 0;
    let mut failures = Vec::new();
    for file in case_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let content: Value = serde_json::from_str(&text).unwrap();
        for case in content["cases"].as_array().unwrap() {
            let id = case["id"].as_str().unwrap();
            let applies = AREAS.contains(&case["area"].as_str().unwrap()) && case["departure"] != true;
            if !applies || EXCLUDED.iter().any(|(excluded, _)| *excluded == id) {
                continue;
            }
            run += 1;
            if let Err(reason) = run_case(case) {
                failures.push(format!("{}: {id}: {reason}\n    {case}", file.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {run} cases:\n{}", failures.len(), failures.join("\n"));
    assert!(run > 100, "only {run} cases were found");
}

/// Every case file beside this one, and the one that `TRANSCODE_CASES` names.
fn case_files() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let own = own.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let own = own.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    own.chain(std::env::var_os("TRANSCODE_CASES").map(PathBuf::from)).collect()
}

fn run_case(case: &Value) -> Result<(), String> {
    match case["area"].as_str().unwrap() {
        "template-parse" | "template-invalid" => template_case(case),
        "rules" => rule_case(case),
        _ if text(&case["path"]).contains("(each)") => every_escape(case),
        _ => match_case(case),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn compare<T: PartialEq + std::fmt::Debug>(what: &str, actual: T, expected: T) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("{what} is {actual:?}, expected {expected:?}")) }
}

/// Where transcoders differ, the recommendation is expected.
fn recommends(case: &Value, word: &str) -> bool {
    text(&case["recommend"]).starts_with(word)
}

fn template_case(case: &Value) -> Result<(), String> {
    let parsed = Template::parse(text(&case["template"]));
    let expect = &case["expect"];
    let valid = if recommends(case, "reject") {
        false
    } else {
        recommends(case, "accept") || expect["valid"].as_bool().unwrap_or(case["area"] == "template-parse")
    };
    let template = match (parsed, valid) {
        (Err(_), false) => return Ok(()),
        (Ok(template), true) => template,
        (parsed, valid) => return Err(format!("{parsed:?}, expected valid to be {valid}")),
    };
    if let Some(segments) = expect["segments"].as_array() {
        let actual: Vec<&str> = template.segments().iter().map(shown).collect();
        compare("segments", actual, segments.iter().map(text).collect())?;
    }
    if let Some(verb) = expect["verb"].as_str() {
        compare("verb", template.verb().unwrap_or_default(), verb)?;
    }
    if let Some(variables) = expect["vars"].as_object() {
        let mut actual: Vec<(String, String)> =
            template.variables().iter().map(|v| (v.field.clone(), template.pattern(v))).collect();
        actual.sort();
        let mut expected: Vec<_> =
            variables.iter().map(|(name, part)| (name.clone(), text(part).to_owned())).collect();
        expected.sort();
        compare("vars", actual, expected)?;
    }
    Ok(())
}

fn shown(segment: &Segment) -> &str {
    match segment {
        Segment::Literal(text) => text,
        Segment::One => "*",
        Segment::Many => "**",
    }
}

/// A router with the case's routes, and their methods and templates by index.
/// Templates that the parser rejects are build errors, and have no route.
fn router(case: &Value) -> (Router<usize>, Vec<(Method, String)>) {
    let method = |value: &Value| Method::from_bytes(value.as_str().unwrap_or("GET").as_bytes()).unwrap();
    let mut routes: Vec<(Method, String)> = Vec::new();
    if let Some(template) = case["template"].as_str() {
        routes.push((method(&case["method"]), template.to_owned()));
    }
    for rule in case["rules"].as_array().into_iter().flatten() {
        routes.push((method(&rule["method"]), text(&rule["template"]).to_owned()));
    }
    let additional = case["rule"]["additional_bindings"].as_array().into_iter().flatten();
    for rule in std::iter::once(&case["rule"]).chain(additional) {
        for name in ["get", "put", "post", "delete", "patch"] {
            if let Some(template) = rule[name].as_str() {
                routes
                    .push((Method::from_bytes(name.to_uppercase().as_bytes()).unwrap(), template.to_owned()));
            }
        }
        if let Some(template) = rule["template"].as_str() {
            routes.push((method(&rule["method"]), template.to_owned()));
        }
    }
    let mut router = Router::default();
    for (index, (method, template)) in routes.iter().enumerate() {
        if let Ok(template) = Template::parse(template) {
            // Two equal routes are a build error; the first one is kept.
            let _ = router.insert(method, template, index);
        }
    }
    (router, routes)
}

fn path(case: &Value) -> String {
    let path = text(&case["path"]);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match path.split_once('<') {
        Some((before, rest)) => {
            let (placeholder, after) = rest.split_once('>').unwrap();
            let (count, _) = placeholder.split_once(" slashes").unwrap_or_else(|| panic!("{placeholder}"));
            format!("{before}{}{after}", "/".repeat(count.parse().unwrap()))
        }
        None => path.to_owned(),
    }
}

/// The decoded values of the variables, or the problem of one.
fn bindings(found: &Found<'_, '_, usize>) -> Result<Vec<(String, String)>, &'static str> {
    let value = |variable| {
        let raw = found.template.capture(variable, found.path);
        if found.template.is_multi_segment(variable) { decode_segments(raw) } else { decode_segment(raw) }
    };
    let variables = found.template.variables().iter();
    variables.map(|variable| Ok((variable.field.clone(), value(variable)?.into_owned()))).collect()
}

fn match_case(case: &Value) -> Result<(), String> {
    let (router, routes) = router(case);
    let method = Method::from_bytes(case["method"].as_str().unwrap_or("GET").as_bytes()).unwrap();
    let path = path(case);
    let found = router.find(&method, &path);
    let expect = &case["expect"];
    if recommends(case, "bind") {
        return found.map(|_| ()).ok_or_else(|| "nothing was found".to_owned());
    }
    if let Some(expected) = expect.get("match") {
        let actual = found.as_ref().map(|found| {
            let (method, template) = &routes[*found.target];
            if text(expected).starts_with('/') { template.clone() } else { format!("{method} {template}") }
        });
        compare("match", actual.as_deref(), expected.as_str())?;
    }
    match (expect["status"].as_u64(), &found) {
        (None | Some(404), None) => return Ok(()),
        (Some(404), Some(_)) => return Err("something was found".to_owned()),
        (Some(_), None) => return Err("nothing was found".to_owned()),
        (_, Some(_)) => {}
    }
    let Some(found) = found else { return Ok(()) };
    let bindings = bindings(&found);
    match (expect["status"].as_u64(), bindings) {
        (Some(400 | 422), Err(_)) => Ok(()),
        (Some(400 | 422), Ok(bindings)) => Err(format!("{bindings:?} was bound")),
        (_, Err(problem)) => Err(format!("rejected: it {problem}")),
        (_, Ok(mut actual)) => {
            if let Some(value) = expect.get("value") {
                compare("value", actual.first().map(|(_, value)| value.as_str()), value.as_str())?;
            }
            if let Some(expected) = expect["bindings"].as_object().filter(|expected| !expected.is_empty()) {
                let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let mut expected: Vec<_> =
                    expected.iter().map(|(name, of)| (name.clone(), value(of))).collect();
                expected.sort();
                actual.sort();
                compare("bindings", actual, expected)?;
            }
            Ok(())
        }
    }
}

/// `/%XX (each)`: every escape of ASCII, with lower-case and upper-case digits.
fn every_escape(case: &Value) -> Result<(), String> {
    let (router, _) = router(case);
    for byte in 0..=0x7E_u8 {
        for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
            let path = text(&case["path"]).replace("%XX (each)", &escape);
            let found = router.find(&Method::GET, &path).ok_or_else(|| format!("{path} was not found"))?;
            let value = bindings(&found).map_err(|problem| format!("{path} {problem}"))?.remove(0).1;
            compare(&path, value, char::from(byte).to_string())?;
        }
    }
    Ok(())
}

/// Checks the number of a rule's bindings, and that its path is found.
fn rule_case(case: &Value) -> Result<(), String> {
    let (router, routes) = router(case);
    if let Some(registered) = case["expect"]["registered"].as_array() {
        compare("registered", routes.len(), registered.len())?;
    }
    if case.get("path").is_some() && case["expect"]["status"] != 404 {
        let method = Method::from_bytes(text(&case["method"]).as_bytes()).unwrap();
        router.find(&method, &path(case)).ok_or("nothing was found")?;
    }
    Ok(())
}
