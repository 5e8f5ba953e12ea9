//! Writes the OpenAPI documents: of each API, and of all of them.

use serde_json::{Value, json};
use transcode_build::openapi::OpenApi;
use transcode_build::{Model, Route};

use super::failures::FAILURES;
use super::methods::capabilities;

/// Names and contents of the files: `openapi.json`, `openapi-<api>.json`, and `openapi.rs`, which embeds the latter.
pub fn write(model: &Model) -> Vec<(String, String)> {
    let openapi = OpenApi {
        info: json!({
            "title": "Switchboard",
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": CONVENTIONS,
            "version": env!("CARGO_PKG_VERSION"),
        }),
        components: components(),
        headers: &[("x-request-id", "XRequestId")],
        failures: &FAILURES,
        operation: &complete,
    };
    let apis = model.apis();
    let mut files = vec![("openapi.json".to_owned(), openapi.document(model, &apis).to_string())];
    let mut source = String::from("/// Every API.\npub static APIS: &[Api] = &[\n");
    for api in &apis {
        let name = &api.name;
        let file = format!("openapi-{name}.json");
        source.push_str(&format!(
            "    Api {{ name: {name:?}, document: include_str!(concat!(env!(\"OUT_DIR\"), \"/{file}\")) }},\n"
        ));
        files.push((file, openapi.document(model, [api]).to_string()));
    }
    source.push_str("];\n");
    files.push(("openapi.rs".to_owned(), source));
    files
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
    operation["description"] = json!(format!("{description}\n\nNeeds the {noun} `{names}`."));
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

const CONVENTIONS: &str = "\
Every request needs a token: a login JWT or an API key. It applies to the organization of the token; resources of other \
organizations are not found.

**Responses** have every property, `null` where no value is known. Instants are RFC 3339 texts or Unix milliseconds, as each \
property states. A resource with versions has its version in `ETag`: with `If-None-Match` the body is left out while the \
version is the same, with `If-Match` a change of another version is rejected.

**Requests** may spell a property in snake_case or lowerCamelCase, and write a 64-bit integer as a number or as a string of \
digits. Texts must not contain the character NUL (U+0000), which PostgreSQL cannot store. Undeclared properties and query \
parameters are ignored and listed in the response header `x-ignored-fields`; `Prefer: handling=strict` rejects them. A partial \
update changes only the properties that are sent. A write that is sent again with the same `Idempotency-Key` is done once.

**Errors** change nothing. They have the envelope of their API, for every path under its prefix, and name the invalid fields. \
Requests are checked in this order: token (401), capability (403), request (422), existence (404).

The same methods are served over gRPC and gRPC-Web, on the same port; the operation's id is the method's name, its tag the \
service's name.

## Quick start

`KEY` is an API key. REST:

```sh
curl -H \"Authorization: Bearer $KEY\" http://127.0.0.1:8080/v1/chats
curl -X PATCH -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\
  -d '{\"labels\": [\"vip\"]}' http://127.0.0.1:8080/v1/chats/15550101000@c.us
curl -N -H \"Authorization: Bearer $KEY\" http://127.0.0.1:8080/v1/chats:watch
```

gRPC, with server reflection:

```sh
npx --yes @bufbuild/buf curl --protocol grpc --http2-prior-knowledge -H \"authorization: Bearer $KEY\" \\
  -d '{\"chatId\": \"15550101000@c.us\"}' http://127.0.0.1:8080/switchboard.v1.ChatService/GetChat
```

gRPC-Web, with a client that `protoc-gen-es` generates from the proto files:

```ts
const transport = createGrpcWebTransport({ baseUrl: 'http://127.0.0.1:8080' });
const chats = createClient(ChatService, transport);
const { chats: page } = await chats.listChats({}, { headers: { authorization: `Bearer ${key}` } });
```
";

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
