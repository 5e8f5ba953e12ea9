//! Writes the OpenAPI documents: of each API, and of all of them.

use serde_json::{Value, json};
use transcode_build::openapi::OpenApi;
use transcode_build::{Api, Error, Model, Route};

use super::failures::FAILURES;
use super::media;
use super::methods::capabilities;
use super::webhooks;

/// The tags that come first in the document.
const TAGS: [&str; 8] =
    ["Chats", "Messages", "Notes", "Sessions", "Connections", "Webhooks", "Webhook events", "Labels"];

/// Names and contents of the files: `openapi.json`, `openapi-<api>.json`, and `openapi.rs`, which embeds the latter.
pub fn write(model: &Model) -> Result<Vec<(String, String)>, Error> {
    let mut components = components();
    if let Some(parameters) = components["parameters"].as_object_mut() {
        parameters.extend(webhooks::headers());
    }
    let openapi = OpenApi {
        info: json!({
            "title": "Switchboard",
            "summary": SUMMARY,
            "description": INTRODUCTION,
            "version": env!("CARGO_PKG_VERSION"),
        }),
        components,
        headers: &[("x-request-id", "XRequestId")],
        failures: &FAILURES,
        webhooks: Some(webhooks::describe(model)?),
        operation: &complete,
    };
    let apis = model.apis();
    let document = |apis: &[Api<'_>]| {
        let mut document = ordered(openapi.document(model, apis));
        if apis.iter().any(|api| api.name == media::API) {
            document["paths"][media::PATH] = media::path_item();
        }
        document.to_string()
    };
    let mut files = vec![("openapi.json".to_owned(), document(&apis))];
    let mut source = String::from("/// Every API.\npub static APIS: &[Api] = &[\n");
    for api in &apis {
        let name = &api.name;
        let file = format!("openapi-{name}.json");
        source.push_str(&format!(
            "    Api {{ name: {name:?}, document: include_str!(concat!(env!(\"OUT_DIR\"), \"/{file}\")) }},\n"
        ));
        files.push((file, document(std::slice::from_ref(api))));
    }
    source.push_str("];\n");
    files.push(("openapi.rs".to_owned(), source));
    Ok(files)
}

/// The document with its tags in the order in which people need them; others follow in the order of their files.
fn ordered(mut document: Value) -> Value {
    let place = |tag: &Value| TAGS.iter().position(|name| tag["name"] == *name).unwrap_or(TAGS.len());
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(place);
    }
    document
}

/// Whether the route changes something, and so accepts an idempotency key.
pub fn is_write(route: Route<'_>) -> bool {
    let method = &route.method.descriptor;
    let is_stream = method.is_client_streaming() || method.is_server_streaming();
    capabilities(route.method) != ["READ"] && route.binding.http_method != "GET" && !is_stream
}

/// Adds the capability and the headers that this service reads and sets.
fn complete(route: Route<'_>, operation: &mut Value) {
    let capabilities = capabilities(route.method).iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let (noun, names) =
        (if capabilities.len() == 1 { "capability" } else { "capabilities" }, capabilities.join("` and `"));
    let description = operation["description"].as_str().unwrap_or_default();
    let method = route.method.path();
    let method = method.trim_start_matches('/');
    operation["description"] =
        json!(format!("{description}\n\nNeeds the {noun} `{names}`. Over gRPC: `{method}`."));
    operation["security"] = json!([{"bearer": capabilities}, {"apiKey": capabilities}]);
    let mut parameters = vec!["XRequestId"];
    if route.binding.http_method != "GET" && route.has_etag() {
        parameters.push("IfMatch");
    }
    if is_write(route) {
        parameters.push("IdempotencyKey");
        let status = route.binding.status.to_string();
        let replayed = json!({"$ref": "#/components/headers/IdempotencyReplayed"});
        operation["responses"][status]["headers"]["idempotency-replayed"] = replayed;
    }
    if let Some(all) = operation["parameters"].as_array_mut() {
        all.extend(parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})));
    }
}

/// What the service is, in one sentence.
const SUMMARY: &str =
    "Stores an organization's WhatsApp chats and serves them over gRPC, gRPC-Web and REST on one port.";

/// What a reader should know first.
const INTRODUCTION: &str = include_str!("openapi.md");

/// Parameters, headers and security schemes of this service.
fn components() -> Value {
    let parameter = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema});
    let mut if_match = parameter(
        "If-Match",
        "An `ETag`, or `*` for any version: the request fails with 412 when the resource has another version.",
        json!({"type": "string", "pattern": "^[\\t -~]*$"}),
    );
    if_match["example"] = json!("*");
    let text = json!({"type": "string"});
    let header = |description: &str, schema: &Value| json!({"description": description, "required": true, "schema": schema});
    let number = json!({"type": "integer", "minimum": 0});
    json!({
        "parameters": {
            "XRequestId": parameter("x-request-id", "The client's id of the request; generated when absent.", text.clone()),
            "IdempotencyKey": parameter(
                "Idempotency-Key",
                "Makes it safe to retry when no response was received: for 24 hours, the same request of the same caller with \
                 the same key is not done again but gets the first response, and another request with the key is a conflict. \
                 A failed request leaves the key unused. Use a new UUID for every write.",
                json!({"type": "string", "pattern": "^[!-~]{1,255}$"}),
            ),
            "IfMatch": if_match,
        },
        "headers": {
            "XRequestId": header("The id of the request, for support and logs.", &text),
            "IdempotencyReplayed": {
                "description": "`true` on the response of an earlier request with the same `Idempotency-Key`; fields that are \
                                returned only once, such as the secret of a new key, are empty in it. Absent on a new response.",
                "schema": {"type": "string", "enum": ["true"]},
            },
            "WwwAuthenticate": header("The authentication scheme: `Bearer`.", &text),
            "RetryAfter": header("Seconds to wait before the next attempt.", &number),
            "XRateLimitLimit": header("Requests per second that the key, or its organization, may make.", &number),
            "XRateLimitRemaining": header("Requests that are left at this moment.", &number),
            "XRateLimitReset": header("Seconds until all of them are left again, without further requests.", &number),
        },
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A login token (JWT) or an API key. The roles of an operation are the capabilities it needs.",
            },
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key."},
        },
    })
}
