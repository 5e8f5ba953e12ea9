//! Deserializes JSON into `google.protobuf.Value` without an intermediate tree.

use std::collections::BTreeMap;
use std::fmt;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value as `google.protobuf.Value`. Numbers become doubles, the only numbers of protobuf's JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonValue(pub Value);

/// A JSON object as `google.protobuf.Struct`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(pub Struct);

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(|kind| Self(Value { kind: Some(kind) }))
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = BTreeMap::<String, JsonValue>::deserialize(deserializer)?.into_iter();
        Ok(Self(Struct { fields: members.map(|(key, JsonValue(value))| (key, value)).collect() }))
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::NullValue(0))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::BoolValue(value))
    }

    #[allow(clippy::cast_precision_loss)] // `Value` has only doubles
    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value as f64))
    }

    #[allow(clippy::cast_precision_loss)] // `Value` has only doubles
    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::StringValue(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::StringValue(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut values = Vec::with_capacity(items.size_hint().unwrap_or_default());
        while let Some(JsonValue(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Kind::ListValue(ListValue { values }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, JsonValue(value))) = entries.next_entry()? {
            fields.insert(key, value);
        }
        Ok(Kind::StructValue(Struct { fields }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_json_deserializes() {
        let JsonObject(object) = serde_json::from_str(r#"{"a":[1,-2.5,"x",true,null,{"b":{}}]}"#).unwrap();
        let Some(Kind::ListValue(list)) = &object.fields["a"].kind else { panic!("not a list") };
        let kinds: Vec<_> = list.values.iter().map(|value| value.kind.clone().unwrap()).collect();
        let text = Kind::StringValue("x".to_owned());
        let numbers = [Kind::NumberValue(1.0), Kind::NumberValue(-2.5)];
        assert_eq!(kinds[..2], numbers);
        assert_eq!(kinds[2..5], [text, Kind::BoolValue(true), Kind::NullValue(0)]);
        let Kind::StructValue(inner) = &kinds[5] else { panic!("not an object") };
        assert_eq!(inner.fields["b"].kind, Some(Kind::StructValue(Struct::default())));
    }

    #[test]
    fn array_is_not_an_object() {
        assert!(serde_json::from_str::<JsonObject>("[]").is_err());
    }
}
