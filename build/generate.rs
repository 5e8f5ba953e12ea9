//! Writes the glue between the services and `src/transcode`: routes with their typed calls.

use std::fmt::Write as _;

use heck::{ToKebabCase, ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::messages::Messages;
use super::model::{Binding, Dialect, Method, Names, Problem, Service, status_constant};
use super::rules::{is_output_only, mask, patch_resource};
use super::rust;

/// `METHODS`: every RPC with the capability it needs. `APIS`: every service with REST routes.
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
                    "Method {{ path: {:?}, capability: Capability::{capability}, is_stream: {} }},",
                    rpc(service, method),
                    method.descriptor.is_server_streaming()
                ),
            );
        }
    }
    out.push_str("];\n");
    out.push_str("\n/// Every service with REST routes.\npub static APIS: &[Api] = &[\n");
    for service in services.iter().filter(|service| service.dialect.is_some()) {
        let name = service.descriptor.name().to_kebab_case();
        let name = name.strip_suffix("-service").unwrap_or(&name);
        line(
            &mut out,
            1,
            &format!("Api {{ name: {name:?}, service: {:?} }},", service.descriptor.full_name()),
        );
    }
    out.push_str("];\n");
    out
}

/// The routes of every service, and how their messages look as JSON.
pub fn routes(services: &[Service]) -> Result<String, Problem> {
    let mut out = String::from(
        "use std::sync::Arc;\n\nuse http::{Method, StatusCode};\nuse tonic::Code;\n\nuse ::transcode::{BindError, Binding, Dialect, ErrorEnvelope, Names, RequestBody, Resume, Route, Text, json};\n\nuse crate::pb;\n",
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

pub fn line(out: &mut String, depth: usize, text: &str) {
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
        "\n/// The words of {}.\npub static {name}: Dialect = Dialect {{\n    prefix: {:?},\n    names: Names::{:?},\n    errors: ErrorEnvelope::{},\n    \
         patch_null: json::PatchNull::{},\n    empty_string_body: {},\n    status_overrides: &[{}],\n    headers: &{:?},\n}};\n",
        service.descriptor.full_name(),
        dialect.prefix,
        dialect.names,
        dialect.errors.to_upper_camel_case(),
        dialect.patch_null.to_upper_camel_case(),
        dialect.empty_string_body,
        overrides.join(", "),
        dialect.headers,
    );
}

/// The constant of a status. The model lets no other through; one would not compile.
fn status_code(status: u16) -> String {
    format!("StatusCode::{}", status_constant(status).unwrap_or("UNKNOWN"))
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
    let streams = method.descriptor.is_server_streaming();
    line(out, 2, if streams { "Route::streaming(" } else { "Route::new(" });
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
    if streams {
        line(out, 3, &format!("{},", resume(method)));
    }
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

/// Where a stream is taken up again.
fn resume(method: &Method) -> String {
    let Some(field) = &method.resume_field else { return "None".to_owned() };
    let (request, reply) =
        (rust::message_type(&method.descriptor.input()), rust::message_type(&method.descriptor.output()));
    let name = rust::identifier(field);
    format!(
        "Some(Resume {{ token: |reply: &{reply}| &reply.{name}, begin: |request: &mut {request}, token| request.{name} = token }})"
    )
}

fn request_body(method: &Method, binding: &Binding) -> String {
    let request = method.descriptor.input();
    let number = |field: &FieldDescriptor| {
        readable(&request).position(|known| known.name() == field.name()).unwrap_or_default()
    };
    match (binding.body.as_str(), request.get_field_by_name(&binding.body)) {
        ("*", _) => "RequestBody::Whole(json::whole)".to_owned(),
        (_, Some(field)) if patch_resource(binding, &request).is_some() => {
            let mask = mask(&request).as_ref().map(number).unwrap_or_default();
            format!("RequestBody::Patch {{ resource: {}, mask: {mask}, read: json::patch }}", number(&field))
        }
        (_, Some(field)) => {
            let reading = format!(
                "|request: &mut {}, from, reading| {}",
                rust::message_type(&request),
                rust::read_root(&field)
            );
            format!("RequestBody::Field({}, {reading})", number(&field))
        }
        (_, None) => "RequestBody::None".to_owned(),
    }
}

fn reply_writer(reply: &MessageDescriptor, binding: &Binding) -> String {
    match reply.get_field_by_name(&binding.response_body) {
        Some(field) => {
            let write = rust::write(&field, "").replace("self.", "reply.");
            format!("Some(|reply: &{}, out| {write})", rust::message_type(reply))
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
pub fn readable(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> + '_ {
    message.fields().filter(|field| !is_output_only(field))
}
