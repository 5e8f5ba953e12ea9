//! One operation: what an RPC takes and answers on one HTTP method and path.

use serde_json::{Map, Value, json};

use super::api::{self, Api, Behavior, Body, Route};
use super::comments::{self, Comments};
use super::schema::Schemas;
use super::{errors, parameters};
use crate::caller::capability_name;

/// The operation object of a route.
pub(super) fn write(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Value {
    let description = comments.of(api, &route.rpc);
    let mut operation = json!({
        "operationId": route.operation_id,
        "tags": [api.service.name()],
        "summary": comments::summary(&description),
        "description": description,
        "security": security(route),
        "parameters": parameters::of(api, route, comments, schemas),
        "responses": responses(api, route, comments, schemas),
    });
    if let Some(body) = request_body(api, route, comments, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

fn security(route: &Route) -> Value {
    let roles = [capability_name(route.capability)];
    let roles = roles.into_iter().filter(|role| !role.is_empty()).collect::<Vec<_>>();
    json!([{"bearer": roles}, {"apiKey": roles}])
}

fn request_body(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Option<Value> {
    let name = format!("{}Body", route.operation_id);
    let request = route.rpc.input();
    let (schema, required, description) = match (&route.body, route.patched()) {
        (Body::None, _) => return None,
        (Body::Field(resource), Some(_)) => {
            let beside = request.fields().filter(|field| api::field_json(field).in_patch_body);
            let schema = schemas.patch(api, &name, resource, beside.collect());
            (schema, api::behaves(resource, Behavior::Required), comments.of(api, resource))
        }
        (Body::Field(field), None) => {
            let schema = schemas.sent(api, field);
            (schema, api::behaves(field, Behavior::Required), comments.of(api, field))
        }
        (Body::Whole, _) => {
            let in_path = parameters::path_fields(api, route);
            let rest = request.fields().filter(|field| !in_path.iter().any(|path| path == field.name()));
            let fields = rest.collect::<Vec<_>>();
            let required = fields.iter().any(|field| api::behaves(field, Behavior::Required));
            (schemas.body(api, &name, fields), required, String::new())
        }
    };
    let mut body = json!({"required": required, "content": {"application/json": {"schema": schema}}});
    if !description.is_empty() {
        body["description"] = json!(description);
    }
    Some(body)
}

fn responses(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Map<String, Value> {
    let mut responses = errors::of(api, route);
    responses.insert(route.status.to_string(), success(api, route, comments, schemas));
    if is_versioned(route) && route.method == "GET" {
        let headers = json!({"x-request-id": header("XRequestId"), "etag": header("ETag")});
        let unchanged = "It is still the version that `If-None-Match` names.";
        responses.insert("304".to_owned(), json!({"description": unchanged, "headers": headers}));
    }
    responses
}

/// Whether the answer is a resource, with a version that a later call may name.
fn is_versioned(route: &Route) -> bool {
    route.method != "DELETE" && route.is_resource() && !route.rpc.is_server_streaming()
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
    if is_versioned(route) {
        headers["etag"] = header("ETag");
    }
    let schema = match &route.response_body {
        Some(field) => schemas.field_answer(api, field),
        None => schemas.answer(api, &route.rpc.output()),
    };
    let mut description = match &route.response_body {
        Some(field) => comments.of(api, field),
        None => comments.of(api, &route.rpc.output()),
    };
    let mut content = json!({"application/json": {"schema": schema}});
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
