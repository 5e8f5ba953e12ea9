//! What the build refuses, with the proto file and line.

#[path = "../../build/model.rs"]
#[allow(dead_code, reason = "the generator reads what the rules do not")]
mod model;
#[path = "../../build/read.rs"]
mod read;
#[path = "../../build/rules.rs"]
#[allow(dead_code, reason = "the generator asks what the rules do not")]
mod rules;

use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;

const HEAD: &str = r#"syntax = "proto3";
package trial;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/field_mask.proto";
import "switchboard/v1/options.proto";
import "transcode/v1/options.proto";
message Thing {
  string id = 1;
  bool flag = 2;
  string made = 3 [(google.api.field_behavior) = OUTPUT_ONLY];
  repeated string tags = 4;
  Thing inner = 5;
}
message Ask {
  string id = 1;
  Thing thing = 2;
  repeated double numbers = 3;
  google.protobuf.FieldMask update_mask = 4;
  bool flag = 5 [(transcode.v1.json) = {in_patch_body: true}];
}
"#;

const DIALECT: &str = r#"option (transcode.v1.dialect) = {
  prefix: "/v1" names: FIELD_NAMES_PROTO errors: ERROR_ENVELOPE_FLAT patch_null: PATCH_NULL_CLEARS
};"#;

fn service(name: &str, methods: &str) -> String {
    format!("service {name} {{ {DIALECT}\n{methods}\n}}\n")
}

/// One method with that binding, needing `read`.
fn method(name: &str, rule: &str) -> String {
    let options = "option (switchboard.v1.capability) = CAPABILITY_READ;";
    format!("rpc {name}(Ask) returns (Thing) {{ {options} option (google.api.http) = {{ {rule} }}; }}")
}

fn check(name: &str, services: &str) -> Result<(), String> {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join(format!("{name}.proto"));
    std::fs::write(&file, format!("{HEAD}{services}")).unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let mut compiler = protox::Compiler::new([directory.as_path(), &ours]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_file(&file).unwrap();
    let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap();
    let services = read::services(&pool).map_err(|problem| problem.to_string())?;
    rules::check(&services).map_err(|problem| problem.to_string())
}

#[track_caller]
fn refuses(name: &str, rule: &str, reason: &str) {
    let problem = check(name, &service("Trial", &method("Try", rule))).unwrap_err();
    assert!(problem.contains(reason), "{problem}");
    // The method stands on the third line of the service.
    let line = HEAD.lines().count() + 4;
    assert!(problem.starts_with(&format!("{name}.proto:{line}: trial.Trial.Try: ")), "{problem}");
}

#[test]
fn good_rules_pass() {
    let methods = [
        method("A", r#"get: "/v1/things/{id}""#),
        method(
            "B",
            r#"patch: "/v1/things/{thing.id}" body: "thing" additional_bindings { put: "/v1/{id=a/**}" body: "*" }"#,
        ),
        method("C", r#"post: "/v1/things/{thing.inner.id}:go" body: "thing" response_body: "inner""#),
        method("D", ""),
    ];
    // `flag` is a field of both messages, so this one has no PATCH of its own.
    let fine = methods.join("\n").replace("patch:", "put:");
    check("good", &service("Trial", &fine)).unwrap();
}

#[test]
fn bad_path_variables_are_refused() {
    refuses("unknown", r#"get: "/v1/{nothing}""#, "path variable `nothing` names no field");
    refuses("scalar", r#"get: "/v1/{id.more}""#, "runs through a field that is no message");
    refuses("message", r#"get: "/v1/{thing}""#, "names a message");
    refuses("repeated", r#"get: "/v1/{numbers=**}""#, "names a repeated field");
    refuses("nested_list", r#"get: "/v1/{thing.tags}""#, "names a repeated field");
    refuses("output", r#"get: "/v1/{thing.made}""#, "names an output-only field");
    refuses("twice", r#"get: "/v1/{id}/{id}""#, "variable is bound twice");
    refuses("inside", r#"get: "/v1/{id=a/{flag}}""#, "variable inside a variable");
}

#[test]
fn bad_bodies_are_refused() {
    refuses("body_get", r#"get: "/v1/things" body: "thing""#, "a body on GET");
    refuses("body_delete", r#"delete: "/v1/things" body: "*""#, "a body on DELETE");
    refuses("body_unknown", r#"post: "/v1/things" body: "nothing""#, "body `nothing` names no field");
    refuses("body_path", r#"post: "/v1/{id}" body: "id""#, "is a path variable too");
    refuses(
        "reply",
        r#"get: "/v1/things" response_body: "nothing""#,
        "response_body `nothing` names no field",
    );
    refuses("patch", r#"patch: "/v1/{id}" body: "thing""#, "`flag` is a field of trial.Thing too");
}

#[test]
fn routes_that_cannot_be_told_apart_are_refused_across_services() {
    let one = method("One", r#"get: "/v1/things/{id}""#);
    let two = method("Two", r#"get: "/v1/things/{thing.id}""#);
    for services in [service("Trial", &format!("{one}\n{two}")), service("A", &one) + &service("B", &two)] {
        let problem = check("equal", &services).unwrap_err();
        assert!(problem.contains("Two: GET /v1/things/{thing.id} answers the same paths"), "{problem}");
        assert!(problem.contains(".One"), "{problem}");
    }
}

#[test]
fn statuses_that_cannot_be_answered_are_refused() {
    let over = |status: u16| {
        let overrides = format!("status_overrides: {{ code: \"ABORTED\" status: {status} }} }};");
        service("Trial", &method("Try", r#"get: "/v1/things""#)).replacen("};", &overrides, 1)
    };
    check("override_known", &over(409)).unwrap();
    for status in [200, 399, 499, 599, 600] {
        let problem = check("override", &over(status)).unwrap_err();
        assert!(problem.contains("trial.Trial: (dialect) overrides a status with"), "{status}: {problem}");
    }
    let success = |status: u16| {
        let option = format!("option (transcode.v1.success_status) = {status}; option (google.api.http)");
        service("Trial", &method("Try", r#"get: "/v1/things""#)).replace("option (google.api.http)", &option)
    };
    check("success_known", &success(201)).unwrap();
    for status in [199, 299, 300, 404] {
        let problem = check("success", &success(status)).unwrap_err();
        assert!(problem.contains("trial.Trial.Try: (success_status) is"), "{status}: {problem}");
    }
}

#[test]
fn what_a_method_must_declare_is_asked_for() {
    let rule = r#"get: "/v1/things""#;
    let bare = method("Try", rule).replace("option (switchboard.v1.capability) = CAPABILITY_READ;", "");
    assert!(check("bare", &service("Trial", &bare)).unwrap_err().contains("no (capability)"));
    let plain = format!("service Trial {{ {} }}", method("Try", rule));
    assert!(check("plain", &plain).unwrap_err().contains("REST routes without (dialect)"));
    let stream = service("Trial", &method("Try", rule)).replace("Try(", "Try(stream ");
    assert!(check("stream", &stream).unwrap_err().contains("takes a stream cannot have a REST route"));
    let resumed =
        method("Try", rule).replacen("option", "option (transcode.v1.resume_field) = \"nothing\"; option", 1);
    let problem = check("resumed", &service("Trial", &resumed)).unwrap_err();
    assert!(problem.contains("(resume_field) of a method that answers no stream"), "{problem}");
    let stream = service("Trial", &resumed).replace("returns (", "returns (stream ");
    assert!(
        check("resumes", &stream).unwrap_err().contains("is not a string of both the request and the answer")
    );
    refuses("elsewhere", r#"get: "/v2/things""#, "does not lie under the dialect's prefix `/v1`");
}
