//! Rust expressions that read, bind and write a field of each type, for the runtime in the crate `transcode`.

use prost_reflect::{FieldDescriptor, Kind, OneofDescriptor};

use crate::names::{
    enum_type, identifier, is_boxed, is_optional, is_well_known, oneof, own_message, value_kind, variant,
};
use crate::options::{Constraints, FieldJson};

/// Whether the runtime has JSON for the field's type.
pub(crate) fn is_supported(field: &FieldDescriptor) -> bool {
    const WELL_KNOWN: [&str; 16] = [
        "Timestamp",
        "Duration",
        "FieldMask",
        "Struct",
        "Value",
        "ListValue",
        "Empty",
        "StringValue",
        "BytesValue",
        "BoolValue",
        "Int32Value",
        "Int64Value",
        "UInt32Value",
        "UInt64Value",
        "FloatValue",
        "DoubleValue",
    ];
    let kind = value_kind(field);
    kind.as_message().is_none_or(|message| !is_well_known(message) || WELL_KNOWN.contains(&message.name()))
}

/// The expression that reads the JSON value of a member into `self`.
pub(crate) fn read(field: &FieldDescriptor) -> String {
    let json = FieldJson::of(field);
    match oneof(field) {
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), to_variant(&oneof, field));
            format!("json::choice(from, reading, &mut self.{slot}, {variant})")
        }
        None if json.null_clears => {
            format!("json::field(from, reading, {}).map(json::Sent::or_cleared)", set(field))
        }
        None if json.text_or_list && !field.is_list() => {
            format!("json::or_empty(from, reading, {})", set(field))
        }
        None => format!("json::field(from, reading, {})", set(field)),
    }
}

/// The expression that reads a whole body into a field of `request`.
pub(crate) fn read_root(field: &FieldDescriptor) -> String {
    let set = match oneof(field) {
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), to_variant(&oneof, field));
            format!("|value| request.{slot} = Some(({variant})(value))")
        }
        None => set(field).replace("self.", "request."),
    };
    format!("json::root(from, reading, {set})")
}

/// The function from a value to the variant of its oneof.
fn to_variant(oneof: &OneofDescriptor, field: &FieldDescriptor) -> String {
    let variant = variant(oneof, field);
    match enum_type(field) {
        Some(name) => format!("|value: json::Named<{name}>| {variant}(value.number())"),
        None if is_boxed(field) => format!("|value| {variant}(Box::new(value))"),
        None => variant,
    }
}

/// The closure that sets a field of `self` that is in no oneof.
fn set(field: &FieldDescriptor) -> String {
    let name = identifier(field.name());
    let is_text_or_list = FieldJson::of(field).text_or_list;
    match enum_type(field).map(|name| format!("json::Named<{name}>")) {
        None if is_text_or_list && field.is_list() => {
            format!("|value: json::TextOrList| self.{name} = value.0")
        }
        None if is_text_or_list => {
            format!("|value: json::TextOrList| self.{name} = Some(value.0.join(\",\"))")
        }
        None if is_boxed(field) => format!("|value| self.{name} = Some(Box::new(value))"),
        None if is_in_range(field) && is_optional(field) => {
            format!("|value: json::Saturated<_>| self.{name} = Some(value.0)")
        }
        None if is_in_range(field) => format!("|value: json::Saturated<_>| self.{name} = value.0"),
        None if is_optional(field) => format!("|value| self.{name} = Some(value)"),
        None => format!("|value| self.{name} = value"),
        Some(named) if field.is_map() => {
            let numbers = "value.into_iter().map(|(key, value)| (key, value.number())).collect()";
            format!("|value: std::collections::BTreeMap<_, {named}>| self.{name} = {numbers}")
        }
        Some(named) if field.is_list() => {
            let numbers = "value.into_iter().map(json::Named::number).collect()";
            format!("|value: Vec<{named}>| self.{name} = {numbers}")
        }
        Some(named) if is_optional(field) => format!("|value: {named}| self.{name} = Some(value.number())"),
        Some(named) => format!("|value: {named}| self.{name} = value.number()"),
    }
}

/// The statement that sets a field from text; none where the type has no text form.
pub(crate) fn bind(field: &FieldDescriptor) -> Option<String> {
    let name = identifier(field.name());
    if !has_text_form(field) {
        let is_nested = own_message(field).is_some() && !field.is_list() && !field.is_map();
        let function = if is_boxed(field) { "boxed_message" } else { "message" };
        return (is_nested && oneof(field).is_none()).then(|| format!("text.{function}(&mut self.{name})?"));
    }
    let take = if field.is_list() { "item" } else { "scalar" };
    let value = match enum_type(field) {
        Some(of) => format!("text.{take}::<json::Named<{of}>>()?.number()"),
        None if is_in_range(field) => format!("text.{take}::<json::Saturated<_>>()?.0"),
        None => format!("text.{take}()?"),
    };
    Some(match oneof(field) {
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), variant(&oneof, field));
            format!("text.choose(&mut self.{slot}, |text| Ok({variant}({value})))?")
        }
        None if field.is_list() => format!("self.{name}.push({value})"),
        None if is_optional(field) => format!("self.{name} = Some({value})"),
        None => format!("self.{name} = {value}"),
    })
}

/// Whether it is an integer with a smallest and a largest value: `validate` rejects others, whether or not its type has them.
fn is_in_range(field: &FieldDescriptor) -> bool {
    let Constraints { min, max, check, .. } = Constraints::of(field);
    let is_one = !field.is_list() && !field.is_map() && oneof(field).is_none();
    let is_signed = matches!(
        field.kind(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Int64 | Kind::Sint64 | Kind::Sfixed64
    );
    is_one && is_signed && check.is_empty() && min.is_some() && max.is_some()
}

fn has_text_form(field: &FieldDescriptor) -> bool {
    let kind = field.kind();
    let Some(message) = kind.as_message() else { return true };
    let is_wrapper = message.name().ends_with("Value") && !matches!(message.name(), "Value" | "ListValue");
    let is_scalar = is_wrapper || matches!(message.name(), "Timestamp" | "Duration" | "FieldMask");
    is_well_known(message) && is_scalar && !field.is_map()
}

/// The statement that writes a field of `of`, after the JSON text `before`.
pub(crate) fn write(field: &FieldDescriptor, of: &str, before: &str) -> String {
    let place = match oneof(field) {
        None => format!("&{of}.{}", identifier(field.name())),
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), variant(&oneof, field));
            let value = if enum_type(field).is_some() { "*value" } else { "value" };
            format!("&if let Some({variant}(value)) = &{of}.{slot} {{ Some({value}) }} else {{ None }}")
        }
    };
    let write = match enum_type(field) {
        Some(name) => format!("json::enumeration::<{name}>(out, {before:?}, {place})"),
        None => format!("json::member(out, {before:?}, {place})"),
    };
    if !FieldJson::of(field).omitted_when_unset {
        return write;
    }
    match oneof(field) {
        None => format!("if {of}.{}.is_some() {{ {write} }}", identifier(field.name())),
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), variant(&oneof, field));
            format!("if matches!({of}.{slot}, Some({variant}(_))) {{ {write} }}")
        }
    }
}
