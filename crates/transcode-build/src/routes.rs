//! Writes the Rust source that connects the services to the runtime: dialects, and routes with their typed calls.

use std::fmt::Write as _;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, MessageDescriptor};

use crate::error::Error;
use crate::expressions;
use crate::messages::{Messages, request_fields};
use crate::model::{Body, Method, Route, Service};
use crate::names::{identifier, message_type};
use crate::options::Dialect;
use crate::status::status_constant;

/// The source for all services. `pb` is the path of the module that prost and tonic generate.
pub(crate) fn write(services: &[Service], pb: &str) -> Result<String, Error> {
    let mut out = format!(
        "use std::sync::Arc;\n\nuse ::transcode::{{BindError, Binding, Dialect, ErrorEnvelope, Names, RequestBody, Resume, \
         Route, Text, json}};\nuse http::{{Method, StatusCode}};\nuse tonic::Code;\n\nuse {pb} as pb;\n"
    );
    let messages = Messages::of(services)?;
    for service in services {
        let Some(dialect) = &service.dialect else { continue };
        write_dialect(&mut out, service, dialect);
        write_service(&mut out, service);
    }
    messages.write(&mut out);
    Ok(out)
}

fn write_dialect(out: &mut String, service: &Service, dialect: &Dialect) {
    let overrides = dialect.status_overrides.iter().map(|moved| {
        let status = u16::try_from(moved.status).unwrap_or_default();
        format!("(Code::{}, {})", moved.code.to_upper_camel_case(), status_code(status))
    });
    let _ = write!(
        out,
        "
/// The dialect of {full_name}.
pub static {name}: Dialect = Dialect {{
    prefix: {prefix:?},
    names: Names::{names:?},
    errors: ErrorEnvelope::{errors:?},
    patch_null: json::PatchNull::{patch_null:?},
    empty_string_body: {empty},
    status_overrides: &[{overrides}],
    headers: &{headers:?},
}};
",
        full_name = service.descriptor.full_name(),
        name = dialect_name(service),
        prefix = dialect.prefix,
        names = dialect.names(),
        errors = dialect.errors(),
        patch_null = dialect.patch_null(),
        empty = dialect.empty_string_body,
        overrides = overrides.collect::<Vec<_>>().join(", "),
        headers = dialect.headers.iter().map(|header| &header.name).collect::<Vec<_>>(),
    );
}

fn dialect_name(service: &Service) -> String {
    service.descriptor.name().to_shouty_snake_case()
}

fn write_service(out: &mut String, service: &Service) {
    let name = service.descriptor.name();
    let _ = write!(
        out,
        "
/// The REST routes of {full_name}.
pub fn {snake}_routes<S>(service: Arc<S>) -> Vec<Route>
where
    S: pb::{snake}_server::{camel},
{{
    vec![
",
        full_name = service.descriptor.full_name(),
        snake = name.to_snake_case(),
        camel = name.to_upper_camel_case(),
    );
    service.routes().for_each(|route| write_route(out, route));
    out.push_str("    ]\n}\n");
}

fn write_route(out: &mut String, route: Route<'_>) {
    let (method, binding) = (route.method, route.binding);
    let is_stream = method.descriptor.is_server_streaming();
    let variables = binding.variables.iter().map(|fields| format!("{:?}", route.names().spell_path(fields)));
    let _ = write!(
        out,
        "        Route::{constructor}(
            Binding {{
                rpc: {rpc:?},
                method: Method::{http_method},
                template: {template:?},
                variables: &[{variables}],
                dialect: &{dialect},
                body: {body},
                status: {status},
                reply: {reply},
            }},
            {resume}{{
                let service = Arc::clone(&service);
                move |request| {{
                    let service = Arc::clone(&service);
                    async move {{ service.{call}(request).await }}
                }}
            }},
        ),
",
        constructor = if is_stream { "streaming" } else { "new" },
        rpc = method.path(),
        http_method = binding.http_method,
        template = binding.template.to_string(),
        variables = variables.collect::<Vec<_>>().join(", "),
        dialect = dialect_name(route.service),
        body = request_body(route),
        status = status_code(binding.status),
        reply = reply_writer(route),
        resume = if is_stream { format!("{},\n            ", resume(method)) } else { String::new() },
        call = identifier(method.descriptor.name()),
    );
}

/// How a stream is resumed.
fn resume(method: &Method) -> String {
    let Some(field) = &method.resume_field else { return "None".to_owned() };
    let request = message_type(&method.descriptor.input());
    let reply = message_type(&method.descriptor.output());
    let name = identifier(field);
    format!(
        "Some(Resume {{ token: |reply: &{reply}| &reply.{name}, begin: |request: &mut {request}, token| request.{name} = token }})"
    )
}

fn request_body(route: Route<'_>) -> String {
    let request = route.method.descriptor.input();
    match &route.binding.body {
        Body::None => "RequestBody::None".to_owned(),
        Body::Whole => "RequestBody::Whole(json::whole)".to_owned(),
        Body::Patch { resource, mask } => format!(
            "RequestBody::Patch {{ resource: {}, mask: {}, read: json::patch }}",
            index(&request, resource),
            index(&request, mask)
        ),
        Body::Field(field) => format!(
            "RequestBody::Field({}, |request: &mut {}, from, reading| {})",
            index(&request, field),
            message_type(&request),
            expressions::read_root(field)
        ),
    }
}

/// The index of a field among those that a request may set.
fn index(request: &MessageDescriptor, field: &FieldDescriptor) -> usize {
    request_fields(request).position(|known| known == *field).unwrap_or_default()
}

fn reply_writer(route: Route<'_>) -> String {
    let reply = route.method.descriptor.output();
    match &route.binding.response_body {
        Some(field) => {
            let write = expressions::write(field, "reply", "");
            format!("Some(|reply: &{}, out| {write})", message_type(&reply))
        }
        None if reply.full_name() == "google.protobuf.Empty" => "None".to_owned(),
        None => "Some(json::ToJson::write)".to_owned(),
    }
}

/// The constant of a status. The model has no other statuses; an unknown one would not compile.
fn status_code(status: u16) -> String {
    format!("StatusCode::{}", status_constant(status).unwrap_or("UNKNOWN"))
}
