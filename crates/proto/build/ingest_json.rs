//! Serde attributes for the ingest event messages: the JSON lines of `switchboard import` and `export`.
//!
//! `src/ingest_json.rs` has the functions that these attributes name, and the event itself, whose kind is a key.

use transcode_build::prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

const EVENT: &str = "switchboard.v1.IngestEvent";
const RUNTIME: &str = "crate::ingest_json";

/// Adds the attributes to the configuration that generates the messages.
pub fn configure(config: &mut prost_build::Config, pool: &DescriptorPool) {
    let event = pool.get_message_by_name(EVENT);
    let messages = event.iter().flat_map(|event| event.child_messages());
    for message in messages.filter(|message| !message.is_map_entry()) {
        config.type_attribute(
            format!(".{}", message.full_name()),
            "#[derive(serde::Serialize, serde::Deserialize)]",
        );
        config.type_attribute(format!(".{}", message.full_name()), message_attribute(&message));
        for field in message.fields() {
            config.field_attribute(format!(".{}", field.full_name()), field_attribute(&field));
        }
    }
}

fn message_attribute(message: &MessageDescriptor) -> &'static str {
    // A message that only wraps a list is that list in JSON.
    match message.fields().next() {
        Some(field) if message.fields().len() == 1 && field.is_list() => "#[serde(transparent)]",
        _ => r#"#[serde(default, rename_all = "camelCase", deny_unknown_fields)]"#,
    }
}

fn field_attribute(field: &FieldDescriptor) -> String {
    let mut arguments = vec![match (runtime_module(field), field.supports_presence()) {
        (Some(module), _) => format!("with = \"{RUNTIME}::{module}\""),
        (None, true) => "default".to_owned(),
        (None, false) => format!("deserialize_with = \"{RUNTIME}::or_default\""),
    }];
    arguments.extend(skipped_when(field).map(|function| format!("skip_serializing_if = \"{function}\"")));
    if field.json_name() != field.name() {
        arguments.push(format!("alias = {:?}", field.name()));
    }
    format!("#[serde({})]", arguments.join(", "))
}

/// The module that reads and writes a field's type; `None` where serde's own code does.
fn runtime_module(field: &FieldDescriptor) -> Option<&'static str> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let value = entry.map_entry_value_field().kind();
            let is_json =
                value.as_message().is_some_and(|value| value.full_name() == "google.protobuf.Value");
            is_json.then_some("values")
        }
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => Some("instant"),
            "google.protobuf.FieldMask" => Some("mask"),
            "google.protobuf.Struct" => Some("object"),
            "google.protobuf.Value" => Some("value"),
            _ => None,
        },
        Kind::Enum(enumeration) => match enumeration.name() {
            "ChatType" => Some("chat_type"),
            "ReceiptKind" => Some("receipt_kind"),
            "ConnectionStatus" => Some("connection_status"),
            _ => None,
        },
        Kind::Double
        | Kind::Float
        | Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Fixed32
        | Kind::Fixed64
        | Kind::Sfixed32
        | Kind::Sfixed64
        | Kind::Bool
        | Kind::String
        | Kind::Bytes => None,
    }
}

/// The function by which a field is left out. Identifiers and flags are always written.
fn skipped_when(field: &FieldDescriptor) -> Option<String> {
    if field.is_map() {
        Some("std::collections::BTreeMap::is_empty".to_owned())
    } else if field.is_list() {
        Some("Vec::is_empty".to_owned())
    } else if field.supports_presence() {
        Some("Option::is_none".to_owned())
    } else {
        field.kind().as_enum().map(|_| format!("{RUNTIME}::is_unspecified"))
    }
}
