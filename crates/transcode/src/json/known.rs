//! The well-known types of protobuf in the JSON of these APIs.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use prost_types::value::Kind;
use prost_types::{Duration, FieldMask, ListValue, NullValue, Struct, Timestamp, Value};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::read::{FromJson, Map};
use super::reading::Reading;
use super::scalars;
use super::write::{ToJson, leaf, write_number};

/// RFC 3339 with the offset `+00:00` and a fraction only as long as needed: `2025-01-18T14:51:03+00:00`.
impl ToJson for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        let Ok(moment) = jiff::Timestamp::new(self.seconds, self.nanos) else {
            return out.extend_from_slice(b"null");
        };
        out.push(b'"');
        let written = DateTimePrinter::new().print_timestamp_with_offset(&moment, Offset::UTC, &mut *out);
        debug_assert!(written.is_ok(), "memory takes what is written");
        out.push(b'"');
    }
}

pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    let (seconds, nanos) = (moment.as_second(), moment.subsec_nanosecond());
    // Protobuf counts the fraction upwards, also before 1970.
    let (seconds, nanos) = if nanos < 0 { (seconds - 1, nanos + 1_000_000_000) } else { (seconds, nanos) };
    const YEAR_1: i64 = -62_135_596_800;
    (seconds >= YEAR_1).then_some(Timestamp { seconds, nanos })
}

/// Seconds with an `s`: `1.5s`.
impl ToJson for Duration {
    fn write(&self, out: &mut Vec<u8>) {
        let sign = if self.seconds < 0 || self.nanos < 0 { "-" } else { "" };
        let fraction = format!("{:09}", self.nanos.unsigned_abs());
        let (dot, fraction) = match fraction.trim_end_matches('0') {
            "" => ("", ""),
            fraction => (".", fraction),
        };
        leaf(out, &format_args!("{sign}{}{dot}{fraction}s", self.seconds.unsigned_abs()));
    }
}

pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    Some(Duration { seconds: sign * seconds, nanos: i32::try_from(sign).ok()? * nanos })
}

/// Paths with commas between them, in the spelling of the proto.
impl ToJson for FieldMask {
    fn write(&self, out: &mut Vec<u8>) {
        leaf(out, &self.paths.join(","));
    }
}

/// Paths in either spelling.
pub(super) fn parse_field_mask(text: &str) -> Option<FieldMask> {
    let is_path = |path: &str| {
        !path.is_empty() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
    };
    let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
    let paths: Vec<String> =
        paths.map(|path| is_path(path).then(|| snake_case(path))).collect::<Option<_>>()?;
    Some(FieldMask { paths })
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}

impl ToJson for Struct {
    fn write(&self, out: &mut Vec<u8>) {
        self.fields.write(out);
    }
}

impl ToJson for ListValue {
    fn write(&self, out: &mut Vec<u8>) {
        self.values.write(out);
    }
}

impl ToJson for Value {
    fn write(&self, out: &mut Vec<u8>) {
        match &self.kind {
            None | Some(Kind::NullValue(_)) => out.extend_from_slice(b"null"),
            Some(Kind::NumberValue(number)) => write_number(out, *number),
            Some(Kind::StringValue(text)) => text.write(out),
            Some(Kind::BoolValue(value)) => value.write(out),
            Some(Kind::StructValue(fields)) => fields.write(out),
            Some(Kind::ListValue(list)) => list.write(out),
        }
    }
}

/// Deeper values could be stored and then not be read by gRPC clients: protobuf gives up at 100 messages, and one level
/// here is up to three of them.
const DEEPEST: u32 = 32;

impl FromJson for Struct {
    const CLEARABLE: bool = false;
    const MUST: &'static str = "must be an object";

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        BTreeMap::<String, Value>::read(from, reading).map(|fields| Self { fields })
    }
}

impl FromJson for ListValue {
    const MUST: &'static str = "must be an array";

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        Vec::<Value>::read(from, reading).map(|values| Self { values })
    }
}

impl FromJson for Value {
    const MUST: &'static str = "must be a value";

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        let kind = from.deserialize_any(AnyValue(reading))?;
        Ok(Self { kind: Some(kind) })
    }
}

struct AnyValue<'r>(&'r mut Reading);

impl AnyValue<'_> {
    fn deeper<T, E: serde::de::Error>(self, read: impl FnOnce(&mut Reading) -> Result<T, E>) -> Result<T, E> {
        if self.0.depth >= DEEPEST {
            return Err(self.0.refuse("is nested too deeply"));
        }
        self.0.depth += 1;
        let value = read(self.0);
        self.0.depth -= 1;
        value
    }
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Value::MUST)
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::NullValue(NullValue::NullValue.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::BoolValue(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "a protobuf Value holds numbers as f64, like JavaScript")]
    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "a protobuf Value holds numbers as f64, like JavaScript")]
    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Kind, E> {
        scalars::text(value).map(Kind::StringValue).map_err(|refusal| self.0.refuse(refusal))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Kind, A::Error> {
        let values = self.deeper(|reading| super::read::List(reading, PhantomData).visit_seq(items))?;
        Ok(Kind::ListValue(ListValue { values }))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Kind, A::Error> {
        let fields = self.deeper(|reading| Map(reading, PhantomData).visit_map(members))?;
        Ok(Kind::StructValue(Struct { fields }))
    }
}

/// A value that nobody asked for: read only for its mistakes.
pub(super) struct Skipped;

impl FromJson for Skipped {
    const MUST: &'static str = Value::MUST;

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        from.deserialize_any(SkippedVisitor(reading)).map(|()| Self)
    }
}

struct SkippedVisitor<'r>(&'r mut Reading);

impl<'de> Visitor<'de> for SkippedVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Value::MUST)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        scalars::text(value).map(drop).map_err(|refusal| self.0.refuse(refusal))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        super::read::List::<Skipped>(self.0, PhantomData).visit_seq(items).map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        Map::<String, Skipped>(self.0, PhantomData).visit_map(members).map(drop)
    }
}
