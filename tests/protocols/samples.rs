//! A valid request for every RPC and protocol, made from the names of its fields.

use bytes::Bytes;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::support::{Binding, Chat, Method, Org, frame, note_id};

/// WhatsApp's id of a message that is in every sample chat.
pub const SAMPLE_MESSAGE: &str = "3EB0ABB7";

/// The ids in a request. Tests compare requests that differ in one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// A session.
    pub session: String,
    /// A chat.
    pub chat: Chat,
    /// Email of a member.
    pub member: String,
    /// A custom property.
    pub property: String,
    /// A label.
    pub label: String,
    /// An api-key, by its id.
    pub key: String,
    /// A webhook.
    pub webhook: String,
    /// A dead letter of the webhook.
    pub dead_letter: String,
    /// A disabled connection.
    pub connection: String,
    /// An event of the connection that failed.
    pub failed_event: String,
    /// A queued send.
    pub send: String,
    /// A note of the chat.
    pub note: String,
    /// Digits of an unattached number.
    pub new_number: String,
}

impl Ids {
    /// Ids of an organization.
    pub fn of(org: &Org, chat: Chat) -> Self {
        Self {
            session: org.sessions[0].clone(),
            new_number: format!("99{}", chat.digits),
            note: note_id(&chat.digits),
            chat,
            member: org.members[0].clone(),
            property: org.note.clone(),
            label: org.label.clone(),
            connection: org.connection.clone(),
            send: org.send.clone(),
            failed_event: org.failed_event.clone(),
            webhook: org.webhook.clone(),
            dead_letter: org.dead_letter.clone(),
            key: org.key.split('_').nth(1).expect("sb_<key id>_<secret>").to_owned(),
        }
    }

    /// Replaces the ids, in any spelling, by placeholders.
    pub fn hide_in(&self, text: &str) -> String {
        let text = text.replace(&self.session, "SESSION").replace(&self.chat.digits, "CHAT");
        let text = text.replace(&self.member, "MEMBER").replace(&self.property, "PROPERTY");
        let text = text.replace(&self.webhook, "WEBHOOK").replace(&self.dead_letter, "DEAD");
        let text = text.replace(&self.connection, "CONNECTION").replace(&self.failed_event, "FAILED");
        let text = text.replace(&self.send, "SEND").replace(&self.note, "NOTE");
        text.replace(&self.label, "LABEL").replace(&self.key, "KEY")
    }
}

/// A request of that method as JSON, in the proto's spelling. Fields without a sample are omitted.
pub fn request(method: &Method, ids: &Ids) -> Value {
    Value::Object(message(&method.input, ids))
}

fn message(descriptor: &MessageDescriptor, ids: &Ids) -> Map<String, Value> {
    let fields = descriptor.fields().filter(|field| !is_output_only(field));
    fields.filter_map(|field| Some((field.name().to_owned(), sample(&field, ids)?))).collect()
}

fn sample(field: &FieldDescriptor, ids: &Ids) -> Option<Value> {
    let parent = field.parent_message();
    let is_new_connection = parent.name() == "CreateConnectionRequest";
    let is_filter = ["List", "Count"].iter().any(|verb| parent.name().starts_with(verb));
    let value = match field.name() {
        "kind" if is_new_connection => json!("external"),
        // It has a number, and its kind has no URL.
        "session_id" | "url" if is_new_connection => return None,
        "url" if parent.name() == "ConnectionChange" => return None,
        "connection_id" => json!(ids.connection),
        "event_id" => json!(ids.failed_event),
        "session_id" => json!(ids.session),
        "jid" => json!(ids.chat.jid),
        "chat_id" => json!(ids.chat.id),
        "message_id" if parent.get_field_by_name("chat_id").is_some() => json!(SAMPLE_MESSAGE),
        "message_id" => json!(format!("true_{}_{SAMPLE_MESSAGE}", ids.chat.id)),
        "queue_id" => json!(ids.send),
        "note_id" => json!(ids.note),
        "message" | "text" | "edited_body" if field.kind() == Kind::String => json!("hello"),
        "reaction" if field.kind() == Kind::String => json!("👍"),
        // A message has one content.
        "media" | "poll" | "location" | "template" | "options" if parent.name().starts_with("Send") => {
            return None;
        }
        "chat_ids" => json!([ids.chat.id]),
        // A filter: no chat is assigned to a missing member.
        "assigned_to" if is_filter => json!("none"),
        "assigned_to" => json!(ids.member),
        "access" => json!({ids.member.as_str(): true}),
        "custom_properties" => json!({ids.property.as_str(): "hello"}),
        "labels" if field.is_list() => json!(["vip"]),
        "labels" => json!("vip"),
        "label" if field.kind() == Kind::String => json!("vip"),
        "label_id" => json!(ids.label),
        "property_id" => json!(ids.property),
        "key_id" => json!(ids.key),
        "webhook_id" => json!(ids.webhook),
        "delivery_id" => json!(ids.dead_letter),
        "url" => json!(format!("https://hooks.acme.example/{}", ids.new_number)),
        "enabled" => json!(false),
        "session_ids" => json!([ids.session]),
        // A new resource must be unique.
        "name" => json!(format!("new {}", ids.new_number)),
        "email" if parent.name().starts_with("Add") => {
            json!(format!("new-{}@acme.example", ids.new_number))
        }
        "email" => json!(ids.member),
        "role" => json!("admin"),
        "color" => json!("#1FA2B3"),
        "kind" => json!("text"),
        "capabilities" => json!(["read"]),
        "pinned" => json!(true),
        "phone_number" => json!(ids.new_number),
        "query" | "q" => json!("hello"),
        _ => {
            let inner = field.kind().as_message().cloned()?;
            let is_ours = inner.package_name() == "switchboard.v1" && !field.is_list();
            return is_ours.then(|| Value::Object(message(&inner, ids)));
        }
    };
    Some(value)
}

/// Whether a field is output-only.
pub fn is_output_only(field: &FieldDescriptor) -> bool {
    behaviours(field).contains(&3)
}

fn behaviours(field: &FieldDescriptor) -> Vec<i32> {
    let pool = field.parent_pool();
    let extension = pool.get_extension_by_name("google.api.field_behavior").expect("the option");
    let options = field.options();
    let values = options.get_extension(&extension);
    values.as_list().into_iter().flatten().filter_map(prost_reflect::Value::as_enum_number).collect()
}

/// The request as a gRPC body.
pub fn wire(method: &Method, request: &Value) -> Bytes {
    frame(&prost::Message::encode_to_vec(&dynamic(&method.input, request))).into()
}

fn dynamic(descriptor: &MessageDescriptor, json: &Value) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for (name, value) in json.as_object().into_iter().flatten() {
        let field = descriptor.get_field_by_name(name).unwrap_or_else(|| panic!("no field {name}"));
        message.set_field(&field, dynamic_value(&field, value));
    }
    message
}

fn dynamic_value(field: &FieldDescriptor, json: &Value) -> prost_reflect::Value {
    use prost_reflect::Value as Dynamic;
    match (json, field.kind()) {
        (Value::Array(items), _) => Dynamic::List(items.iter().map(scalar).collect()),
        (Value::Object(_), Kind::Message(inner)) if inner.full_name() == "google.protobuf.Struct" => {
            Dynamic::Message(structure(&inner, json))
        }
        (Value::Object(entries), _) if field.is_map() => Dynamic::Map(
            entries.iter().map(|(key, value)| (MapKey::String(key.clone()), scalar(value))).collect(),
        ),
        (Value::Object(_), Kind::Message(inner)) => Dynamic::Message(dynamic(&inner, json)),
        _ => scalar(json),
    }
}

fn scalar(json: &Value) -> prost_reflect::Value {
    match json {
        Value::Bool(value) => prost_reflect::Value::Bool(*value),
        Value::String(text) => prost_reflect::Value::String(text.clone()),
        Value::Number(number) => prost_reflect::Value::I64(number.as_i64().expect("an integer")),
        Value::Null | Value::Array(_) | Value::Object(_) => panic!("no scalar: {json}"),
    }
}

/// A `google.protobuf.Struct` of strings and bools.
fn structure(descriptor: &MessageDescriptor, json: &Value) -> DynamicMessage {
    let fields = json.as_object().into_iter().flatten().map(|(key, value)| {
        let kind = match value.as_bool() {
            Some(value) => prost_types::value::Kind::BoolValue(value),
            None => prost_types::value::Kind::StringValue(value.as_str().expect("a string").to_owned()),
        };
        (key.clone(), prost_types::Value { kind: Some(kind) })
    });
    let message = prost_types::Struct { fields: fields.collect() };
    let bytes = prost::Message::encode_to_vec(&message);
    DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).expect("a Struct")
}

/// The request as a REST call of that route: the target with its query, and the body.
pub fn rest(binding: &Binding, request: &Value) -> (String, String) {
    let mut rest = request.as_object().cloned().unwrap_or_default();
    let mut target = String::new();
    for piece in binding.template.split_inclusive('}') {
        let (literal, variable) = piece.split_once('{').unwrap_or((piece, ""));
        target.push_str(literal);
        let name = variable.trim_end_matches('}').split('=').next().unwrap_or_default();
        if let Some(value) = rest.remove(name) {
            target.push_str(value.as_str().expect("a string in the path"));
        }
    }
    let body = match binding.body.as_str() {
        "" => {
            let query =
                rest.iter().filter_map(|(name, value)| Some(format!("{name}={}", query_value(value)?)));
            let query = query.collect::<Vec<_>>().join("&");
            target = if query.is_empty() { target } else { format!("{target}?{query}") };
            String::new()
        }
        "*" => Value::Object(rest).to_string(),
        field => rest.remove(field).unwrap_or(json!({})).to_string(),
    };
    (target, body)
}

fn query_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The route with every variable set to that text.
pub fn target_of(binding: &Binding, text: &str) -> String {
    let pieces = binding.template.split_inclusive('}');
    pieces
        .map(|piece| piece.split_once('{').map_or(piece.to_owned(), |(literal, _)| literal.to_owned() + text))
        .collect()
}

/// The descriptors of the binary.
pub fn pool() -> DescriptorPool {
    DescriptorPool::decode(switchboard::pb::DESCRIPTORS).expect("descriptors")
}
