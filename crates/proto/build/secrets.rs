//! Writes the removal of secrets from responses that are stored: of fields with `(switchboard.v1.secret)`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use transcode_build::names::{identifier, is_well_known, message_type, oneof, own_message};
use transcode_build::prost_reflect::{FieldDescriptor, MessageDescriptor};
use transcode_build::{Error, Model};

/// `impl Redact` for each response, and for the messages in it that contain secrets.
pub fn write(model: &Model) -> Result<String, Error> {
    let mut messages = BTreeMap::new();
    for method in model.services().iter().flat_map(|service| &service.methods) {
        collect(method.descriptor.output(), true, &mut messages);
    }
    let mut out = String::new();
    for message in messages.values() {
        let _ = write!(out, "\nimpl Redact for {} {{\n    fn redact(&mut self) {{\n", message_type(message));
        for field in message.fields() {
            if let Some(statement) = statement(&field)? {
                let _ = writeln!(out, "        {statement}");
            }
        }
        out.push_str("    }\n}\n");
    }
    Ok(out)
}

/// Adds the message if it is a response or contains a secret, and the messages in it that contain one.
fn collect(message: MessageDescriptor, is_response: bool, found: &mut BTreeMap<String, MessageDescriptor>) {
    let wanted = is_response || contains_secret(&message, &mut BTreeSet::new());
    if wanted
        && !is_well_known(&message)
        && found.insert(message.full_name().to_owned(), message.clone()).is_none()
    {
        message
            .fields()
            .filter_map(|field| own_message(&field))
            .for_each(|inner| collect(inner, false, found));
    }
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let secret = field.parent_pool().get_extension_by_name("switchboard.v1.secret");
    secret.and_then(|secret| field.options().get_extension(&secret).as_bool()).unwrap_or_default()
}

fn contains_secret(message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
    seen.insert(message.full_name().to_owned())
        && message.fields().any(|field| {
            is_secret(&field) || own_message(&field).is_some_and(|inner| contains_secret(&inner, seen))
        })
}

/// The statement that removes the secrets of a field.
fn statement(field: &FieldDescriptor) -> Result<Option<String>, Error> {
    let inner = own_message(field).is_some_and(|inner| contains_secret(&inner, &mut BTreeSet::new()));
    if !is_secret(field) && !inner {
        return Ok(None);
    }
    if oneof(field).is_some() {
        return Err(Error::field(field, "a secret in a oneof cannot be redacted"));
    }
    let name = identifier(field.name());
    Ok(Some(match (is_secret(field), field.is_map()) {
        (true, _) => format!("self.{name} = Default::default();"),
        (false, true) => format!("self.{name}.values_mut().for_each(|inner| inner.redact());"),
        (false, false) => format!("self.{name}.iter_mut().for_each(|inner| inner.redact());"),
    }))
}
