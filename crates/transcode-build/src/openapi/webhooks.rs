//! The requests that the service sends to URLs that its users name.

use prost_reflect::MessageDescriptor;
use serde_json::{Map, Value, json};

use super::example;
use super::schema::Schemas;
use crate::options::FieldNames;

/// The requests that the service sends: one message, of several types.
pub struct Webhooks {
    /// The tag of their operations; the message's comment describes it.
    pub tag: &'static str,
    /// The name of the API whose JSON the bodies have.
    pub api: &'static str,
    /// The full name of the message that the bodies are.
    pub message: &'static str,
    /// One for each type.
    pub requests: Vec<Webhook>,
}

/// A type of requests that the service sends.
pub struct Webhook {
    /// Its name among the `webhooks` of the document.
    pub name: String,
    /// The operation object, without tags and body.
    pub operation: Value,
    /// JSON Schemas of the properties of the body that are narrower than those of the message.
    pub properties: Value,
    /// The properties of the body's example that differ from those of the message's.
    pub example: Value,
}

impl Webhooks {
    /// The path item of each type, by its name.
    pub(super) fn write(
        &self,
        names: FieldNames,
        message: &MessageDescriptor,
        schemas: &mut Schemas<'_>,
    ) -> Map<String, Value> {
        let body = schemas.answer(message);
        let items = self.requests.iter().map(|request| {
            let mut example = example::answer(names, message);
            if let (Value::Object(of_message), Value::Object(differing)) = (&mut example, &request.example) {
                of_message.extend(differing.clone());
            }
            let narrower = json!({"type": "object", "properties": request.properties});
            let content = json!({"schema": {"allOf": [body, narrower]}, "example": example});
            let mut operation = request.operation.clone();
            operation["tags"] = json!([self.tag]);
            operation["requestBody"] = json!({"required": true, "content": {"application/json": content}});
            (request.name.clone(), json!({"post": operation}))
        });
        items.collect()
    }
}
