//! Examples of whole messages, put together from those of their fields.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::api::{Api, Behavior, behaves, field_values, is_keyed};
use super::schema::is_optional;
use super::values::literal;

/// Messages inside of messages end here: one may hold its own kind.
const DEEPEST: usize = 8;

/// A message as answers hold it, with every property.
pub(super) fn answer(api: &Api, message: &MessageDescriptor) -> Value {
    answered(api, message, 0)
}

/// A field as answers hold it.
pub(super) fn field_answer(api: &Api, field: &FieldDescriptor) -> Value {
    field_answered(api, field, 0)
}

/// A body of these fields: those that must be sent, and those that have an example. None where nothing is known.
pub(super) fn body(api: &Api, fields: &[FieldDescriptor]) -> Option<Value> {
    let mut body = Map::new();
    for field in fields.iter().filter(|field| !behaves(field, Behavior::OutputOnly)) {
        if let Some(example) = sent(api, field) {
            body.insert(api.spell(field).to_owned(), example);
        } else if behaves(field, Behavior::Required) {
            return None;
        }
    }
    (!body.is_empty()).then_some(Value::Object(body))
}

/// A field as a request may send it.
pub(super) fn sent(api: &Api, field: &FieldDescriptor) -> Option<Value> {
    own(field).or_else(|| {
        let kind = field.kind();
        let message = kind.as_message().filter(|message| !is_well_known(message) && !field.is_map())?;
        let one = body(api, &message.fields().collect::<Vec<_>>())?;
        Some(if field.is_list() { json!([one]) } else { one })
    })
}

/// The example that the field itself declares, or the first of its words.
fn own(field: &FieldDescriptor) -> Option<Value> {
    let values = field_values(field);
    let is_text = is_text(&field.kind()) && !field.is_list() && !field.is_map();
    let word = || values.one_of.first().map(|word| if field.is_list() { json!([word]) } else { json!(word) });
    literal(&values.example, is_text).or_else(word)
}

/// Whether the JSON of the kind is a text.
pub(super) fn is_text(kind: &Kind) -> bool {
    let known = kind
        .as_message()
        .map(MessageDescriptor::full_name)
        .and_then(|name| name.strip_prefix("google.protobuf."));
    matches!(kind, Kind::String | Kind::Enum(_) | Kind::Bytes)
        || matches!(known, Some("Timestamp" | "Duration" | "FieldMask" | "StringValue" | "BytesValue"))
}

fn answered(api: &Api, message: &MessageDescriptor, depth: usize) -> Value {
    let fields = message.fields().filter(|field| !behaves(field, Behavior::InputOnly));
    let properties = fields.map(|field| (api.spell(&field).to_owned(), field_answered(api, &field, depth)));
    Value::Object(properties.collect())
}

fn field_answered(api: &Api, field: &FieldDescriptor, depth: usize) -> Value {
    let example = own(field);
    let kind = field.kind();
    let entry = kind.as_message().filter(|_| field.is_map());
    let inner = entry.map_or(kind.clone(), |entry| entry.map_entry_value_field().kind());
    let message = inner.as_message().filter(|message| !is_well_known(message) && depth < DEEPEST);
    match (message, example) {
        (Some(message), key) if field.is_map() => {
            let entry = answered(api, message, depth + 1);
            key.as_ref().and_then(Value::as_str).map_or(json!({}), |key| json!({key: entry}))
        }
        (_, Some(example)) => example,
        (Some(message), None) if field.is_list() => json!([answered(api, message, depth + 1)]),
        (Some(message), None) => answered(api, message, depth + 1),
        (None, None) => nothing(field),
    }
}

/// What an answer holds where nothing is known.
fn nothing(field: &FieldDescriptor) -> Value {
    if field.is_list() {
        return json!([]);
    }
    if is_keyed(field) {
        return json!({});
    }
    let kind = field.kind();
    match kind.as_enum() {
        _ if is_optional(field) => Value::Null,
        Some(values) => json!(values.default_value().name()),
        None if is_text(&kind) => json!(""),
        None if kind == Kind::Bool => json!(false),
        None => json!(0),
    }
}

fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}
