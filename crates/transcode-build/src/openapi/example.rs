//! Examples of messages, composed from those of their fields.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::constraints::literal;
use crate::names::{is_google, is_optional, own_message};
use crate::options::{Behavior, Constraints, FieldJson, FieldNames};

/// Deeper messages are left out: a message may contain itself.
const MAX_DEPTH: usize = 8;

/// A message in a response, with every property that is never left out.
pub(super) fn answer(names: FieldNames, message: &MessageDescriptor) -> Value {
    answer_at(names, message, 0)
}

/// A field in a response.
pub(super) fn field_answer(names: FieldNames, field: &FieldDescriptor) -> Value {
    field_answer_at(names, field, 0)
}

/// A request body of these fields: the required ones, and those with an example. None without an example of a required
/// field.
pub(super) fn body(names: FieldNames, fields: &[FieldDescriptor]) -> Option<Value> {
    let mut body = Map::new();
    for field in fields.iter().filter(|field| !Behavior::OutputOnly.applies_to(field)) {
        if let Some(example) = sent(names, field) {
            body.insert(names.spell(field).to_owned(), example);
        } else if Behavior::Required.applies_to(field) {
            return None;
        }
    }
    (!body.is_empty()).then_some(Value::Object(body))
}

/// A field in a request. A message that is not required is left out unless the field has an example: it may be an alternative
/// to another field.
pub(super) fn sent(names: FieldNames, field: &FieldDescriptor) -> Option<Value> {
    declared(field).or_else(|| {
        let is_needed = Behavior::Required.applies_to(field) && !field.is_map();
        let message = own_message(field).filter(|_| is_needed)?;
        let one = body(names, &message.fields().collect::<Vec<_>>())?;
        Some(if field.is_list() { json!([one]) } else { one })
    })
}

/// The example that the field declares, or the first of its accepted texts.
fn declared(field: &FieldDescriptor) -> Option<Value> {
    let constraints = Constraints::of(field);
    let is_text = is_text(&field.kind()) && !field.is_list() && !field.is_map();
    let first =
        || constraints.one_of.first().map(|text| if field.is_list() { json!([text]) } else { json!(text) });
    literal(&constraints.example, is_text).or_else(first)
}

/// Whether the JSON of the kind is a string.
pub(super) fn is_text(kind: &Kind) -> bool {
    const TEXTS: [&str; 5] = ["Timestamp", "Duration", "FieldMask", "StringValue", "BytesValue"];
    let is_text = |message: &MessageDescriptor| TEXTS.iter().any(|name| is_google(message, name));
    matches!(kind, Kind::String | Kind::Enum(_) | Kind::Bytes) || kind.as_message().is_some_and(is_text)
}

fn answer_at(names: FieldNames, message: &MessageDescriptor, depth: usize) -> Value {
    let fields = message
        .fields()
        .filter(|field| !Behavior::InputOnly.applies_to(field) && !FieldJson::of(field).omitted_when_unset);
    let members = fields.map(|field| (names.spell(&field).to_owned(), field_answer_at(names, &field, depth)));
    Value::Object(members.collect())
}

fn field_answer_at(names: FieldNames, field: &FieldDescriptor, depth: usize) -> Value {
    match (own_message(field).filter(|_| depth < MAX_DEPTH), declared(field)) {
        (Some(message), key) if field.is_map() => {
            let entry = answer_at(names, &message, depth + 1);
            key.as_ref().and_then(Value::as_str).map_or(json!({}), |key| json!({key: entry}))
        }
        (_, Some(example)) => example,
        (Some(message), None) if field.is_list() => json!([answer_at(names, &message, depth + 1)]),
        (Some(message), None) => answer_at(names, &message, depth + 1),
        (None, None) => default(field),
    }
}

/// The value of an unset field in a response.
fn default(field: &FieldDescriptor) -> Value {
    let kind = field.kind();
    match kind.as_enum() {
        _ if field.is_list() => json!([]),
        _ if is_keyed(field) => json!({}),
        _ if is_optional(field) => Value::Null,
        Some(values) => json!(values.default_value().name()),
        None if is_text(&kind) => json!(""),
        None if kind == Kind::Bool => json!(false),
        None => json!(0),
    }
}

/// Whether the field holds entries by key, which a partial update changes one by one.
pub(super) fn is_keyed(field: &FieldDescriptor) -> bool {
    let is_struct = |kind: Kind| kind.as_message().is_some_and(|message| is_google(message, "Struct"));
    field.is_map() || is_struct(field.kind()) && !field.is_list()
}
