//! Writes how messages look as JSON and how requests are filled: one small `impl` per message that REST shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::generate::{line, readable};
use super::model::{Method, Names, Problem, Service, place, problem};
use super::rules::{is_output_only, json_option, mask, patch_resource};
use super::rust;

/// The messages that REST shows, each with its dialect's names.
#[derive(Default)]
pub struct Messages {
    asked: BTreeMap<String, (MessageDescriptor, Names)>,
    answered: BTreeMap<String, (MessageDescriptor, Names)>,
    enums: BTreeMap<String, ()>,
}

impl Messages {
    pub fn add(&mut self, method: &Method, names: Names) -> Result<(), Problem> {
        self.visit(method, method.descriptor.input(), names, true)?;
        self.visit(method, method.descriptor.output(), names, false)
    }

    fn visit(
        &mut self,
        method: &Method,
        message: MessageDescriptor,
        names: Names,
        asked: bool,
    ) -> Result<(), Problem> {
        if message.package_name() == "google.protobuf" {
            let fine = message.name() == "Empty";
            return if fine {
                Ok(())
            } else {
                Err(problem(&method.descriptor, "a well-known type as request or reply"))
            };
        }
        let key = message.full_name().to_owned();
        let others = [self.asked.get(&key), self.answered.get(&key)];
        if others.into_iter().flatten().any(|(_, known)| *known != names) {
            let reason = format!("{key} is in the JSON of two APIs with different names");
            return Err(Problem { place: place(&message.parent_file(), message.path()), reason });
        }
        let known = if asked { &mut self.asked } else { &mut self.answered };
        if known.insert(key, (message.clone(), names)).is_some() {
            return Ok(());
        }
        for field in message.fields().filter(|field| !asked || !is_output_only(field)) {
            if !rust::is_supported(&field) {
                let reason = format!("{} has a type without JSON here", field.full_name());
                return Err(Problem { place: place(&message.parent_file(), field.path()), reason });
            }
            self.enums.extend(rust::enum_type(&field).map(|name| (name, ())));
            if let Some(inner) = rust::own_message(&field) {
                self.visit(method, inner, names, asked)?;
            }
        }
        Ok(())
    }

    pub fn write(&self, out: &mut String, services: &[Service]) -> Result<(), Problem> {
        for name in self.enums.keys() {
            let _ = write!(
                out,
                "\nimpl json::Enum for {name} {{\n    fn name(number: i32) -> Option<&'static str> {{\n        \
                 Self::try_from(number).ok().map(|value| value.as_str_name())\n    }}\n\n    \
                 fn number(name: &str) -> Option<i32> {{\n        Self::from_str_name(name).map(i32::from)\n    }}\n}}\n",
            );
        }
        for (message, names) in self.answered.values() {
            write_to_json(out, message, *names);
        }
        for (message, names) in self.asked.values() {
            write_fields(out, message, *names);
        }
        let mut patched: BTreeMap<String, String> = BTreeMap::new();
        for method in services.iter().flat_map(|service| &service.methods) {
            let request = method.descriptor.input();
            for resource in method.bindings.iter().filter_map(|binding| patch_resource(binding, &request)) {
                match patched.insert(request.full_name().to_owned(), resource.name().to_owned()) {
                    None => write_patchable(out, &request, &resource),
                    Some(known) if known == resource.name() => {}
                    Some(_) => return Err(problem(&method.descriptor, "two PATCH bodies in one request")),
                }
            }
        }
        Ok(())
    }
}

fn write_to_json(out: &mut String, message: &MessageDescriptor, names: Names) {
    let name = rust::message_type(message);
    let _ = write!(out, "\nimpl json::ToJson for {name} {{\n    fn write(&self, out: &mut Vec<u8>) {{\n");
    for (index, field) in message.fields().enumerate() {
        let before = format!("{}\"{}\":", if index == 0 { '{' } else { ',' }, names.of(&field));
        line(out, 2, &format!("{};", rust::write(&field, &before)));
    }
    let end = if message.fields().len() == 0 { "{}" } else { "}" };
    line(out, 2, &format!("out.extend_from_slice(b{end:?});"));
    out.push_str("    }\n}\n");
}

fn write_fields(out: &mut String, message: &MessageDescriptor, names: Names) {
    let name = rust::message_type(message);
    let fields: Vec<FieldDescriptor> = readable(message).collect();
    let _ = write!(out, "\nimpl json::Fields for {name} {{\n    const FIELDS: &'static [json::Field] = &[\n");
    for field in &fields {
        line(out, 2, &format!("json::Field {{ name: {:?}, proto: {:?} }},", names.of(field), field.name()));
    }
    out.push_str("    ];\n\n    fn index(name: &str) -> Option<usize> {\n        match name {\n");
    for (index, field) in fields.iter().enumerate() {
        let mut spellings = vec![format!("{:?}", field.name())];
        if field.json_name() != field.name() {
            spellings.push(format!("{:?}", field.json_name()));
        }
        line(out, 3, &format!("{} => Some({index}),", spellings.join(" | ")));
    }
    out.push_str(
        "            _ => None,\n        }\n    }\n\n    fn read<'de, A: serde::de::MapAccess<'de>>(\n        &mut self,\n        \
         field: usize,\n        from: &mut A,\n        reading: &mut json::Reading,\n    \
         ) -> Result<json::Sent, A::Error> {\n        match field {\n",
    );
    for (index, field) in fields.iter().enumerate() {
        line(out, 3, &format!("{index} => {},", rust::read(field)));
    }
    out.push_str(
        "            _ => Ok(json::Sent::Unnamed),\n        }\n    }\n\n    \
         fn bind(&mut self, field: usize, text: &mut Text<'_>) -> Result<(), BindError> {\n        match field {\n",
    );
    for (index, field) in fields.iter().enumerate() {
        if let Some(bind) = rust::bind(field) {
            line(out, 3, &format!("{index} => {bind},"));
        }
    }
    out.push_str("            _ => return Err(BindError::Unknown),\n        }\n        Ok(())\n    }\n}\n");
}

fn write_patchable(out: &mut String, request: &MessageDescriptor, resource: &FieldDescriptor) {
    let Some((message, mask)) = rust::own_message(resource).zip(mask(request)) else { return };
    let beside = readable(request).enumerate().filter(|(_, field)| json_option(field, "in_patch_body"));
    let beside: Vec<String> = beside.map(|(index, _)| index.to_string()).collect();
    let (resource, mask) = (rust::identifier(resource.name()), rust::identifier(mask.name()));
    let _ = write!(
        out,
        "\nimpl json::Patchable for {} {{\n    type Resource = {};\n    const BESIDE: &'static [usize] = &[{}];\n\n    \
         fn resource(&mut self) -> &mut Self::Resource {{\n        self.{resource}.get_or_insert_default()\n    }}\n\n    \
         fn set_mask(&mut self, mask: prost_types::FieldMask) {{\n        self.{mask} = Some(mask);\n    }}\n}}\n",
        rust::message_type(request),
        rust::message_type(&message),
        beside.join(", "),
    );
}
