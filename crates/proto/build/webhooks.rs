//! Describes the requests to webhooks for the OpenAPI document: the event types of `switchboard/v1/webhook.proto`.

use heck::{ToTitleCase, ToUpperCamelCase};
use serde_json::{Value, json};
use transcode_build::openapi::{Webhook, Webhooks};
use transcode_build::prost_reflect::{DynamicMessage, FieldDescriptor};
use transcode_build::{Constraints, Error, Model};

const EVENT: &str = "switchboard.v1.WebhookEvent";
/// The headers of each request: the name of the parameter, that of the header, its description and an example.
#[rustfmt::skip]
const HEADERS: [[&str; 4]; 4] = [
    ["XSwitchboardWebhook", "X-Switchboard-Webhook", "The id of the webhook.", "webhook-qhzvnrdkplmtwxyc"],
    ["XSwitchboardEvent", "X-Switchboard-Event", "The id of the event: the same in every attempt to deliver it.", "4711"],
    ["XSwitchboardTimestamp", "X-Switchboard-Timestamp", "The time of the attempt, in Unix seconds.", "1737695468"],
    ["XSwitchboardSignature", "X-Switchboard-Signature",
        "`v1=` and the hexadecimal HMAC-SHA256 of the timestamp, a dot and the bytes of the body. The key is the webhook's secret, as text.",
        "v1=0d3ea2a0d4d5bd8c6a6f2c4a7a4d5b0a3f0c1e9b7d8f6a5c4b3e2d1f0a9b8c7d"],
];

/// The headers, by the name of the parameter.
pub fn headers() -> impl Iterator<Item = (String, Value)> {
    let header = |[key, name, description, example]: [&str; 4]| {
        let schema = json!({"type": "string"});
        let parameter = json!({
            "name": name, "in": "header", "required": true, "description": description, "schema": schema, "example": example,
        });
        (key.to_owned(), parameter)
    };
    HEADERS.into_iter().map(header)
}

/// The requests of every event type. Fails unless the types are those that the event's `type` has.
pub fn describe(model: &Model) -> Result<Webhooks, Error> {
    let pool = model.services().first().map(|service| service.descriptor.parent_pool());
    let event = pool.and_then(|pool| pool.get_message_by_name(EVENT));
    let field = event.and_then(|event| event.get_field_by_name("type"));
    let types: Vec<_> = field.iter().flat_map(types).collect();
    if let Some(field) = &field {
        let named: Vec<_> = types.iter().map(|one| text(one, "name")).collect();
        if named != Constraints::of(field).one_of {
            return Err(Error::field(field, "(switchboard.v1.event_types) must be those of `one_of`"));
        }
    }
    let requests = types.iter().map(request).collect();
    Ok(Webhooks { tag: "Webhook events", api: "organization", message: EVENT, requests })
}

/// The values of `(switchboard.v1.event_types)`.
fn types(field: &FieldDescriptor) -> Vec<DynamicMessage> {
    let option = field.parent_pool().get_extension_by_name("switchboard.v1.event_types");
    let types = option.map(|option| field.options().get_extension(&option).into_owned());
    let types = types.as_ref().and_then(|types| types.as_list()).unwrap_or_default();
    types.iter().filter_map(|one| one.as_message().cloned()).collect()
}

fn text(of: &DynamicMessage, field: &str) -> String {
    let value = of.get_field_by_name(field);
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn request(of: &DynamicMessage) -> Webhook {
    let (name, action) = (text(of, "name"), text(of, "action"));
    let changes: Value = serde_json::from_str(&text(of, "changes")).unwrap_or_else(|_| json!([]));
    let parameters = HEADERS.map(|[key, ..]| json!({"$ref": format!("#/components/parameters/{key}")}));
    let operation = json!({
        "operationId": format!("On{}", name.to_upper_camel_case()),
        "summary": sentence_case(&name.to_title_case()),
        "description": text(of, "description"),
        "security": [],
        "parameters": parameters,
        "responses": {
            "2XX": {"description": "The event is delivered."},
            "default": {"description": "The event is sent again later."},
        },
    });
    let is_about_message = ["message.", "reaction."].iter().any(|group| name.starts_with(group));
    let mut properties = json!({"type": {"const": name}, "action": {"const": action}});
    let mut example = json!({"type": name, "action": action, "changes": changes});
    if !is_about_message {
        properties["message"] = json!({"type": "null"});
        example["message"] = Value::Null;
    }
    Webhook { name, operation, properties, example }
}

/// `Message created` for `Message Created`.
fn sentence_case(title: &str) -> String {
    title.chars().take(1).chain(title.chars().skip(1).flat_map(char::to_lowercase)).collect()
}
