//! `google.protobuf.Value`, `Struct` and `ListValue`: JSON of any shape.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, NullValue, Struct, Value};

use super::read::FromJson;
use super::reading::Reading;
use super::tree::{Invalid, Json};
use super::write::{ToJson, write_number};

/// The maximum number of levels of a value.
/// Deeper ones could not be read by gRPC clients: protobuf parsers stop at 100 nested messages, and a level here is up to
/// three messages.
const MAX_DEPTH: usize = 32;

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

impl FromJson for Struct {
    const CLEARABLE: bool = false;
    const EXPECTED: &'static str = "must be an object";

    fn read(json: Json<'_>, _: &mut Reading) -> Result<Self, Invalid> {
        let Json::Object(members) = json else { return Err(Invalid::new(Self::EXPECTED)) };
        fields(members, MAX_DEPTH).map(|fields| Self { fields })
    }
}

impl FromJson for ListValue {
    const EXPECTED: &'static str = "must be an array";

    fn read(json: Json<'_>, _: &mut Reading) -> Result<Self, Invalid> {
        let Json::List(items) = json else { return Err(Invalid::new(Self::EXPECTED)) };
        values(items, MAX_DEPTH).map(|values| Self { values })
    }
}

impl FromJson for Value {
    const EXPECTED: &'static str = "must be a value";

    fn read(json: Json<'_>, _: &mut Reading) -> Result<Self, Invalid> {
        value(json, MAX_DEPTH)
    }
}

/// A value with at most that many levels.
fn value(json: Json<'_>, depth: usize) -> Result<Value, Invalid> {
    let deeper = || depth.checked_sub(1).ok_or_else(|| Invalid::new("is nested too deeply"));
    #[expect(clippy::cast_precision_loss, reason = "a protobuf Value holds numbers as f64, like JavaScript")]
    let kind = match json {
        Json::Null => Kind::NullValue(NullValue::NullValue.into()),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Integer(number) => Kind::NumberValue(number as f64),
        Json::Number(number) => Kind::NumberValue(number),
        Json::String(text) => Kind::StringValue(text.into_owned()),
        Json::List(items) => Kind::ListValue(ListValue { values: values(items, deeper()?)? }),
        Json::Object(members) => Kind::StructValue(Struct { fields: fields(members, deeper()?)? }),
    };
    Ok(Value { kind: Some(kind) })
}

fn values(items: Vec<Json<'_>>, depth: usize) -> Result<Vec<Value>, Invalid> {
    let item = |(index, item)| value(item, depth).map_err(|invalid| invalid.in_item(index));
    items.into_iter().enumerate().map(item).collect()
}

fn fields(members: Vec<(Cow<'_, str>, Json<'_>)>, depth: usize) -> Result<BTreeMap<String, Value>, Invalid> {
    let member = |(name, json): (Cow<'_, str>, Json<'_>)| match value(json, depth) {
        Ok(value) => Ok((name.into_owned(), value)),
        Err(invalid) => Err(invalid.in_member(&name)),
    };
    members.into_iter().map(member).collect()
}
