//! One operation: the requests and responses of an RPC on one HTTP method and path.

use prost_reflect::FieldDescriptor;
use serde_json::{Map, Value, json};

use super::schema::Schemas;
use super::{OpenApi, example, failures, header, parameters, titles};
use crate::model::{Api, Body, Route};
use crate::names::own_message;
use crate::options::{Behavior, FieldJson};

/// The operation object of a route.
pub(super) fn write(
    api: &Api<'_>,
    route: Route<'_>,
    openapi: &OpenApi<'_>,
    schemas: &mut Schemas<'_>,
) -> Value {
    let description = schemas.comment(&route.method.descriptor);
    let mut responses = failures::of(api, route, openapi.failures);
    let headers: Map<String, Value> =
        openapi.headers.iter().map(|(name, component)| ((*name).to_owned(), header(component))).collect();
    responses.extend(not_modified(route, headers.clone()).map(|response| ("304".to_owned(), response)));
    responses.insert(route.binding.status.to_string(), success(route, headers, schemas));
    let mut operation = json!({
        "operationId": route.binding.operation_id,
        "tags": [titles::of_service(&route.service.descriptor)],
        "summary": titles::of_method(&route.method.descriptor),
        "description": description,
        "parameters": parameters::of(route, schemas),
        "responses": responses,
    });
    if let Some(body) = request_body(route, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

fn request_body(route: Route<'_>, schemas: &mut Schemas<'_>) -> Option<Value> {
    let name = format!("{}Body", route.binding.operation_id);
    let (schema, is_required, description, example) = match &route.binding.body {
        Body::None => return None,
        Body::Patch { resource, .. } => {
            let fields = patched_fields(route, resource);
            let is_required = Behavior::Required.applies_to(resource);
            let example = example::body(route.names(), &fields);
            (schemas.patch(&name, &fields, is_required), is_required, schemas.comment(resource), example)
        }
        Body::Field(field) => {
            let is_required = Behavior::Required.applies_to(field);
            (schemas.sent(field), is_required, schemas.comment(field), example::sent(route.names(), field))
        }
        Body::Whole => {
            let request = route.method.descriptor.input();
            let fields: Vec<_> = request.fields().filter(|field| !is_in_path(route, field)).collect();
            let is_required = fields.iter().any(|field| Behavior::Required.applies_to(field));
            let example = example::body(route.names(), &fields);
            (schemas.body(&name, &request, &fields), is_required, String::new(), example)
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

fn is_in_path(route: Route<'_>, field: &FieldDescriptor) -> bool {
    route.binding.variables.iter().any(|fields| matches!(fields.as_slice(), [only] if only == field))
}

/// The fields in the body of a partial update: the resource's writable fields, and those of the request beside them.
fn patched_fields(route: Route<'_>, resource: &FieldDescriptor) -> Vec<FieldDescriptor> {
    let message = own_message(resource);
    let fields = message.iter().flat_map(|message| message.fields());
    let writable = fields.filter(|field| !Behavior::OutputOnly.applies_to(field));
    let request = route.method.descriptor.input();
    let beside = request.fields().filter(|field| FieldJson::of(field).in_patch_body);
    writable.chain(beside).collect()
}

/// Whether the response is a resource, with a version that a later request may name.
fn returns_version(route: Route<'_>) -> bool {
    route.binding.http_method != "DELETE" && route.has_etag()
}

fn not_modified(route: Route<'_>, mut headers: Map<String, Value>) -> Option<Value> {
    headers.insert("etag".to_owned(), header("ETag"));
    let description = "The resource still has the version in `If-None-Match`.";
    let is_read = returns_version(route) && route.binding.http_method == "GET";
    is_read.then(|| json!({"description": description, "headers": headers}))
}

fn success(route: Route<'_>, mut headers: Map<String, Value>, schemas: &mut Schemas<'_>) -> Value {
    headers.insert("x-ignored-fields".to_owned(), header("XIgnoredFields"));
    if route.binding.status == 204 {
        return json!({"description": "Done.", "headers": headers});
    }
    if returns_version(route) {
        headers.insert("etag".to_owned(), header("ETag"));
    }
    let (names, reply) = (route.names(), route.method.descriptor.output());
    let (schema, mut description, example) = match &route.binding.response_body {
        Some(field) => {
            (schemas.field_answer(field), schemas.comment(field), example::field_answer(names, field))
        }
        None => (schemas.answer(&reply), schemas.comment(&reply), example::answer(names, &reply)),
    };
    let item = json!({"schema": schema, "example": example});
    let mut content = json!({"application/json": item});
    if route.method.descriptor.is_server_streaming() {
        description.push_str(" A stream of these; an error after the first item is the last item.");
        content = json!({"application/x-ndjson": item, "text/event-stream": item});
    }
    json!({"description": description, "headers": headers, "content": content})
}
