//! The fields of a change event: previous and current values as JSON.

use serde_json::{Map, Value};

use switchboard_core::instant::Instant;

/// The field of a deleted message's text. Only audit logs show it.
pub const DELETED_TEXT: &str = "deleted_text";

/// The beginning of the fields of the sessions that held a deleted chat last: true, or the key by whose reports alone they did.
/// For subscribers of some sessions; nobody is shown them.
pub const HELD_BY: &str = "held_by.";

/// `{field: [previous, current]}` of the fields that changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldChanges(Map<String, Value>);

/// A value of a field, as events represent it.
pub trait FieldValue {
    /// The value as JSON. Instants are Unix microseconds.
    fn to_json(&self) -> Value;
}

impl FieldChanges {
    /// Adds a field, unless its values are equal.
    #[must_use]
    pub fn field<T: FieldValue + PartialEq>(mut self, name: &str, before: &T, after: &T) -> Self {
        if before != after {
            self.set(name.to_owned(), before.to_json(), after.to_json());
        }
        self
    }

    /// Adds the fields of others.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Adds a field.
    pub fn set(&mut self, name: String, before: Value, after: Value) {
        self.0.insert(name, Value::Array(vec![before, after]));
    }

    /// Whether no field changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON object.
    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, FieldValue::to_json)
    }
}

impl FieldValue for Instant {
    fn to_json(&self) -> Value {
        self.micros().into()
    }
}

macro_rules! field_values {
    ($($type:ty),+) => {$(
        impl FieldValue for $type {
            fn to_json(&self) -> Value {
                self.clone().into()
            }
        }
    )+};
}

field_values!(Value, bool, i16, i32, String, &str);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_changed_fields_are_added() {
        let changes = FieldChanges::default()
            .field("pinned", &true, &true)
            .field("unread", &None, &Some(2))
            .field("muted_until", &Some(Instant::from_micros(1)), &None)
            .field("name", &"a", &"b");
        assert!(!changes.is_empty());
        let expected = json!({"unread": [null, 2], "muted_until": [1, null], "name": ["a", "b"]});
        assert_eq!(changes.into_json(), expected);
    }
}
