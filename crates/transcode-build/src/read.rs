//! Reads the model off the descriptors and resolves the names in annotations.

use std::ops::Range;

use prost_reflect::{
    DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};
use transcode_template::Template;

use crate::error::Error;
use crate::expressions;
use crate::model::{Binding, Body, Method, Service};
use crate::names::{is_google, own_message};
use crate::options::google_api::HttpRule;
use crate::options::google_api::http_rule::Pattern;
use crate::options::{Behavior, Dialect, ErrorEnvelope, FieldNames, PatchNull, extension, message};
use crate::status::status_constant;

/// Reads every service, also those without REST bindings.
pub(crate) fn services(pool: &DescriptorPool) -> Result<Vec<Service>, Error> {
    pool.services().map(service).collect()
}

fn service(descriptor: ServiceDescriptor) -> Result<Service, Error> {
    let methods: Vec<Method> = descriptor.methods().map(method).collect::<Result<_, _>>()?;
    let dialect: Option<Dialect> =
        message(descriptor.parent_pool(), &descriptor.options(), "transcode.v1.dialect");
    match &dialect {
        Some(dialect) => check_dialect(dialect)
            .map_err(|reason| Error::service(&descriptor, format!("(transcode.v1.dialect): {reason}")))?,
        None if methods.iter().any(|method| !method.bindings.is_empty()) => {
            return Err(Error::service(&descriptor, "REST routes without (transcode.v1.dialect)"));
        }
        None => {}
    }
    Ok(Service { descriptor, dialect, methods })
}

fn check_dialect(dialect: &Dialect) -> Result<(), String> {
    if dialect.names() == FieldNames::Unspecified {
        return Err("`names` must be set".to_owned());
    }
    if dialect.errors() == ErrorEnvelope::Unspecified {
        return Err("`errors` must be set".to_owned());
    }
    if dialect.patch_null() == PatchNull::Unspecified {
        return Err("`patch_null` must be set".to_owned());
    }
    if !dialect.prefix.starts_with('/') {
        return Err("`prefix` must begin with `/`".to_owned());
    }
    for moved in &dialect.status_overrides {
        if !CODES.contains(&moved.code.as_str()) {
            return Err(format!("`{}` must be the name of a gRPC code", moved.code));
        }
        if known_status(moved.status, 400..600).is_none() {
            return Err(format!("status {} must be a known HTTP error status", moved.status));
        }
    }
    Ok(())
}

/// The gRPC codes of failures.
const CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The status, if it is in the range and the runtime has a constant for it.
fn known_status(status: i32, range: Range<u16>) -> Option<u16> {
    u16::try_from(status).ok().filter(|status| range.contains(status) && status_constant(*status).is_some())
}

fn method(descriptor: MethodDescriptor) -> Result<Method, Error> {
    let (pool, options) = (descriptor.parent_pool(), descriptor.options());
    let resume_field = extension(pool, &options, "transcode.v1.resume_field");
    let resume_field = resume_field.and_then(|field| field.as_str().map(str::to_owned));
    let status = status(&descriptor)?;
    let mut bindings = Vec::new();
    if let Some(first) = message::<HttpRule>(pool, &options, "google.api.http") {
        if first.additional_bindings.iter().any(|rule| !rule.additional_bindings.is_empty()) {
            return Err(Error::method(&descriptor, "additional_bindings inside additional_bindings"));
        }
        for (index, rule) in std::iter::once(&first).chain(&first.additional_bindings).enumerate() {
            let operation_id = match index {
                0 => descriptor.name().to_owned(),
                _ => format!("{}{}", descriptor.name(), index + 1),
            };
            let read = Reader { method: &descriptor, request: descriptor.input() };
            let binding = read.binding(rule, status, operation_id);
            bindings.push(binding.map_err(|reason| Error::method(&descriptor, reason))?);
        }
    }
    Ok(Method { descriptor, resume_field, bindings })
}

fn status(method: &MethodDescriptor) -> Result<u16, Error> {
    let declared = extension(method.parent_pool(), &method.options(), "transcode.v1.success_status");
    let Some(status) = declared.and_then(|status| status.as_i32()) else {
        return Ok(if method.output().full_name() == "google.protobuf.Empty" { 204 } else { 200 });
    };
    let reason = || format!("(transcode.v1.success_status): {status} must be a known HTTP success status");
    known_status(status, 200..300).ok_or_else(|| Error::method(method, reason()))
}

struct Reader<'m> {
    method: &'m MethodDescriptor,
    request: MessageDescriptor,
}

impl Reader<'_> {
    fn binding(&self, rule: &HttpRule, status: u16, operation_id: String) -> Result<Binding, String> {
        let (http_method, template) = match &rule.pattern {
            Some(Pattern::Get(path)) => ("GET", path),
            Some(Pattern::Put(path)) => ("PUT", path),
            Some(Pattern::Post(path)) => ("POST", path),
            Some(Pattern::Delete(path)) => ("DELETE", path),
            Some(Pattern::Patch(path)) => ("PATCH", path),
            Some(Pattern::Custom(_)) => return Err("custom HTTP methods are not served".to_owned()),
            None => return Err("(google.api.http) has no HTTP method and path".to_owned()),
        };
        let template = Template::parse(template).map_err(|error| format!("{template}: {error}"))?;
        let mut variables = Vec::new();
        for variable in template.variables() {
            let fields = self.variable(&variable.field);
            let fields = fields.map_err(|reason| format!("path variable `{}` {reason}", variable.field))?;
            if variables.contains(&fields) {
                return Err(format!("`{}` is bound twice", variable.field));
            }
            variables.push(fields);
        }
        let body = self.body(http_method, &rule.body, &variables)?;
        let response_body = match rule.response_body.as_str() {
            "" => None,
            name => {
                let field = self.method.output().get_field_by_name(name);
                Some(field.ok_or_else(|| format!("response_body `{name}` names no field"))?)
            }
        };
        Ok(Binding { http_method, template, variables, body, response_body, status, operation_id })
    }

    /// The fields that a path variable names, or why it cannot be bound.
    fn variable(&self, path: &str) -> Result<Vec<FieldDescriptor>, &'static str> {
        let mut message = self.request.clone();
        let mut names = path.split('.').peekable();
        let mut fields = Vec::new();
        while let Some(name) = names.next() {
            let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
            let field = field.ok_or("names no field")?;
            if field.is_list() || field.is_map() {
                return Err("names a repeated field");
            }
            if Behavior::OutputOnly.applies_to(&field) {
                return Err("names an output-only field");
            }
            match (own_message(&field), names.peek()) {
                (Some(inner), Some(_)) => message = inner,
                (None, Some(_)) => return Err("leads through a field that is not a message"),
                (Some(_), None) => return Err("names a message"),
                (None, None) => {}
            }
            if expressions::bind(&field).is_none() {
                return Err("names a field that cannot be set from text");
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn body(
        &self,
        http_method: &str,
        name: &str,
        variables: &[Vec<FieldDescriptor>],
    ) -> Result<Body, String> {
        if name.is_empty() {
            return Ok(Body::None);
        }
        if matches!(http_method, "GET" | "DELETE") {
            return Err(format!("a body on {http_method}"));
        }
        if name == "*" {
            return Ok(Body::Whole);
        }
        let field = self.request.get_field_by_name(name);
        let field = field.ok_or_else(|| format!("body `{name}` names no field"))?;
        if Behavior::OutputOnly.applies_to(&field) {
            return Err(format!("body `{name}` names an output-only field"));
        }
        if variables.iter().any(|fields| matches!(fields.as_slice(), [only] if *only == field)) {
            return Err(format!("body `{name}` is a path variable too"));
        }
        let mask = self.request.fields().find(is_mask);
        Ok(
            match mask.filter(|_| http_method == "PATCH" && !field.is_list() && own_message(&field).is_some())
            {
                Some(mask) => Body::Patch { resource: field, mask },
                None => Body::Field(field),
            },
        )
    }
}

fn is_mask(field: &FieldDescriptor) -> bool {
    let is_mask = |kind: &Kind| kind.as_message().is_some_and(|message| is_google(message, "FieldMask"));
    !field.is_list() && is_mask(&field.kind())
}
