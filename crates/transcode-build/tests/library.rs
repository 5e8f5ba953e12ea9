//! The routes and the OpenAPI document of the example.

#![allow(clippy::unwrap_used, reason = "a test fails")]

use std::path::Path;

use serde_json::{Value, json};
use transcode_build::openapi::{Failure, OpenApi, Webhook, Webhooks};
use transcode_build::{Body, Model, compile};

fn library() -> Model {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    compile(&[examples.join("library/v1/library.proto")], &[examples]).unwrap()
}

fn document() -> Value {
    let failures = [Failure {
        code: "INVALID_ARGUMENT",
        status: 400,
        is_overridable: true,
        flat: ("INVALID", "Invalid"),
        nested: "invalid",
        description: "The request is not valid.",
        headers: &[],
        details: None,
        applies: |route| !matches!(route.binding.body, Body::None),
    }];
    let openapi = OpenApi {
        info: json!({"title": "Library", "version": "1"}),
        components: json!({"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}}),
        headers: &[],
        failures: &failures,
        webhooks: Some(Webhooks {
            tag: "Events",
            api: "library",
            message: "library.v1.Loan",
            requests: vec![Webhook {
                name: "loan".to_owned(),
                operation: json!({"operationId": "OnLoan"}),
                properties: json!({"token": {"const": "t"}}),
                example: json!({"token": "t"}),
            }],
        }),
        operation: &|_, operation| operation["security"] = json!([{"bearer": []}]),
    };
    let model = library();
    openapi.document(&model, &model.apis())
}

#[test]
fn services_with_one_prefix_are_one_api() {
    let model = library();
    let apis = model.apis();
    assert_eq!(apis.iter().map(|api| api.name.as_str()).collect::<Vec<_>>(), ["library"]);
    let routes: Vec<_> = apis[0].routes().map(|route| route.binding.operation_id.clone()).collect();
    let expected =
        ["GetBook", "ListBooks", "ListBooks2", "CreateBook", "UpdateBook", "DeleteBook", "WatchLoans"];
    assert_eq!(routes, expected);
}

#[test]
fn routes_are_generated_for_every_binding() {
    let source = library().routes("crate::pb").unwrap();
    for expected in [
        "pub static LIBRARY: Dialect",
        "names: Names::LowerCamel",
        "status_overrides: &[(Code::InvalidArgument, StatusCode::UNPROCESSABLE_ENTITY)]",
        "pub fn library_routes<S>(service: Arc<S>) -> Vec<Route>",
        r#"template: "/v1/shelves/{filter.shelf=*/*}/books""#,
        r#"variables: &["bookId"]"#,
        "status: StatusCode::CREATED",
        "body: RequestBody::Patch { resource: 1, mask: 2, read: json::patch }",
        "Some(Resume { token: |reply: &pb::Loan| &reply.token",
        "impl json::Patchable for pb::UpdateBookRequest",
    ] {
        assert!(source.contains(expected), "{expected}");
    }
}

#[test]
fn validators_check_every_constraint() {
    let source = library().validators("crate::pb").unwrap();
    for expected in [
        r#"fields.check("book_id", C::book_id(value))"#,
        r#"fields.range("limit", *value, Some(1), Some(100))"#,
        r#"fields.length("title", value, 1, 200)"#,
        "fields.masked::<C>(value, self.update_mask.as_ref())",
        "fn book_id(value: &str) -> Result<(), String>;",
        "impl<S: pb::library_server::Library, C: Checks> pb::library_server::Library for Validated<S, C>",
        "type WatchLoansStream = S::WatchLoansStream;",
    ] {
        assert!(source.contains(expected), "{expected} in\n{source}");
    }
    assert!(!source.contains("impl<C: Checks> Validate<C> for pb::ListBooksResponse"));
}

#[test]
fn document_has_every_path_in_the_dialect() {
    let document = document();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        ["/v1/books", "/v1/books/{bookId}", "/v1/loans:watch", "/v1/shelves/{filter.shelf}/books"]
    );
    let list = &document["paths"]["/v1/books"]["get"]["parameters"];
    let names: Vec<_> = list.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["filter.shelf", "filter.words", "limit"]);
    let nested = &document["paths"]["/v1/shelves/{filter.shelf}/books"]["get"]["parameters"][0];
    assert_eq!(nested["schema"]["pattern"], "^[^/]+/[^/]+$");
    assert_eq!(document["paths"]["/v1/books"]["post"]["security"], json!([{"bearer": []}]));
}

#[test]
fn document_has_schemas_and_examples_of_bodies() {
    let document = document();
    let create = &document["components"]["schemas"]["CreateBookBody"];
    assert_eq!(create["required"], json!(["title"]));
    assert_eq!(create["properties"]["title"]["maxLength"], 200);
    let update = &document["components"]["schemas"]["UpdateBookBody"]["properties"];
    assert_eq!(update["title"]["type"], json!(["string", "null"]));
    assert!(update.get("bookId").is_none());
    let created = &document["paths"]["/v1/books"]["post"]["responses"]["201"]["content"]["application/json"];
    assert_eq!(created["example"], json!({"bookId": "book-7", "title": "Emma", "shelf": null}));
}

#[test]
fn document_has_failures_with_overridden_status() {
    let document = document();
    let responses = &document["paths"]["/v1/books"]["post"]["responses"];
    assert_eq!(responses["422"]["$ref"], "#/components/responses/LibraryUnprocessableEntity");
    assert!(document["paths"]["/v1/books"]["get"]["responses"].get("422").is_none());
    let example = &document["components"]["responses"]["LibraryUnprocessableEntity"]["content"];
    assert_eq!(example["application/json"]["example"]["status"], 422);
}
