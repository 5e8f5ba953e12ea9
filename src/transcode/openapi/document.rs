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
            "description": CONVENTIONS,
            "version": env!("CARGO_PKG_VERSION"),
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

const CONVENTIONS: &str = "\
Every call needs a token: a login JWT or an api-key. It is about the organization that the token belongs to; what belongs \
to another one is not found.

**Answers** have every property, `null` where nothing is known. Instants are RFC 3339 texts or Unix milliseconds, as each \
property says. What has a version says it in `ETag`: `If-None-Match` saves the body, `If-Match` refuses to overwrite \
someone else's change.

**Requests** may spell a property in snake_case or lowerCamelCase, and write a 64-bit integer as a number or as a string of \
digits. No text may hold the character NUL (U+0000), which PostgreSQL cannot store. Properties and query parameters that are not declared are ignored and named in the answer's `x-ignored-fields`; \
`Prefer: handling=strict` refuses them. A partial update changes what is sent and nothing else. A write that is sent again \
with the same `Idempotency-Key` is done once.

**Failures** change nothing. They come in the envelope of their API, for every path under its prefix, and name the fields \
that are wrong. Checks are made in this order: token (401), capability (403), request (422), existence (404).

The same calls can be made over gRPC and gRPC-Web, on the same port; the operation's id is the method's name, its tag the \
service's.";

/// The headers that answers carry.
fn headers() -> Value {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer", "minimum": 0});
    json!({
        "XRequestId": always("Names the request; say it when you ask about it.", text()),
        "XIgnoredFields": sometimes(
            "What was sent and is not declared, separated by commas. Left out when there is nothing.",
            text(),
        ),
        "IdempotencyReplayed": sometimes(
            "`true` on the answer of an earlier call with the same `Idempotency-Key`; fields that are told only once, \
             such as the secret of a new key, are empty in it. Left out on a new answer.",
            json!({"type": "string", "enum": ["true"]}),
        ),
        "ETag": always("The version of what is answered, for `If-None-Match` and `If-Match`.", text()),
        "Allow": always("The methods that the path has, separated by commas.", text()),
        "WwwAuthenticate": always("How to say who you are: `Bearer`.", text()),
        "RetryAfter": always("Seconds to wait before the next try.", number()),
        "XRateLimitLimit": always("Calls a second that the key, or its organization, may make.", number()),
        "XRateLimitRemaining": always("How many it has left just now.", number()),
        "XRateLimitReset": always("Seconds until it has all of them again, if it makes none.", number()),
    })
}

fn always(description: &str, schema: Value) -> Value {
    json!({"description": description, "required": true, "schema": schema})
}

fn sometimes(description: &str, schema: Value) -> Value {
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
