//! Constraints of fields as keywords of JSON Schema.

use serde_json::{Value, json};

use crate::options::Constraints;

/// A Unix time in seconds or milliseconds, before the year 5138.
const UNIX_TIME: &str = "unix-time";

/// Adds the constraints of single values: of a field, or of each item or entry.
pub(super) fn constrain(schema: &mut Value, values: &Constraints) {
    let is_string = has_type(schema, "string");
    if is_string && !values.pattern.is_empty() {
        schema["pattern"] = json!(whole(&values.pattern));
    }
    if is_string && !values.one_of.is_empty() {
        schema["enum"] = json!(values.one_of);
    }
    match values.formats.as_slice() {
        [] => {}
        [only] => schema["format"] = json!(only),
        formats => schema["anyOf"] = formats.iter().map(|name| format(name)).collect(),
    }
    set_positive(schema, "minLength", values.min_length);
    set_positive(schema, "maxLength", values.max_length);
    if let Some(min) = values.min {
        schema["minimum"] = json!(min);
    }
    if let Some(max) = values.max {
        schema["maximum"] = json!(max);
    }
    if values.in_future {
        schema["x-in-future"] = json!(true);
    }
    if is_string && has_type(schema, "integer") && (values.min, values.max) != (None, None) {
        schema["pattern"] = json!(digits(values.min, values.max));
    }
    match values.types.as_slice() {
        [] => {}
        [only] => *schema = typed(only),
        types => schema["oneOf"] = types.iter().map(|name| typed(name)).collect(),
    }
}

/// One of several formats. JSON Schema has none for a Unix time.
fn format(name: &str) -> Value {
    if name == UNIX_TIME { json!({"pattern": "^[0-9]{1,14}$"}) } else { json!({"format": name}) }
}

/// Adds the constraints of a list or map: the number of items, and the keys.
pub(super) fn constrain_whole(schema: &mut Value, values: &Constraints, is_sent: bool) {
    let (least, most) =
        if has_type(schema, "array") { ("minItems", "maxItems") } else { ("minProperties", "maxProperties") };
    // A response may have none where none was ever set.
    if is_sent {
        set_positive(schema, least, values.min_items);
    }
    set_positive(schema, most, values.max_items);
    if values.unique_items {
        schema["uniqueItems"] = json!(true);
    }
    if !values.key_pattern.is_empty() {
        schema["propertyNames"] = json!({"type": "string", "pattern": whole(&values.key_pattern)});
    }
}

/// The schema of a field with `text_or_list`: one text with commas in it, or a list of such texts.
pub(super) fn text_or_list(schema: &Value) -> Value {
    let list =
        if has_type(schema, "array") { schema.clone() } else { json!({"type": "array", "items": schema}) };
    let mut text = list["items"].clone();
    if let Some(item) = text["pattern"].as_str().map(|pattern| pattern[1..pattern.len() - 1].to_owned()) {
        text["pattern"] = json!(format!("^{item}(?:,{item})*$"));
    }
    let mut list = list;
    list["items"] = text.clone();
    text["description"] = json!("Separated by commas.");
    json!({"oneOf": [text, list]})
}

/// Adds the kind of resource that the values, or the keys of a map, identify.
pub(super) fn refer(schema: &mut Value, values: &Constraints) {
    if values.refers_to.is_empty() {
        return;
    }
    if has_type(schema, "array") {
        schema["items"]["x-refers-to"] = json!(values.refers_to);
    } else if has_type(schema, "object") {
        schema["propertyNames"]["type"] = json!("string");
        schema["propertyNames"]["x-refers-to"] = json!(values.refers_to);
    } else {
        schema["x-refers-to"] = json!(values.refers_to);
    }
}

/// The JSON in an option: for a text field, the text itself.
pub(super) fn literal(text: &str, is_text: bool) -> Option<Value> {
    match (text, is_text) {
        ("", _) => None,
        (text, true) => Some(json!(text)),
        (text, false) => serde_json::from_str(text).ok().or_else(|| Some(json!(text))),
    }
}

/// A regular expression that matches the whole text.
fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// The schema of a JSON type by its name, with `[]` after it for a list.
fn typed(name: &str) -> Value {
    match name.strip_suffix("[]") {
        Some(item) => json!({"type": "array", "items": {"type": item}}),
        None => json!({"type": name}),
    }
}

/// A pattern of integers between the bounds, as text. Integers with as many digits as the larger bound are accepted
/// but left out, so that whatever matches is accepted.
fn digits(min: Option<i64>, max: Option<i64>) -> String {
    let most = [min, max].into_iter().flatten().map(i64::unsigned_abs).max().unwrap_or_default();
    let most = if max.is_none() { i64::MAX.unsigned_abs() } else { most };
    let sign = if min.is_some_and(|min| min >= 0) { "" } else { "-?" };
    let least = usize::from(min.is_some_and(|min| min > 0));
    let length = most.to_string().len().saturating_sub(1).max(1);
    match least {
        0 => format!("^{sign}[0-9]{{1,{length}}}$"),
        _ => format!("^[1-9][0-9]{{0,{}}}$", length - 1),
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(any)) => any.iter().any(|one| one == name),
        _ => false,
    }
}

fn set_positive(schema: &mut Value, keyword: &str, number: i32) {
    if number > 0 {
        schema[keyword] = json!(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_become_keywords_of_the_type() {
        let values = Constraints {
            pattern: "a|b".to_owned(),
            max_length: 3,
            min: Some(0),
            max: Some(200),
            ..Constraints::default()
        };
        let mut text = json!({"type": "string"});
        constrain(&mut text, &Constraints { min: None, max: None, ..values.clone() });
        assert_eq!(text, json!({"type": "string", "pattern": "^(?:a|b)$", "maxLength": 3}));
        let mut number = json!({"type": ["integer", "string"]});
        constrain(&mut number, &Constraints { min: Some(0), max: Some(200), ..Constraints::default() });
        let expected =
            json!({"type": ["integer", "string"], "minimum": 0, "maximum": 200, "pattern": "^[0-9]{1,2}$"});
        assert_eq!(number, expected);
    }

    #[test]
    fn types_become_a_choice_of_schemas() {
        let mut schema = json!({});
        let types = vec!["string".to_owned(), "string[]".to_owned()];
        constrain(&mut schema, &Constraints { types, ..Constraints::default() });
        let list = json!({"type": "array", "items": {"type": "string"}});
        assert_eq!(schema, json!({"oneOf": [{"type": "string"}, list]}));
    }
}
