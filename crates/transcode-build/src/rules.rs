//! Rejects routes that cannot be served or are ambiguous.

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, Kind, MessageDescriptor};

use crate::error::Error;
use crate::model::{Body, Method, Route, Service};
use crate::names::own_message;
use crate::options::{Behavior, Dialect, FieldJson};

/// Checks every route, alone and beside the others.
pub(crate) fn check(services: &[Service]) -> Result<(), Error> {
    for service in services {
        for route in service.routes() {
            let checks = [check_streams, check_resume_field, check_prefix, check_patch_body];
            checks
                .iter()
                .try_for_each(|check| check(&route))
                .map_err(|reason| Error::method(&route.method.descriptor, reason))?;
        }
    }
    check_dialects(services)?;
    check_duplicates(services)
}

fn check_streams(route: &Route<'_>) -> Result<(), String> {
    let method = &route.method.descriptor;
    if method.is_client_streaming() {
        return Err("a method with a request stream cannot have a REST route".to_owned());
    }
    if method.is_server_streaming() && method.output().full_name() == "google.protobuf.Empty" {
        return Err("a stream of google.protobuf.Empty cannot have a REST route".to_owned());
    }
    Ok(())
}

fn check_resume_field(route: &Route<'_>) -> Result<(), String> {
    let Method { descriptor, resume_field: Some(name), .. } = route.method else { return Ok(()) };
    let is_plain_text = |message: MessageDescriptor| {
        message.get_field_by_name(name).is_some_and(|field| {
            field.kind() == Kind::String
                && field.cardinality() != Cardinality::Repeated
                && !field.supports_presence()
        })
    };
    if !descriptor.is_server_streaming() {
        return Err("(transcode.v1.resume_field) on a method without a response stream".to_owned());
    }
    if !is_plain_text(descriptor.input()) || !is_plain_text(descriptor.output()) {
        return Err(format!(
            "(transcode.v1.resume_field): `{name}` must be a string field of the request and the response"
        ));
    }
    Ok(())
}

fn check_prefix(route: &Route<'_>) -> Result<(), String> {
    let prefix = route.dialect.prefix.trim_end_matches('/');
    let path = route.binding.template.to_string();
    match path.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', ':']) => Ok(()),
        _ => Err(format!("{path} is not under the dialect's prefix `{prefix}`")),
    }
}

/// A request field in the body of a PATCH must not have the name of one of the resource's fields.
fn check_patch_body(route: &Route<'_>) -> Result<(), String> {
    let Body::Patch { resource, .. } = &route.binding.body else { return Ok(()) };
    let Some(message) = own_message(resource) else { return Ok(()) };
    let beside = route.method.descriptor.input();
    let hidden = beside.fields().filter(|field| FieldJson::of(field).in_patch_body).find(|field| {
        let same = message.get_field_by_name(field.name());
        same.is_some_and(|same| !Behavior::OutputOnly.applies_to(&same))
    });
    match hidden {
        None => Ok(()),
        Some(field) => Err(format!("`{}` is a field of {} too", field.name(), message.full_name())),
    }
}

/// Services with the same prefix must have the same dialect.
fn check_dialects(services: &[Service]) -> Result<(), Error> {
    let mut known: BTreeMap<&str, (&Service, &Dialect)> = BTreeMap::new();
    for service in services {
        let Some(dialect) = &service.dialect else { continue };
        let (first, same) = *known.entry(&dialect.prefix).or_insert((service, dialect));
        if same != dialect {
            let reason = format!(
                "(transcode.v1.dialect): {} must have the dialect of {}",
                dialect.prefix,
                first.descriptor.full_name()
            );
            return Err(Error::service(&service.descriptor, reason));
        }
    }
    Ok(())
}

fn check_duplicates(services: &[Service]) -> Result<(), Error> {
    let mut known = BTreeMap::new();
    for route in services.iter().flat_map(Service::routes) {
        let (binding, method) = (route.binding, &route.method.descriptor);
        if let Some(first) = known.insert((binding.http_method, binding.template.shape()), method) {
            let reason = format!(
                "{} {} matches the same paths as a route of {}",
                binding.http_method,
                binding.template,
                first.full_name()
            );
            return Err(Error::method(method, reason));
        }
    }
    Ok(())
}
