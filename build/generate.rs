//! Writes the glue between the services and `src/transcode`: routes with their typed calls, and one `impl` per message.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::model::{Binding, Dialect, Method, Names, Problem, Service, place, problem};
use super::rules::{is_output_only, json_option, mask, patch_resource};
use super::rust;

/// `METHODS`: every RPC with the capability it needs.
pub fn methods(services: &[Service]) -> String {
    let mut out = String::from(
        "/// Every RPC, with what the caller must be allowed to do.\npub static METHODS: &[Method] = &[\n",
    );
    for service in services {
        for method in &service.methods {
            let capability = method.capability.strip_prefix("CAPABILITY_").unwrap_or(&method.capability);
            let capability = capability.to_upper_camel_case();
            line(
                &mut out,
                1,
                &format!(
                    "Method {{ path: {:?}, capability: Capability::{capability} }},",
                    rpc(service, method)
                ),
            );
        }
    }
    out.push_str("];\n");
    out
}

/// The routes of every service, and how their messages look as JSON.
pub fn routes(services: &[Service]) -> Result<String, Problem> {
    let mut out = String::from(
        "use std::sync::Arc;\n\nuse http::{Method, StatusCode};\nuse tonic::Code;\n\nuse crate::pb;\n\
         use crate::transcode::{BindError, Binding, Dialect, ErrorEnvelope, RequestBody, Route, Text, json};\n",
    );
    let mut messages = Messages::default();
    for service in services {
        let Some(dialect) = &service.dialect else { continue };
        for method in &service.methods {
            if !method.bindings.is_empty() {
                messages.add(method, dialect.names)?;
            }
        }
        write_dialect(&mut out, service, dialect);
        write_routes(&mut out, service, dialect);
    }
    messages.write(&mut out, services)?;
    Ok(out)
}

fn rpc(service: &Service, method: &Method) -> String {
    format!("/{}/{}", service.descriptor.full_name(), method.descriptor.name())
}

fn line(out: &mut String, depth: usize, text: &str) {
    out.push_str(&"    ".repeat(depth));
    out.push_str(text);
    out.push('\n');
}

fn write_dialect(out: &mut String, service: &Service, dialect: &Dialect) {
    let name = service.descriptor.name().to_shouty_snake_case();
    let overrides = dialect
        .status_overrides
        .iter()
        .map(|(code, status)| format!("(Code::{}, {})", code.to_upper_camel_case(), status_code(*status)));
    let overrides: Vec<String> = overrides.collect();
    let _ = write!(
        out,
        "\n/// The words of {}.\npub static {name}: Dialect = Dialect {{\n    prefix: {:?},\n    errors: ErrorEnvelope::{},\n    \
         patch_null: json::PatchNull::{},\n    empty_string_body: {},\n    status_overrides: &[{}],\n}};\n",
        service.descriptor.full_name(),
        dialect.prefix,
        dialect.errors.to_upper_camel_case(),
        dialect.patch_null.to_upper_camel_case(),
        dialect.empty_string_body,
        overrides.join(", "),
    );
}

/// The constant of `http::StatusCode`; a status without a name would not compile.
fn status_code(status: u16) -> String {
    let name = match status {
        200 => "OK",
        201 => "CREATED",
        202 => "ACCEPTED",
        204 => "NO_CONTENT",
        400 => "BAD_REQUEST",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        410 => "GONE",
        412 => "PRECONDITION_FAILED",
        422 => "UNPROCESSABLE_ENTITY",
        428 => "PRECONDITION_REQUIRED",
        429 => "TOO_MANY_REQUESTS",
        499 => "BAD_REQUEST",
        500 => "INTERNAL_SERVER_ERROR",
        501 => "NOT_IMPLEMENTED",
        503 => "SERVICE_UNAVAILABLE",
        504 => "GATEWAY_TIMEOUT",
        status => return format!("http_status_{status}_is_not_known"),
    };
    format!("StatusCode::{name}")
}

fn write_routes(out: &mut String, service: &Service, dialect: &Dialect) {
    let name = service.descriptor.name();
    let (function, module) = (name.to_snake_case(), format!("{}_server", name.to_snake_case()));
    let _ = write!(
        out,
        "\n/// The REST routes of {}.\npub fn {function}_routes<S>(service: Arc<S>) -> Vec<Route>\nwhere\n    \
         S: pb::{module}::{},\n{{\n    vec![\n",
        service.descriptor.full_name(),
        name.to_upper_camel_case(),
    );
    for method in &service.methods {
        for binding in &method.bindings {
            write_route(out, service, dialect, method, binding);
        }
    }
    out.push_str("    ]\n}\n");
}

fn write_route(out: &mut String, service: &Service, dialect: &Dialect, method: &Method, binding: &Binding) {
    let reply = method.descriptor.output();
    let is_empty = reply.full_name() == "google.protobuf.Empty";
    let status = method.success_status.unwrap_or(if is_empty { 204 } else { 200 });
    let variables = binding.template.variables().iter();
    let variables: Vec<String> = variables
        .map(|variable| {
            format!("{:?}", shown_path(&method.descriptor.input(), &variable.field, dialect.names))
        })
        .collect();
    let http_method = match binding.http_method.as_str() {
        known @ ("GET" | "PUT" | "POST" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS") => {
            format!("Method::{known}")
        }
        other => format!("Method::from_bytes(b{other:?}).unwrap_or_default()"),
    };
    line(out, 2, "Route::new(");
    line(out, 3, "Binding {");
    line(out, 4, &format!("rpc: {:?},", rpc(service, method)));
    line(out, 4, &format!("method: {http_method},"));
    line(out, 4, &format!("template: {:?},", binding.template.to_string()));
    line(out, 4, &format!("variables: &[{}],", variables.join(", ")));
    line(out, 4, &format!("dialect: &{},", service.descriptor.name().to_shouty_snake_case()));
    line(out, 4, &format!("body: {},", request_body(method, binding)));
    line(out, 4, &format!("status: {},", status_code(status)));
    line(out, 4, &format!("reply: {},", reply_writer(&reply, binding)));
    line(out, 3, "},");
    line(out, 3, "{");
    line(out, 4, "let service = Arc::clone(&service);");
    line(out, 4, "move |request| {");
    line(out, 5, "let service = Arc::clone(&service);");
    let call = rust::identifier(method.descriptor.name());
    line(out, 5, &format!("async move {{ service.{call}(request).await }}"));
    line(out, 4, "}");
    line(out, 3, "},");
    line(out, 2, "),");
}

fn request_body(method: &Method, binding: &Binding) -> String {
    let request = method.descriptor.input();
    let number = |field: &FieldDescriptor| {
        readable(&request).position(|known| known.name() == field.name()).unwrap_or_default()
    };
    match (binding.body.as_str(), request.get_field_by_name(&binding.body)) {
        ("*", _) => "RequestBody::Whole(json::whole)".to_owned(),
        (_, Some(field)) if patch_resource(binding, &request).is_some() => {
            format!("RequestBody::Patch({}, json::patch)", number(&field))
        }
        (_, Some(field)) => {
            let reading =
                rust::read(&field).replace("self.", "request.").replace("json::field(", "json::root(");
            format!("RequestBody::Field({}, |request, from, reading| {reading})", number(&field))
        }
        (_, None) => "RequestBody::None".to_owned(),
    }
}

fn reply_writer(reply: &MessageDescriptor, binding: &Binding) -> String {
    match reply.get_field_by_name(&binding.response_body) {
        Some(field) => {
            let write = rust::write(&field, "").replace("self.", "reply.");
            format!("Some(|reply, out| {write})")
        }
        None if reply.full_name() == "google.protobuf.Empty" => "None".to_owned(),
        None => "Some(json::ToJson::write)".to_owned(),
    }
}

/// A field path in the dialect's spelling.
fn shown_path(message: &MessageDescriptor, path: &str, names: Names) -> String {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
    let Some(field) = field else { return path.to_owned() };
    match (rest, field.kind()) {
        (Some(rest), Kind::Message(inner)) => {
            format!("{}.{}", names.of(&field), shown_path(&inner, rest, names))
        }
        (_, _) => names.of(&field),
    }
}

/// The fields that a request may fill.
fn readable(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> + '_ {
    message.fields().filter(|field| !is_output_only(field))
}

/// The messages that REST shows, each with its dialect's names.
#[derive(Default)]
struct Messages {
    asked: BTreeMap<String, (MessageDescriptor, Names)>,
    answered: BTreeMap<String, (MessageDescriptor, Names)>,
    enums: BTreeMap<String, ()>,
}

impl Messages {
    fn add(&mut self, method: &Method, names: Names) -> Result<(), Problem> {
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

    fn write(&self, out: &mut String, services: &[Service]) -> Result<(), Problem> {
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
         fn put(&mut self, resource: Self::Resource, mask: prost_types::FieldMask) {{\n        \
         self.{resource} = Some(resource);\n        self.{mask} = Some(mask);\n    }}\n}}\n",
        rust::message_type(request),
        rust::message_type(&message),
        beside.join(", "),
    );
}
