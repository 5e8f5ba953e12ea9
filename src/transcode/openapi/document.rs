//! The document as a whole: the parts that all operations share, and the operations themselves.

use prost_reflect::DescriptorPool;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::comments::Comments;
use super::schema::Schemas;
use super::{errors, operation, parameters};

/// Puts the document of these APIs together.
pub(super) fn write(pool: &DescriptorPool, apis: &[&Api]) -> Value {
    let comments = Comments::read(pool);
    let mut schemas = Schemas::new(&comments);
    let mut responses = Map::new();
    let mut paths = Map::new();
    for api in apis {
        schemas.parts.extend(errors::envelope(api));
        responses.extend(errors::responses(api));
        for route in &api.routes {
            let (path, _) = parameters::path(api, route);
            let operations = paths.entry(path).or_insert_with(|| json!({}));
            operations[route.method.to_ascii_lowercase()] =
                operation::write(api, route, &comments, &mut schemas);
        }
    }
    let tags = apis
        .iter()
        .map(|api| json!({"name": api.service.name(), "description": comments.of(api, &api.service)}));
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Switchboard",
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": LENIENCY,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache License 2.0", "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": "/", "description": "The service itself."}],
        "tags": tags.collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas.parts,
            "responses": responses,
            "parameters": parameters::shared(),
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
    })
}

const LENIENCY: &str = "Answers have every property, null where nothing is known. Requests may spell a property in \
    snake_case or lowerCamelCase, and write a 64-bit integer as a number or as a string of digits. Properties and \
    query parameters that are not declared are ignored and named in the answer's `x-ignored-fields`.";

/// The headers that answers carry.
fn headers() -> Value {
    json!({
        "XRequestId": header("Names the request; say it when you ask about it.", json!({"type": "string"})),
        "XIgnoredFields": header(
            "What was sent and is not declared, separated by commas. Left out when there is nothing.",
            json!({"type": "string"}),
        ),
        "IdempotencyReplayed": header(
            "`true` on the answer of an earlier call with the same `Idempotency-Key`; fields that are told only once, \
             such as the secret of a new key, are empty in it. Left out on a new answer.",
            json!({"type": "string", "const": "true"}),
        ),
        "ETag": header("The version of what is answered, for `If-None-Match` and `If-Match`.", json!({"type": "string"})),
        "Allow": header("The methods that the path has, separated by commas.", json!({"type": "string"})),
        "WwwAuthenticate": header("How to say who you are: `Bearer`.", json!({"type": "string"})),
        "RetryAfter": header("Seconds to wait before the next try.", json!({"type": "integer", "minimum": 0})),
    })
}

fn header(description: &str, schema: Value) -> Value {
    json!({"description": description, "schema": schema})
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A login token (JWT) or an api-key. The roles named at an operation are the capabilities it needs.",
        },
        "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An api-key."},
    })
}
