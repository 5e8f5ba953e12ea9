//! JSON of gateways in ingest events.

use prost_types::Value as ProtoValue;
use serde_json::Value;

use crate::pb::json_value::JsonValue;

/// Levels of JSON that are kept of original data; ingest rejects more than 24.
const MAX_DEPTH: usize = 20;

/// JSON as ingest accepts it: without U+0000, and without what is nested too deeply.
pub(super) fn json(value: &Value) -> Option<ProtoValue> {
    let value = shallow(value, MAX_DEPTH);
    serde_json::from_value::<JsonValue>(value).ok().map(|JsonValue(value)| value)
}

fn shallow(value: &Value, depth: usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::Null,
        Value::Array(items) => items.iter().map(|item| shallow(item, depth - 1)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields.map(|(name, value)| (name.replace('\0', ""), shallow(value, depth - 1))).collect()
        }
        Value::String(text) => text.replace('\0', "").into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
