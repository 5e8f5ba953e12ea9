//! Writes how an answer loses its secrets before it is kept: the fields marked `debug_redact`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::model::{Method, Problem, Service, place};
use super::rust;

/// `impl Redact` for what the RPCs answer, and for what is inside of it and holds secrets.
pub fn redactions(services: &[Service]) -> Result<String, Problem> {
    let mut messages = BTreeMap::new();
    for answer in services.iter().flat_map(|service| &service.methods).map(answer) {
        collect(answer, true, &mut messages);
    }
    let mut out = String::new();
    for message in messages.values() {
        let name = rust::message_type(message);
        let _ = write!(out, "\nimpl Redact for {name} {{\n    fn redact(&mut self) {{\n");
        for field in message.fields() {
            if let Some(statement) = statement(&field)? {
                let _ = writeln!(out, "        {statement}");
            }
        }
        out.push_str("    }\n}\n");
    }
    Ok(out)
}

fn answer(method: &Method) -> MessageDescriptor {
    method.descriptor.output()
}

/// Notes the message if it is asked for or holds a secret, and those inside of it that do.
fn collect(message: MessageDescriptor, asked_for: bool, found: &mut BTreeMap<String, MessageDescriptor>) {
    let is_ours = message.package_name() != "google.protobuf";
    let wanted = is_ours && (asked_for || holds_secrets(&message, &mut BTreeSet::new()));
    if wanted && found.insert(message.full_name().to_owned(), message.clone()).is_none() {
        message
            .fields()
            .filter_map(|field| rust::own_message(&field))
            .for_each(|inner| collect(inner, false, found));
    }
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let marked = field.options().get_field_by_name("debug_redact").and_then(|value| value.as_bool());
    marked.unwrap_or_default()
}

fn holds_secrets(message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
    seen.insert(message.full_name().to_owned())
        && message.fields().any(|field| {
            is_secret(&field) || rust::own_message(&field).is_some_and(|inner| holds_secrets(&inner, seen))
        })
}

/// What empties the field of its secrets.
fn statement(field: &FieldDescriptor) -> Result<Option<String>, Problem> {
    let inner = rust::own_message(field).is_some_and(|inner| holds_secrets(&inner, &mut BTreeSet::new()));
    if !is_secret(field) && !inner {
        return Ok(None);
    }
    if rust::choice(field).is_some() {
        let reason = format!("{} holds a secret inside a oneof", field.full_name());
        return Err(Problem { place: place(&field.parent_message().parent_file(), field.path()), reason });
    }
    let name = rust::identifier(field.name());
    Ok(Some(match (is_secret(field), field.is_map()) {
        (true, _) => format!("self.{name} = Default::default();"),
        (false, true) => format!("self.{name}.values_mut().for_each(|inner| inner.redact());"),
        (false, false) => format!("self.{name}.iter_mut().for_each(|inner| inner.redact());"),
    }))
}
