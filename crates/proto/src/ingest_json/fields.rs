//! How the fields of ingest events look as JSON.

#![allow(missing_docs, reason = "the functions are what serde's `with` wants")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use prost_types::value::Kind;
use prost_types::{FieldMask, Struct, Timestamp, Value};
use serde::de::{Deserialize, Deserializer, Error as _, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::names::{camel_case, snake_case};
use crate::ingest_event::{ChatType, ConnectionStatus, ReceiptKind};
use crate::json_value::{JsonObject, JsonValue};
use crate::unix_time;

/// Whole numbers up to here are exact as doubles: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a field that has no presence; `null` counts as absent.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Whether an enum field has the value 0.
pub fn is_unspecified(value: &i32) -> bool {
    *value == 0
}

/// The number as an integer when it has no fraction: protobuf's JSON values only have doubles.
pub fn whole_number(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers up to 2^53 are exact")]
    let whole = || number as i64;
    (number.fract() == 0.0 && number.abs() <= MAX_EXACT).then(whole)
}

/// `google.protobuf.Timestamp` as Unix milliseconds; a fraction is kept to the microsecond, which is what is stored.
pub mod instant {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(Timestamp { seconds, nanos }) = value else { return serializer.serialize_none() };
        let micros = seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1000));
        if micros % 1000 == 0 {
            return serializer.serialize_i64(micros / 1000);
        }
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 2255")]
        serializer.serialize_f64(micros as f64 / 1000.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        deserializer.deserialize_option(Millis)
    }

    struct Millis;

    impl<'de> Visitor<'de> for Millis {
        type Value = Option<Timestamp>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Unix milliseconds or seconds from 1970 to the year 9999")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
            let micros = unix_time::micros(number);
            let micros = micros.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))?;
            Ok(Some(unix_time::timestamp(micros)))
        }

        fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Self::Value, E> {
            self.visit_i64(i64::try_from(millis).unwrap_or(i64::MAX))
        }

        #[expect(clippy::cast_possible_truncation, reason = "a number out of range is rejected")]
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
            let whole = number.floor() as i64;
            self.visit_i64::<E>(whole)?;
            let micros = if unix_time::looks_like_seconds(whole) { 1_000_000.0 } else { 1_000.0 };
            Ok(Some(unix_time::timestamp((number * micros).round() as i64)))
        }
    }
}

/// `google.protobuf.FieldMask` as lowerCamelCase names with commas between them.
pub mod mask {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<FieldMask>, serializer: S) -> Result<S::Ok, S::Error> {
        let paths = value.iter().flat_map(|mask| &mask.paths);
        serializer.serialize_str(&paths.map(|path| camel_case(path)).collect::<Vec<_>>().join(","))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FieldMask>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
        let paths =
            |text: Cow<'de, str>| text.split(',').filter(|path| !path.is_empty()).map(snake_case).collect();
        Ok(text.map(|text| FieldMask { paths: paths(text) }))
    }
}

/// `google.protobuf.Value` as the JSON that it holds.
pub mod value {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Json).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        Ok(Option::<JsonValue>::deserialize(deserializer)?.map(|JsonValue(value)| value))
    }
}

/// `map<string, google.protobuf.Value>` as an object.
pub mod values {
    use super::*;

    pub fn serialize<S: Serializer>(
        values: &BTreeMap<String, Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|(name, value)| (name, Json(value))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Value>, D::Error> {
        Ok(object::deserialize(deserializer)?.unwrap_or_default().fields)
    }
}

/// `google.protobuf.Struct` as an object.
pub mod object {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<Struct>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(object) => values::serialize(&object.fields, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Struct>, D::Error> {
        Ok(Option::<JsonObject>::deserialize(deserializer)?.map(|JsonObject(object)| object))
    }
}

struct Json<'v>(&'v Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            Some(Kind::BoolValue(value)) => serializer.serialize_bool(*value),
            Some(Kind::StringValue(text)) => serializer.serialize_str(text),
            Some(Kind::NumberValue(number)) => match whole_number(*number) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(*number),
            },
            Some(Kind::ListValue(list)) => serializer.collect_seq(list.values.iter().map(Json)),
            Some(Kind::StructValue(object)) => values::serialize(&object.fields, serializer),
        }
    }
}

/// Declares a module for an enum whose values are written by their names, without prefix and in lower case.
macro_rules! value_names {
    ($module:ident, $enum:ty, $prefix:literal, $expected:literal) => {
        #[doc = concat!("Values of [`", stringify!($enum), "`]: ", $expected, ".")]
        pub mod $module {
            use super::*;

            /// The names, in words that follow `must be`.
            pub const EXPECTED: &str = $expected;

            /// The name of a value; `None` for 0 and for unknown values.
            pub fn name(value: i32) -> Option<String> {
                let full_name = <$enum>::try_from(value).ok().filter(|_| value != 0)?.as_str_name();
                Some(full_name.trim_start_matches($prefix).to_ascii_lowercase())
            }

            /// The value of a name, with or without prefix.
            pub fn value(name: &str) -> Option<i32> {
                let full_name =
                    format!("{}{}", $prefix, name.trim_start_matches($prefix).to_ascii_uppercase());
                <$enum>::from_str_name(&full_name).map(i32::from)
            }

            pub fn serialize<S: Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
                name(*value).serialize(serializer)
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
                let Some(name) = Option::<Cow<'de, str>>::deserialize(deserializer)? else { return Ok(0) };
                value(&name).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&name), &EXPECTED))
            }
        }
    };
}

value_names!(chat_type, ChatType, "CHAT_TYPE_", "one of dm, group, business");
value_names!(
    receipt_kind,
    ReceiptKind,
    "RECEIPT_KIND_",
    "one of sent, server, delivered, read, played, failed, unknown"
);
value_names!(
    connection_status,
    ConnectionStatus,
    "CONNECTION_STATUS_",
    "one of disconnected, connecting, connected, logged_out"
);
