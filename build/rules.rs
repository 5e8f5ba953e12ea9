//! What the build refuses: routes that could not be served, or not be told apart.

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use super::model::{Binding, Method, Problem, Service, problem};

/// Checks every route, alone and beside the others.
pub fn check(services: &[Service]) -> Result<(), Problem> {
    for service in services {
        for method in &service.methods {
            for binding in &method.bindings {
                check_binding(method, binding)?;
                let prefix =
                    service.dialect.as_ref().map_or("", |dialect| dialect.prefix.trim_end_matches('/'));
                let path = binding.template.to_string();
                if !path
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
                {
                    let reason = format!("{path} does not lie under the dialect's prefix `{prefix}`");
                    return Err(problem(&method.descriptor, reason));
                }
            }
        }
    }
    check_prefixes(services)?;
    check_duplicates(services)
}

/// One prefix has one way to say things.
fn check_prefixes(services: &[Service]) -> Result<(), Problem> {
    let mut known: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in services {
        let Some(dialect) = &service.dialect else { continue };
        let first = *known.entry(&dialect.prefix).or_insert(service);
        if first.dialect.as_ref() != Some(dialect)
            && let Some(method) = service.methods.first()
        {
            let reason =
                format!("another dialect under {} than {}", dialect.prefix, first.descriptor.full_name());
            return Err(problem(&method.descriptor, reason));
        }
    }
    Ok(())
}

fn check_duplicates(services: &[Service]) -> Result<(), Problem> {
    let mut known: BTreeMap<(&str, String), &MethodDescriptor> = BTreeMap::new();
    for method in services.iter().flat_map(|service| &service.methods) {
        for binding in &method.bindings {
            let key = (binding.http_method.as_str(), binding.template.shape());
            if let Some(first) = known.insert(key, &method.descriptor) {
                let Binding { http_method, template, .. } = binding;
                let reason = format!(
                    "{http_method} {template} answers the same paths as a route of {}",
                    first.full_name()
                );
                return Err(problem(&method.descriptor, reason));
            }
        }
    }
    Ok(())
}

/// Checks one route against its messages.
pub fn check_binding(method: &Method, binding: &Binding) -> Result<(), Problem> {
    let refuse = |reason: String| Err(problem(&method.descriptor, reason));
    if method.descriptor.is_client_streaming() {
        return refuse("a method that takes a stream cannot have a REST route".to_owned());
    }
    let request = method.descriptor.input();
    if method.descriptor.is_server_streaming()
        && method.descriptor.output().full_name() == "google.protobuf.Empty"
    {
        return refuse("a stream of nothing cannot have a REST route".to_owned());
    }
    if let Some(field) = &method.resume_field {
        let is_text = |message: &MessageDescriptor| {
            let field = message.get_field_by_name(field);
            field.is_some_and(|field| {
                field.kind() == Kind::String
                    && field.cardinality() != Cardinality::Repeated
                    && !field.supports_presence()
            })
        };
        if !method.descriptor.is_server_streaming() {
            return refuse("(resume_field) of a method that answers no stream".to_owned());
        }
        if !is_text(&request) || !is_text(&method.descriptor.output()) {
            return refuse(format!(
                "(resume_field) `{field}` is not a string of both the request and the answer"
            ));
        }
    }
    let mut bound = Vec::new();
    for variable in binding.template.variables() {
        match path_field(&request, &variable.field) {
            Ok(path) if bound.contains(&path) => {
                return refuse(format!("`{}` is bound twice", variable.field));
            }
            Ok(path) => bound.push(path),
            Err(reason) => return refuse(format!("path variable `{}` {reason}", variable.field)),
        }
    }
    if !binding.body.is_empty() {
        if matches!(binding.http_method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS") {
            return refuse(format!("a body on {}", binding.http_method));
        }
        if binding.body != "*" {
            match request.get_field_by_name(&binding.body) {
                None => return refuse(format!("body `{}` names no field", binding.body)),
                Some(field) if is_output_only(&field) => {
                    return refuse(format!("body `{}` names an output-only field", binding.body));
                }
                Some(_) if bound.contains(&binding.body) => {
                    return refuse(format!("body `{}` is a path variable too", binding.body));
                }
                Some(_) => {}
            }
        }
    }
    let reply = method.descriptor.output();
    if !binding.response_body.is_empty() && reply.get_field_by_name(&binding.response_body).is_none() {
        return refuse(format!("response_body `{}` names no field", binding.response_body));
    }
    check_in_patch_body(method, binding)
}

/// What stands beside a resource in the body of a PATCH must not be called like one of its fields.
fn check_in_patch_body(method: &Method, binding: &Binding) -> Result<(), Problem> {
    let request = method.descriptor.input();
    let Some(resource) = patch_resource(binding, &request) else { return Ok(()) };
    let Kind::Message(resource) = resource.kind() else { return Ok(()) };
    let hidden = request.fields().filter(|field| json_option(field, "in_patch_body"));
    let mut hidden =
        hidden.filter(|field| resource.get_field_by_name(field.name()).is_some_and(|f| !is_output_only(&f)));
    match hidden.next() {
        None => Ok(()),
        Some(field) => {
            let reason = format!("`{}` is a field of {} too", field.name(), resource.full_name());
            Err(problem(&method.descriptor, reason))
        }
    }
}

/// The field that a PATCH fills beside a mask: its body is a message of ours, and the request has a field mask.
pub fn patch_resource(binding: &Binding, request: &MessageDescriptor) -> Option<FieldDescriptor> {
    let resource = request.get_field_by_name(&binding.body)?;
    let is_message = !resource.is_list() && is_own_message(&resource.kind());
    (binding.http_method == "PATCH" && is_message && mask(request).is_some()).then_some(resource)
}

/// The field that names what a PATCH changes.
pub fn mask(request: &MessageDescriptor) -> Option<FieldDescriptor> {
    request.fields().find(|field| !field.is_list() && is_message(&field.kind(), "google.protobuf.FieldMask"))
}

fn is_message(kind: &Kind, name: &str) -> bool {
    kind.as_message().is_some_and(|message| message.full_name() == name)
}

/// Whether the kind is a message, and not one of protobuf's well-known types.
pub fn is_own_message(kind: &Kind) -> bool {
    kind.as_message().is_some_and(|message| message.package_name() != "google.protobuf")
}

/// Whether the field is only ever answered.
pub fn is_output_only(field: &FieldDescriptor) -> bool {
    const OUTPUT_ONLY: i32 = 3;
    let Some(extension) =
        field.parent_message().parent_pool().get_extension_by_name("google.api.field_behavior")
    else {
        return false;
    };
    let options = field.options();
    let behaviors = options.get_extension(&extension);
    let behaviors = behaviors.as_list().unwrap_or_default();
    behaviors.iter().any(|behavior| behavior.as_enum_number() == Some(OUTPUT_ONLY))
}

/// Whether `(json)` of the field says so.
pub fn json_option(field: &FieldDescriptor, name: &str) -> bool {
    let Some(extension) = field.parent_message().parent_pool().get_extension_by_name("transcode.v1.json")
    else {
        return false;
    };
    let options = field.options();
    let json = options.get_extension(&extension);
    let value = json.as_message().and_then(|json| json.get_field_by_name(name)?.as_bool());
    value.unwrap_or_default()
}

/// The proto names that lead to a path variable's field, or why it cannot be one.
fn path_field(request: &MessageDescriptor, path: &str) -> Result<String, &'static str> {
    let mut message = request.clone();
    let mut names = path.split('.').peekable();
    let mut found = Vec::new();
    while let Some(name) = names.next() {
        let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
        let field = field.ok_or("names no field")?;
        found.push(field.name().to_owned());
        if field.is_list() || field.is_map() {
            return Err("names a repeated field");
        }
        if is_output_only(&field) {
            return Err("names an output-only field");
        }
        match (field.kind(), names.peek()) {
            (Kind::Message(inner), Some(_)) if is_own_message(&field.kind()) => message = inner,
            (_, Some(_)) => return Err("runs through a field that is no message"),
            (Kind::Message(_), None) => return Err("names a message"),
            (_, None) => {}
        }
    }
    Ok(found.join("."))
}
