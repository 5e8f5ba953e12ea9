//! Writes the JSON of messages: an `impl` for each message that a REST request or response contains.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use crate::error::Error;
use crate::expressions;
use crate::model::{Body, Route, Service};
use crate::names::{enum_type, identifier, is_optional, is_well_known, message_type, own_message};
use crate::options::{Behavior, FieldJson, FieldNames};

/// The messages in requests and in responses, each with the spelling of its field names.
#[derive(Default)]
pub(crate) struct Messages {
    requests: BTreeMap<String, (MessageDescriptor, FieldNames)>,
    responses: BTreeMap<String, (MessageDescriptor, FieldNames)>,
    enums: BTreeSet<String>,
    /// The resource and mask of each request of a partial update.
    patches: BTreeMap<String, (MessageDescriptor, FieldDescriptor, FieldDescriptor)>,
}

/// The fields that a request may set.
pub(crate) fn request_fields(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> + '_ {
    message.fields().filter(|field| !Behavior::OutputOnly.applies_to(field))
}

impl Messages {
    /// Collects the messages of all routes.
    pub(crate) fn of(services: &[Service]) -> Result<Self, Error> {
        let mut messages = Self::default();
        for route in services.iter().flat_map(Service::routes) {
            messages.add(route)?;
        }
        Ok(messages)
    }

    fn add(&mut self, route: Route<'_>) -> Result<(), Error> {
        let method = &route.method.descriptor;
        let (request, reply) = (method.input(), method.output());
        for message in [&request, &reply] {
            let is_other = message.package_name() != route.service.descriptor.package_name();
            if is_other && message.full_name() != "google.protobuf.Empty" {
                let reason = format!("{} is of another package than the service", message.full_name());
                return Err(Error::method(method, reason));
            }
        }
        if let Body::Patch { resource, mask } = &route.binding.body {
            let patch = (request.clone(), resource.clone(), mask.clone());
            let known = self.patches.insert(request.full_name().to_owned(), patch);
            if known.is_some_and(|(_, known, _)| known != *resource) {
                return Err(Error::method(method, "one request has two PATCH bodies"));
            }
        }
        self.visit(request, route.names(), true)?;
        self.visit(reply, route.names(), false)
    }

    fn visit(
        &mut self,
        message: MessageDescriptor,
        names: FieldNames,
        in_request: bool,
    ) -> Result<(), Error> {
        if is_well_known(&message) {
            return Ok(());
        }
        let fields: Vec<FieldDescriptor> =
            if in_request { request_fields(&message).collect() } else { message.fields().collect() };
        let key = message.full_name().to_owned();
        let others = [self.requests.get(&key), self.responses.get(&key)];
        // A name of one word has one spelling.
        if let Some(field) = fields.iter().find(|field| field.name() != field.json_name())
            && others.into_iter().flatten().any(|(_, known)| *known != names)
        {
            let reason = format!("{key} is in the JSON of two dialects with different field names");
            return Err(Error::field(field, reason));
        }
        let known = if in_request { &mut self.requests } else { &mut self.responses };
        if known.insert(key, (message, names)).is_some_and(|(_, known)| known == names) {
            return Ok(());
        }
        for field in fields {
            if !expressions::is_supported(&field) {
                return Err(Error::field(&field, "a type without JSON"));
            }
            // Its member begins with a comma.
            let can_be_omitted =
                is_optional(&field) && field.parent_message().fields().next() != Some(field.clone());
            if FieldJson::of(&field).omitted_when_unset && !can_be_omitted {
                return Err(Error::field(
                    &field,
                    "omitted_when_unset needs an optional field after another one",
                ));
            }
            self.enums.extend(enum_type(&field));
            if let Some(inner) = own_message(&field) {
                if inner.package_name() != field.parent_message().package_name() {
                    return Err(Error::field(&field, "a message of another package"));
                }
                self.visit(inner, names, in_request)?;
            }
        }
        Ok(())
    }

    /// Writes the `impl`s.
    pub(crate) fn write(&self, out: &mut String) {
        for name in &self.enums {
            let _ = write!(
                out,
                "
impl json::Enum for {name} {{
    fn name(number: i32) -> Option<&'static str> {{
        Self::try_from(number).ok().map(|value| value.as_str_name())
    }}

    fn number(name: &str) -> Option<i32> {{
        Self::from_str_name(name).map(i32::from)
    }}
}}
"
            );
        }
        self.responses.values().for_each(|(message, names)| write_to_json(out, message, *names));
        self.requests.values().for_each(|(message, names)| write_fields(out, message, *names));
        for (request, resource, mask) in self.patches.values() {
            write_patchable(out, request, resource, mask);
        }
    }
}

fn write_to_json(out: &mut String, message: &MessageDescriptor, names: FieldNames) {
    let name = message_type(message);
    let _ = write!(out, "\nimpl json::ToJson for {name} {{\n    fn write(&self, out: &mut Vec<u8>) {{\n");
    for (index, field) in message.fields().enumerate() {
        let before = format!("{}\"{}\":", if index == 0 { '{' } else { ',' }, names.spell(&field));
        let _ = writeln!(out, "        {};", expressions::write(&field, "self", &before));
    }
    let end = if message.fields().len() == 0 { "{}" } else { "}" };
    let _ = write!(out, "        out.extend_from_slice(b{end:?});\n    }}\n}}\n");
}

fn write_fields(out: &mut String, message: &MessageDescriptor, names: FieldNames) {
    let (mut fields, mut indices, mut reads, mut binds) = Default::default();
    let lines: [&mut String; 4] = [&mut fields, &mut indices, &mut reads, &mut binds];
    let [fields, indices, reads, binds] = lines;
    for (index, field) in request_fields(message).enumerate() {
        let (name, proto, json) = (names.spell(&field), field.name(), field.json_name());
        let _ = write!(fields, "\n        json::Field {{ name: {name:?}, proto: {proto:?} }},");
        let spellings = if proto == json { format!("{proto:?}") } else { format!("{proto:?} | {json:?}") };
        let _ = write!(indices, "\n            {spellings} => Some({index}),");
        let _ = write!(reads, "\n            {index} => {},", expressions::read(&field));
        if let Some(bind) = expressions::bind(&field) {
            let _ = write!(binds, "\n            {index} => {bind},");
        }
    }
    let methods =
        if fields.is_empty() { WITHOUT_FIELDS.to_owned() } else { field_methods(indices, reads, binds) };
    let _ = write!(
        out,
        "
impl json::Fields for {name} {{
    const FIELDS: &'static [json::Field] = &[{fields}
    ];
{methods}}}
",
        name = message_type(message),
    );
}

/// The methods of a message without fields: nothing has an index.
const WITHOUT_FIELDS: &str = "
    fn index(_: &str) -> Option<usize> {
        None
    }

    fn read(&mut self, _: usize, _: json::Json<'_>, _: &mut json::Reading) -> Result<json::Sent, json::Invalid> {
        Ok(json::Sent::Unnamed)
    }

    fn bind(&mut self, _: usize, _: &mut Text<'_>) -> Result<(), BindError> {
        Err(BindError::Unknown)
    }
";

/// The methods that find a field by its name, and read it by its index from JSON and from a path or a query.
fn field_methods(indices: &str, reads: &str, binds: &str) -> String {
    format!(
        "
    fn index(name: &str) -> Option<usize> {{
        match name {{{indices}
            _ => None,
        }}
    }}

    fn read(
        &mut self,
        field: usize,
        from: json::Json<'_>,
        reading: &mut json::Reading,
    ) -> Result<json::Sent, json::Invalid> {{
        match field {{{reads}
            _ => Ok(json::Sent::Unnamed),
        }}
    }}

    fn bind(&mut self, field: usize, text: &mut Text<'_>) -> Result<(), BindError> {{
        match field {{{binds}
            _ => return Err(BindError::Unknown),
        }}
        Ok(())
    }}
"
    )
}

fn write_patchable(
    out: &mut String,
    request: &MessageDescriptor,
    resource: &FieldDescriptor,
    mask: &FieldDescriptor,
) {
    let beside = request_fields(request).enumerate().filter(|(_, field)| FieldJson::of(field).in_patch_body);
    let beside: Vec<usize> = beside.map(|(index, _)| index).collect();
    let _ = write!(
        out,
        "
impl json::Patchable for {request} {{
    type Resource = {message};
    const BESIDE: &'static [usize] = &{beside:?};

    fn resource(&mut self) -> &mut Self::Resource {{
        self.{resource}.get_or_insert_default()
    }}

    fn set_mask(&mut self, mask: prost_types::FieldMask) {{
        self.{mask} = Some(mask);
    }}
}}
",
        request = message_type(request),
        message = own_message(resource).as_ref().map(message_type).unwrap_or_default(),
        resource = identifier(resource.name()),
        mask = identifier(mask.name()),
    );
}
