//! Annotations that the build rejects, with the proto file and line.

#![allow(clippy::unwrap_used, reason = "a test fails")]

use std::path::PathBuf;

const HEAD: &str = r#"syntax = "proto3";
package trial;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "transcode/v1/options.proto";
message Thing {
  string id = 1;
  bool flag = 2;
  string made = 3 [(google.api.field_behavior) = OUTPUT_ONLY];
  repeated string tags = 4;
  Thing inner = 5;
  oneof choice {
    Thing chosen = 6;
  }
  google.protobuf.Struct data = 7;
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

/// A method with this binding.
fn method(name: &str, rule: &str) -> String {
    format!("rpc {name}(Ask) returns (Thing) {{ option (google.api.http) = {{ {rule} }}; }}")
}

/// Compiles services after [`HEAD`], in a file of this name.
fn compile(name: &str, services: &str) -> Result<(), String> {
    compile_file(name, &format!("{HEAD}{services}"))
}

fn compile_file(name: &str, content: &str) -> Result<(), String> {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join(format!("{name}.proto"));
    std::fs::write(&file, content).unwrap();
    let model = transcode_build::compile(&[file], &[directory]).map_err(|error| error.to_string())?;
    model.routes("crate::pb").map_err(|error| error.to_string())?;
    model.validators("crate::pb").map(drop).map_err(|error| error.to_string())
}

/// Asserts that a binding is rejected with the line of its method.
#[track_caller]
fn rejects(name: &str, rule: &str, reason: &str) {
    let error = compile(name, &service("Trial", &method("Try", rule))).unwrap_err();
    assert!(error.contains(reason), "{error}");
    // The third line of the service.
    let line = HEAD.lines().count() + 4;
    assert!(error.starts_with(&format!("{name}.proto:{line}: trial.Trial.Try: ")), "{error}");
}

#[test]
fn valid_bindings_compile() {
    let methods = [
        method("A", r#"get: "/v1/things/{id}""#),
        method(
            "B",
            r#"put: "/v1/things/{thing.id}" body: "thing" additional_bindings { put: "/v1/{id=a/**}" body: "*" }"#,
        ),
        method("C", r#"post: "/v1/things/{thing.inner.id}:go" body: "thing" response_body: "inner""#),
        "rpc D(Ask) returns (Thing);".to_owned(),
    ];
    compile("valid", &service("Trial", &methods.join("\n"))).unwrap();
}

#[test]
fn invalid_path_variable_is_rejected() {
    rejects("unknown", r#"get: "/v1/{nothing}""#, "path variable `nothing` names no field");
    rejects("nested", r#"get: "/v1/{thing.nothing}""#, "path variable `thing.nothing` names no field");
    rejects("scalar", r#"get: "/v1/{id.more}""#, "leads through a field that is not a message");
    rejects("message", r#"get: "/v1/{thing}""#, "names a message");
    rejects("struct", r#"get: "/v1/{thing.data}""#, "names a field that cannot be set from text");
    rejects("oneof", r#"get: "/v1/{thing.chosen.id}""#, "names a field that cannot be set from text");
    rejects("repeated", r#"get: "/v1/{numbers=**}""#, "names a repeated field");
    rejects("nested_list", r#"get: "/v1/{thing.tags}""#, "names a repeated field");
    rejects("output", r#"get: "/v1/{thing.made}""#, "names an output-only field");
    rejects("twice", r#"get: "/v1/{id}/{id}""#, "variable is bound twice");
    rejects("inside", r#"get: "/v1/{id=a/{flag}}""#, "variable inside a variable");
}

#[test]
fn invalid_body_is_rejected() {
    rejects("body_get", r#"get: "/v1/things" body: "thing""#, "a body on GET");
    rejects("body_delete", r#"delete: "/v1/things" body: "*""#, "a body on DELETE");
    rejects("body_unknown", r#"post: "/v1/things" body: "nothing""#, "body `nothing` names no field");
    rejects("body_nested", r#"post: "/v1/things" body: "thing.id""#, "body `thing.id` names no field");
    rejects("body_path", r#"post: "/v1/{id}" body: "id""#, "is a path variable too");
    rejects("patch", r#"patch: "/v1/{id}" body: "thing""#, "`flag` is a field of trial.Thing too");
    let unknown = r#"get: "/v1/things" response_body: "nothing""#;
    rejects("response_body", unknown, "response_body `nothing` names no field");
}

#[test]
fn rule_without_a_served_method_is_rejected() {
    let custom = r#"custom: { kind: "HEAD" path: "/v1/things" }"#;
    rejects("custom", custom, "custom HTTP methods are not served");
    let additional =
        r#"get: "/v1/things" additional_bindings { custom: { kind: "COPY" path: "/v1/copies" } }"#;
    rejects("custom_additional", additional, "custom HTTP methods are not served");
    rejects("none", "", "(google.api.http) has no HTTP method and path");
    rejects("elsewhere", r#"get: "/v2/things""#, "/v2/things is not under the dialect's prefix `/v1`");
}

#[test]
fn routes_with_the_same_paths_are_rejected() {
    let one = method("One", r#"get: "/v1/things/{id}""#);
    let two = method("Two", r#"get: "/v1/things/{thing.id}""#);
    for services in [service("Trial", &format!("{one}\n{two}")), service("A", &one) + &service("B", &two)] {
        let error = compile("same_paths", &services).unwrap_err();
        assert!(error.contains("Two: GET /v1/things/{thing.id} matches the same paths"), "{error}");
        assert!(error.contains(".One"), "{error}");
    }
}

#[test]
fn two_dialects_under_one_prefix_are_rejected() {
    let one = service("One", &method("A", r#"get: "/v1/a""#));
    let two = service("Two", &method("B", r#"get: "/v1/b""#));
    compile("same_dialect", &(one.clone() + &two)).unwrap();
    let error = compile("two_dialects", &(one + &two.replace("CLEARS", "NOT_SENT"))).unwrap_err();
    assert!(
        error.contains("trial.Two: (transcode.v1.dialect): /v1 must have the dialect of trial.One"),
        "{error}"
    );
}

#[test]
fn unknown_status_is_rejected() {
    let overriding = |code: &str, status: u16| {
        let overrides = format!("status_overrides: {{ code: \"{code}\" status: {status} }} }};");
        service("Trial", &method("Try", r#"get: "/v1/things""#)).replacen("};", &overrides, 1)
    };
    compile("override_known", &overriding("ABORTED", 409)).unwrap();
    for status in [200, 399, 499, 599, 600] {
        let error = compile("override", &overriding("ABORTED", status)).unwrap_err();
        assert!(error.contains("trial.Trial: (transcode.v1.dialect): status "), "{status}: {error}");
    }
    let error = compile("code", &overriding("NONSENSE", 409)).unwrap_err();
    assert!(error.contains("`NONSENSE` must be the name of a gRPC code"), "{error}");
    let success = |status: u16| {
        let option = format!("option (transcode.v1.success_status) = {status}; option (google.api.http)");
        service("Trial", &method("Try", r#"get: "/v1/things""#)).replace("option (google.api.http)", &option)
    };
    compile("success_known", &success(201)).unwrap();
    for status in [199, 299, 300, 404] {
        let error = compile("success", &success(status)).unwrap_err();
        assert!(error.contains("trial.Trial.Try: (transcode.v1.success_status): "), "{status}: {error}");
    }
}

#[test]
fn pattern_without_a_check_is_rejected() {
    let pattern = HEAD.replace(
        "string id = 1;\n  Thing",
        "string id = 1 [(transcode.v1.constraints) = {pattern: \"a+\"}];\n  Thing",
    );
    let service = service("Trial", &method("Try", r#"get: "/v1/things""#));
    let error = compile_file("pattern", &format!("{pattern}{service}")).unwrap_err();
    assert!(
        error
            .contains("pattern.proto:20: trial.Ask.id: a pattern, format or time in a request needs `check`"),
        "{error}"
    );
    compile_file(
        "pattern_checked",
        &format!("{}{service}", pattern.replace("\"a+\"", "\"a+\" check: \"id\"")),
    )
    .unwrap();
}

#[test]
fn incomplete_service_is_rejected() {
    let rule = r#"get: "/v1/things""#;
    let plain = format!("service Trial {{ {} }}", method("Try", rule));
    assert!(compile("plain", &plain).unwrap_err().contains("REST routes without (transcode.v1.dialect)"));
    for (part, reason) in [
        ("names: FIELD_NAMES_PROTO", "`names` must be set"),
        ("errors: ERROR_ENVELOPE_FLAT", "`errors` must be set"),
        ("patch_null: PATCH_NULL_CLEARS", "`patch_null` must be set"),
        ("prefix: \"/v1\"", "`prefix` must begin with `/`"),
    ] {
        let error =
            compile("dialect", &service("Trial", &method("Try", rule)).replace(part, "")).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn stream_that_cannot_be_served_is_rejected() {
    let rule = r#"get: "/v1/things""#;
    let stream = service("Trial", &method("Try", rule)).replace("Try(", "Try(stream ");
    assert!(compile("stream", &stream).unwrap_err().contains("a request stream cannot have a REST route"));
    let resume = "option (transcode.v1.resume_field) = \"nothing\"; option";
    let resumed = service("Trial", &method("Try", rule).replacen("option", resume, 1));
    let error = compile("resumed", &resumed).unwrap_err();
    assert!(error.contains("(transcode.v1.resume_field) on a method without a response stream"), "{error}");
    let error = compile("resumes", &resumed.replace("returns (", "returns (stream ")).unwrap_err();
    assert!(error.contains("must be a string field of the request and the response"), "{error}");
}

#[test]
fn field_that_cannot_be_omitted_is_rejected() {
    for (name, fields) in [
        ("first", "optional string id = 1 [(transcode.v1.json) = {omitted_when_unset: true}];"),
        ("always_set", "string id = 1; bool flag = 2 [(transcode.v1.json) = {omitted_when_unset: true}];"),
    ] {
        let reply = format!("message Reply {{ {fields} }}\n");
        let methods = r#"rpc Try(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/{id}" }; }"#;
        let error = compile(name, &format!("{reply}{}", service("Trial", methods))).unwrap_err();
        assert!(error.contains("omitted_when_unset needs"), "{error}");
    }
}
