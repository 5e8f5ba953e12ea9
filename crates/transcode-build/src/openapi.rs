//! The OpenAPI 3.1 document of the REST APIs, from the model that their routes are generated from.
//!
//! The crate describes what the runtime does with every API: paths, bodies, parameters, schemas, error envelopes, `ETag`,
//! `Prefer`, `Last-Event-ID`, `x-ignored-fields`. [`OpenApi`] adds what is specific to the service.

mod comments;
mod constraints;
mod example;
mod failures;
mod json_types;
mod operation;
mod parameters;
mod place;
mod schema;
mod titles;
mod webhooks;

use serde_json::{Map, Value, json};

use crate::Model;
use crate::model::{Api, Route};
use comments::Comments;
pub use failures::Failure;
use schema::Schemas;
pub use webhooks::{Webhook, Webhooks};

/// What the service adds to the OpenAPI document.
pub struct OpenApi<'a> {
    /// The `info` object.
    pub info: Value,
    /// Objects of `components` that operations refer to: `headers`, `parameters`, `securitySchemes`.
    pub components: Value,
    /// Headers of every response: the name, and the name of its component.
    pub headers: &'a [(&'a str, &'a str)],
    /// The ways in which a call fails.
    pub failures: &'a [Failure],
    /// The requests that the service sends to its users.
    pub webhooks: Option<Webhooks>,
    /// Completes an operation object, for example with `security` and parameters.
    pub operation: &'a dyn Fn(Route<'_>, &mut Value),
}

impl OpenApi<'_> {
    /// The document of these APIs.
    pub fn document<'m>(&self, model: &'m Model, apis: impl IntoIterator<Item = &'m Api<'m>>) -> Value {
        let comments = Comments::read(&model.pool);
        let mut schemas = Schemas::new(&comments);
        let (mut responses, mut paths, mut tags, mut webhooks) =
            (Map::new(), Map::new(), Vec::new(), Map::new());
        for api in apis {
            schemas.enter(api, self.failures);
            schemas.parts.extend(failures::envelope(api, self.failures));
            responses.extend(failures::responses(api, self));
            for service in &api.services {
                let description = schemas.comment(&service.descriptor);
                let name = titles::of_service(&service.descriptor);
                tags.push(json!({"name": name, "description": description}));
            }
            for route in api.routes() {
                let operations = paths.entry(parameters::path(route)).or_insert_with(|| json!({}));
                let mut operation = operation::write(api, route, self, &mut schemas);
                (self.operation)(route, &mut operation);
                operations[route.binding.http_method.to_ascii_lowercase()] = operation;
            }
            let sent = self.webhooks.as_ref().filter(|sent| sent.api == api.name);
            let sent = sent.and_then(|sent| Some((sent, model.pool.get_message_by_name(sent.message)?)));
            if let Some((sent, message)) = sent {
                tags.push(json!({"name": sent.tag, "description": schemas.comment(&message)}));
                webhooks.extend(sent.write(api.dialect.names(), &message, &mut schemas));
            }
        }
        let mut components = json!({
            "schemas": schemas.parts,
            "responses": responses,
            "parameters": parameters::shared(),
            "headers": headers(),
        });
        merge(&mut components, &self.components);
        json!({
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
            "info": self.info,
            "servers": [{"url": "/", "description": "This server."}],
            "tags": tags,
            "paths": paths,
            "webhooks": webhooks,
            "components": components,
        })
    }
}

/// Adds the members of each object in `from` to the object of that name.
fn merge(into: &mut Value, from: &Value) {
    for (name, members) in from.as_object().into_iter().flatten() {
        for (member, value) in members.as_object().into_iter().flatten() {
            into[name][member] = value.clone();
        }
    }
}

/// The response headers that the runtime sets.
fn headers() -> Value {
    let text = json!({"type": "string"});
    json!({
        "XIgnoredFields": {
            "description": "Names of undeclared properties and query parameters in the request, separated by commas. \
                            Absent when there are none.",
            "schema": text,
        },
        "ETag": {
            "description": "The version of the resource, for `If-None-Match` and `If-Match`.",
            "required": true,
            "schema": text,
        },
        "Allow": {
            "description": "The methods of the path, separated by commas.",
            "required": true,
            "schema": text,
        },
    })
}

/// Reference to a response header.
fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
