//! Names of what prost and tonic generate, and how the runtime reads, binds and writes a field of each type.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::rules::{is_own_message, json_option};

/// The path of a message's type.
pub fn message_type(message: &MessageDescriptor) -> String {
    match message.full_name() {
        "google.protobuf.Empty" => "()".to_owned(),
        name => type_path(message.package_name(), name),
    }
}

fn type_path(package: &str, full_name: &str) -> String {
    let relative = full_name.strip_prefix(package).unwrap_or(full_name).trim_start_matches('.');
    let mut parts: Vec<&str> = relative.split('.').collect();
    let name = parts.pop().unwrap_or_default().to_upper_camel_case();
    let modules: String = parts.iter().map(|part| format!("{}::", part.to_snake_case())).collect();
    format!("pb::{modules}{name}")
}

/// The name of a field or method, escaped where Rust has a word like it.
pub fn identifier(name: &str) -> String {
    const KEYWORDS: [&str; 48] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
        "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
        "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
        "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
        "while", "yield",
    ];
    match name.to_snake_case() {
        name if matches!(name.as_str(), "self" | "super" | "crate") => format!("{name}_"),
        name if KEYWORDS.contains(&name.as_str()) => format!("r#{name}"),
        name => name,
    }
}

/// The oneof that a field is a choice of.
pub fn choice(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}

/// The path of a choice's variant.
fn variant(oneof: &OneofDescriptor, field: &FieldDescriptor) -> String {
    let message = type_path(oneof.parent_message().package_name(), oneof.parent_message().full_name());
    let (modules, name) = message.rsplit_once("::").unwrap_or(("pb", &message));
    let (module, choice) = (name.to_snake_case(), oneof.name().to_upper_camel_case());
    format!("{modules}::{module}::{choice}::{}", field.name().to_upper_camel_case())
}

/// The path of the enum behind a field, of a map's values too.
pub fn enum_type(field: &FieldDescriptor) -> Option<String> {
    let kind = value_kind(field);
    let enumeration = kind.as_enum()?;
    Some(type_path(enumeration.package_name(), enumeration.full_name()))
}

/// The message behind a field, of a map's values too, unless it is a well-known type.
pub fn own_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let kind = value_kind(field);
    kind.as_message().filter(|_| is_own_message(&kind)).cloned()
}

fn value_kind(field: &FieldDescriptor) -> Kind {
    let kind = field.kind();
    match kind.as_message() {
        Some(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        Some(_) | None => kind,
    }
}

/// The well-known types that the runtime knows; the others are refused.
pub fn is_supported(field: &FieldDescriptor) -> bool {
    const KNOWN: [&str; 16] = [
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
    value_kind(field)
        .as_message()
        .is_none_or(|message| message.package_name() != "google.protobuf" || KNOWN.contains(&message.name()))
}

/// The expression that reads a member's value from JSON.
pub fn read(field: &FieldDescriptor) -> String {
    match choice(field) {
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), chosen(&oneof, field));
            format!("json::choice(from, reading, &mut self.{slot}, {variant})")
        }
        None if json_option(field, "null_clears") => {
            format!("json::field(from, reading, {}).map(json::Sent::or_cleared)", set(field))
        }
        None if json_option(field, "text_or_list") && !field.is_list() => {
            format!("json::or_empty(from, reading, {})", set(field))
        }
        None => format!("json::field(from, reading, {})", set(field)),
    }
}

/// The expression that reads a whole body as the value of a field of `request`.
pub fn read_root(field: &FieldDescriptor) -> String {
    let set = match choice(field) {
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), chosen(&oneof, field));
            format!("|value| request.{slot} = Some(({variant})(value))")
        }
        None => set(field).replace("self.", "request."),
    };
    format!("json::root(from, reading, {set})")
}

/// The closure that makes a value the chosen one of its oneof.
fn chosen(oneof: &OneofDescriptor, field: &FieldDescriptor) -> String {
    let variant = variant(oneof, field);
    match enum_type(field) {
        Some(name) => format!("|value: json::Named<{name}>| {variant}(value.number())"),
        None if is_boxed(field) => format!("|value| {variant}(Box::new(value))"),
        None => variant,
    }
}

/// The closure that sets a field that is no choice.
fn set(field: &FieldDescriptor) -> String {
    let name = identifier(field.name());
    let named = enum_type(field).map(|name| format!("json::Named<{name}>"));
    match named {
        None if json_option(field, "text_or_list") && field.is_list() => {
            format!("|value: json::TextOrList| self.{name} = value.0")
        }
        None if json_option(field, "text_or_list") => {
            format!("|value: json::TextOrList| self.{name} = Some(value.0.join(\",\"))")
        }
        None if is_boxed(field) => format!("|value| self.{name} = Some(Box::new(value))"),
        None if has_presence(field) => format!("|value| self.{name} = Some(value)"),
        None => format!("|value| self.{name} = value"),
        Some(named) if field.is_map() => {
            let numbers = "value.into_iter().map(|(key, value)| (key, value.number())).collect()";
            format!("|value: std::collections::BTreeMap<_, {named}>| self.{name} = {numbers}")
        }
        Some(named) if field.is_list() => {
            let numbers = "value.into_iter().map(json::Named::number).collect()";
            format!("|value: Vec<{named}>| self.{name} = {numbers}")
        }
        Some(named) if has_presence(field) => format!("|value: {named}| self.{name} = Some(value.number())"),
        Some(named) => format!("|value: {named}| self.{name} = value.number()"),
    }
}

/// The statement that sets a field from a text; none where a text cannot.
pub fn bind(field: &FieldDescriptor) -> Option<String> {
    let name = identifier(field.name());
    let is_scalar = match field.kind().as_message() {
        Some(_) if field.is_map() => false,
        Some(message) if message.package_name() == "google.protobuf" => {
            message.name().ends_with("Value") && !matches!(message.name(), "Value" | "ListValue")
                || matches!(message.name(), "Timestamp" | "Duration" | "FieldMask")
        }
        Some(_) => false,
        None => true,
    };
    if !is_scalar {
        let nested =
            is_own_message(&field.kind()) && !field.is_list() && !field.is_map() && choice(field).is_none();
        let how = if is_boxed(field) { "boxed_message" } else { "message" };
        return nested.then(|| format!("text.{how}(&mut self.{name})?"));
    }
    let take = if field.is_list() { "item" } else { "scalar" };
    let value = match enum_type(field) {
        Some(of) => format!("text.{take}::<json::Named<{of}>>()?.number()"),
        None => format!("text.{take}()?"),
    };
    Some(match choice(field) {
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), variant(&oneof, field));
            format!("text.choose(&mut self.{slot}, |text| Ok({variant}({value})))?")
        }
        None if field.is_list() => format!("self.{name}.push({value})"),
        None if has_presence(field) => format!("self.{name} = Some({value})"),
        None => format!("self.{name} = {value}"),
    })
}

/// The statement that writes a field of `value`, after that text.
pub fn write(field: &FieldDescriptor, before: &str) -> String {
    let place = match choice(field) {
        None => format!("&self.{}", identifier(field.name())),
        Some(oneof) => {
            let (slot, variant) = (identifier(oneof.name()), variant(&oneof, field));
            let value = if enum_type(field).is_some() { "*value" } else { "value" };
            format!("&if let Some({variant}(value)) = &self.{slot} {{ Some({value}) }} else {{ None }}")
        }
    };
    match enum_type(field) {
        Some(of) => format!("json::enumeration::<{of}>(out, {before:?}, {place})"),
        None => format!("json::member(out, {before:?}, {place})"),
    }
}

/// Whether prost wraps the field in an `Option`.
fn has_presence(field: &FieldDescriptor) -> bool {
    !field.is_list() && !field.is_map() && field.supports_presence()
}

/// Whether prost boxes the field: its message leads back to the one it is in.
fn is_boxed(field: &FieldDescriptor) -> bool {
    if field.is_list() || field.is_map() {
        return false;
    }
    let target = field.parent_message().full_name().to_owned();
    let mut open: Vec<MessageDescriptor> = own_message(field).into_iter().collect();
    let mut seen: Vec<String> = Vec::new();
    while let Some(message) = open.pop() {
        if message.full_name() == target {
            return true;
        }
        if !seen.iter().any(|name| name == message.full_name()) {
            seen.push(message.full_name().to_owned());
            open.extend(
                message.fields().filter(|field| !field.is_list()).filter_map(|field| own_message(&field)),
            );
        }
    }
    false
}
