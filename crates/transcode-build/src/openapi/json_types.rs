//! JSON Schema of single types: integers, well-known types, and any of them with null.

use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};

use super::place::Place;
use crate::names::is_well_known;

/// An integer: a JSON number in responses, in request bodies also a string of digits.
pub(super) fn integer(format: &str, digits: &str, place: Place) -> Value {
    let mut schema = json!({"type": "integer", "format": format});
    if place == Place::Body {
        schema["type"] = json!(["integer", "string"]);
        schema["pattern"] = json!(digits);
    }
    if place != Place::Answer {
        let (least, most) = match format {
            "int32" => (json!(i32::MIN), json!(i32::MAX)),
            "uint32" => (json!(u32::MIN), json!(u32::MAX)),
            "int64" => (json!(i64::MIN), json!(i64::MAX)),
            _ => (json!(u64::MIN), json!(u64::MAX)),
        };
        schema["minimum"] = least;
        schema["maximum"] = most;
    }
    schema
}

/// The JSON of a well-known type.
pub(super) fn well_known(message: &MessageDescriptor) -> Option<Value> {
    if !is_well_known(message) {
        return None;
    }
    Some(match message.name() {
        "Timestamp" => json!({"type": "string", "format": "date-time"}),
        "Duration" => json!({"type": "string", "pattern": r"^-?[0-9]{1,11}(\.[0-9]{1,9})?s$"}),
        "FieldMask" => json!({"type": "string"}),
        "Struct" | "Any" => json!({"type": "object", "additionalProperties": true}),
        "Value" => json!({}),
        "ListValue" => json!({"type": "array", "items": {}}),
        "Empty" => json!({"type": "object"}),
        "DoubleValue" | "FloatValue" => json!({"type": "number"}),
        "Int32Value" | "UInt32Value" | "Int64Value" | "UInt64Value" => json!({"type": "integer"}),
        "BoolValue" => json!({"type": "boolean"}),
        "StringValue" => json!({"type": "string"}),
        "BytesValue" => json!({"type": "string", "contentEncoding": "base64"}),
        _ => return None,
    })
}

/// The schema with a description, unless that is empty.
pub(super) fn described(mut schema: Value, description: String) -> Value {
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    schema
}

/// The schema with `null` accepted too.
pub(super) fn nullable(mut schema: Value) -> Value {
    if let Some(Value::Array(alternatives)) = schema.get_mut("oneOf") {
        alternatives.push(json!({"type": "null"}));
    } else if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.push(json!("null"));
    } else if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
        schema["type"] = json!(["string", "null"]);
    } else if let Some(Value::String(name)) = schema.get("type").filter(|name| *name != "null") {
        schema["type"] = json!([name, "null"]);
    } else if let Some(reference) = schema.get("$ref").cloned() {
        let description = schema.get("description").cloned();
        let either = json!({"oneOf": [{"$ref": reference}, {"type": "null"}]});
        let text = description.as_ref().and_then(Value::as_str).unwrap_or_default();
        return described(either, text.to_owned());
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::nullable;

    #[test]
    fn nullable_accepts_null_in_any_schema() {
        assert_eq!(nullable(json!({"type": "string"})), json!({"type": ["string", "null"]}));
        let text_or_number = json!({"type": ["integer", "string"]});
        assert_eq!(nullable(text_or_number), json!({"type": ["integer", "string", "null"]}));
        let named = json!({"$ref": "#/x", "description": "d"});
        assert_eq!(
            nullable(named),
            json!({"oneOf": [{"$ref": "#/x"}, {"type": "null"}], "description": "d"})
        );
        let values = json!({"type": "string", "enum": ["A"]});
        assert_eq!(nullable(values), json!({"type": ["string", "null"], "enum": ["A", null]}));
        assert_eq!(nullable(json!({})), json!({}));
        assert_eq!(nullable(json!({"type": "null"})), json!({"type": "null"}));
    }
}
