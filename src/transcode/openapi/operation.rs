//! One operation: what an RPC takes and answers on one HTTP method and path.

use prost_reflect::{FieldDescriptor, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::api::{self, Api, Behavior, Body, Route};
use super::comments::{self, Comments};
use super::schema::Schemas;
use super::{errors, example, parameters};
use crate::caller::capability_name;

/// The operation object of a route.
pub(super) fn write(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Value {
    let mut description = comments.of(api, &route.rpc);
    let summary = comments::summary(&description).to_owned();
    let capability = capability_name(route.capability);
    if !capability.is_empty() {
        description.push_str(&format!("\n\nNeeds the capability `{capability}`."));
    }
    let mut operation = json!({
        "operationId": route.operation_id,
        "tags": [api.service.name()],
        "summary": summary,
        "description": description,
        "security": security(capability),
        "parameters": parameters::of(api, route, comments, schemas),
        "responses": responses(api, route, comments, schemas),
    });
    if let Some(body) = request_body(api, route, comments, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

fn security(capability: &str) -> Value {
    let roles = [capability].into_iter().filter(|role| !role.is_empty()).collect::<Vec<_>>();
    json!([{"bearer": roles}, {"apiKey": roles}])
}

fn request_body(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Option<Value> {
    let name = format!("{}Body", route.operation_id);
    let (schema, is_required, description, example) = match (&route.body, route.patched()) {
        (Body::None, _) => return None,
        (Body::Field(resource), Some(_)) => {
            let fields = patched_fields(route, resource);
            let example = example::body(api, &fields);
            let is_required = api::behaves(resource, Behavior::Required);
            (schemas.patch(api, &name, fields, is_required), is_required, comments.of(api, resource), example)
        }
        (Body::Field(field), None) => {
            let is_required = api::behaves(field, Behavior::Required);
            (schemas.sent(api, field), is_required, comments.of(api, field), example::sent(api, field))
        }
        (Body::Whole, _) => {
            let in_path = parameters::path_fields(api, route);
            let request = route.rpc.input();
            let rest = request.fields().filter(|field| !in_path.iter().any(|path| path == field.name()));
            let fields = rest.collect::<Vec<_>>();
            let is_required = fields.iter().any(|field| api::behaves(field, Behavior::Required));
            let example = example::body(api, &fields);
            (schemas.body(api, &name, &request, fields), is_required, String::new(), example)
        }
    };
    let mut content = json!({"schema": schema});
    if let Some(example) = example {
        content["example"] = example;
    }
    let mut body = json!({"required": is_required, "content": {"application/json": content}});
    if !description.is_empty() {
        body["description"] = json!(description);
    }
    Some(body)
}

/// What the body of a partial update may hold: the resource's writable fields and some of the request's own.
fn patched_fields(route: &Route, resource: &FieldDescriptor) -> Vec<FieldDescriptor> {
    let kind = resource.kind();
    let fields = kind.as_message().into_iter().flat_map(MessageDescriptor::fields);
    let writable = fields.filter(|field| !api::behaves(field, Behavior::OutputOnly));
    let request = route.rpc.input();
    let beside = request.fields().filter(|field| api::field_json(field).in_patch_body);
    writable.chain(beside).collect()
}

fn responses(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Map<String, Value> {
    let mut responses = errors::of(api, route);
    responses.insert(route.status.to_string(), success(api, route, comments, schemas));
    if is_versioned(api, route) && route.method == "GET" {
        let headers = json!({"x-request-id": header("XRequestId"), "etag": header("ETag")});
        let unchanged = "It is still the version that `If-None-Match` names.";
        responses.insert("304".to_owned(), json!({"description": unchanged, "headers": headers}));
    }
    responses
}

/// Whether the answer is a resource, with a version that a later call may name.
fn is_versioned(api: &Api, route: &Route) -> bool {
    route.method != "DELETE" && api.has_versions(route)
}

fn success(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Value {
    let mut headers = json!({
        "x-request-id": header("XRequestId"),
        "x-ignored-fields": header("XIgnoredFields"),
    });
    if route.is_write() {
        headers["idempotency-replayed"] = header("IdempotencyReplayed");
    }
    if route.status == 204 {
        return json!({"description": "Done.", "headers": headers});
    }
    if is_versioned(api, route) {
        headers["etag"] = header("ETag");
    }
    let reply = route.rpc.output();
    let (schema, mut description, example) = match &route.response_body {
        Some(field) => {
            (schemas.field_answer(api, field), comments.of(api, field), example::field_answer(api, field))
        }
        None => (schemas.answer(api, &reply), comments.of(api, &reply), example::answer(api, &reply)),
    };
    let mut content = json!({"application/json": {"schema": schema, "example": example}});
    if route.rpc.is_server_streaming() {
        description.push_str(" One after the other, as they come; a failure on the way is the last item.");
        content =
            json!({"application/x-ndjson": {"schema": schema}, "text/event-stream": {"schema": schema}});
    }
    json!({"description": description, "headers": headers, "content": content})
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
