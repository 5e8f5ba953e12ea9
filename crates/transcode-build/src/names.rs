//! Rust names of what prost and tonic generate.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

/// The path of a message's type below the module `pb`; `()` for `google.protobuf.Empty`.
pub fn message_type(message: &MessageDescriptor) -> String {
    match message.full_name() {
        "google.protobuf.Empty" => "()".to_owned(),
        name => type_path(message.package_name(), name),
    }
}

/// The path of the enum behind a field, also of a map's values.
pub fn enum_type(field: &FieldDescriptor) -> Option<String> {
    let kind = value_kind(field);
    let enumeration = kind.as_enum()?;
    Some(type_path(enumeration.package_name(), enumeration.full_name()))
}

fn type_path(package: &str, full_name: &str) -> String {
    let relative = full_name.strip_prefix(package).unwrap_or(full_name).trim_start_matches('.');
    let mut parts: Vec<&str> = relative.split('.').collect();
    let name = parts.pop().unwrap_or_default().to_upper_camel_case();
    let modules: String = parts.iter().map(|part| format!("{}::", part.to_snake_case())).collect();
    format!("pb::{modules}{name}")
}

/// The name of a field or method, escaped where it is a Rust keyword.
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

/// The oneof that a field belongs to.
pub fn oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}

/// The path of a oneof's variant.
pub fn variant(oneof: &OneofDescriptor, field: &FieldDescriptor) -> String {
    let message = message_type(oneof.parent_message());
    let (modules, name) = message.rsplit_once("::").unwrap_or(("pb", &message));
    let (module, oneof) = (name.to_snake_case(), oneof.name().to_upper_camel_case());
    format!("{modules}::{module}::{oneof}::{}", field.name().to_upper_camel_case())
}

/// The message behind a field, also of a map's values, unless it is a well-known type.
pub fn own_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    value_kind(field).as_message().filter(|message| !is_well_known(message)).cloned()
}

/// Whether prost wraps the field in an `Option`.
pub fn is_optional(field: &FieldDescriptor) -> bool {
    !field.is_list() && !field.is_map() && field.supports_presence()
}

/// Whether prost boxes the field: its message contains the message that the field is in.
pub fn is_boxed(field: &FieldDescriptor) -> bool {
    if field.is_list() || field.is_map() {
        return false;
    }
    let target = field.parent_message();
    let mut open: Vec<MessageDescriptor> = own_message(field).into_iter().collect();
    let mut seen: Vec<MessageDescriptor> = Vec::new();
    while let Some(message) = open.pop() {
        if message == *target {
            return true;
        }
        if !seen.contains(&message) {
            open.extend(
                message.fields().filter(|field| !field.is_list()).filter_map(|field| own_message(&field)),
            );
            seen.push(message);
        }
    }
    false
}

/// Whether the message is one of protobuf's well-known types.
pub fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}

/// Whether the message is the well-known type of that name.
pub(crate) fn is_google(message: &MessageDescriptor, name: &str) -> bool {
    is_well_known(message) && message.name() == name
}

/// The kind of a field, of a map's values.
pub(crate) fn value_kind(field: &FieldDescriptor) -> Kind {
    let kind = field.kind();
    match kind.as_message() {
        Some(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        Some(_) | None => kind,
    }
}
