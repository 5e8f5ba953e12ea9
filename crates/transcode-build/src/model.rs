//! The services of compiled protos: methods, REST bindings and what they resolve to.

use heck::ToKebabCase;
use prost_reflect::{FieldDescriptor, MethodDescriptor, ServiceDescriptor};
use transcode_template::Template;

use crate::options::{Dialect, FieldNames};

/// A gRPC service.
pub struct Service {
    /// Its descriptor.
    pub descriptor: ServiceDescriptor,
    /// `(transcode.v1.dialect)`; always there when a method has a REST binding.
    pub dialect: Option<Dialect>,
    /// Its methods, in the order of the file.
    pub methods: Vec<Method>,
}

/// An RPC.
pub struct Method {
    /// Its descriptor.
    pub descriptor: MethodDescriptor,
    /// `(transcode.v1.resume_field)`: the name of a string field of both the request and the response.
    pub resume_field: Option<String>,
    /// Its REST bindings; none where it has no `google.api.http` annotation.
    pub bindings: Vec<Binding>,
}

/// One HTTP method and path template of an RPC.
pub struct Binding {
    /// `GET`, `PUT`, `POST`, `DELETE` or `PATCH`.
    pub http_method: &'static str,
    /// The path template.
    pub template: Template,
    /// For each variable of the template, the request field that it sets: the fields of nested messages, outermost first.
    pub variables: Vec<Vec<FieldDescriptor>>,
    /// The part of the request that the HTTP body is.
    pub body: Body,
    /// The response field that is the HTTP body, where it is not the whole response.
    pub response_body: Option<FieldDescriptor>,
    /// The HTTP status of success.
    pub status: u16,
    /// The RPC's name, with a number from its second binding on.
    pub operation_id: String,
}

/// The part of a request that the HTTP body is.
pub enum Body {
    /// None of it.
    None,
    /// The fields that are not in the path.
    Whole,
    /// One field.
    Field(FieldDescriptor),
    /// The resource of a partial update, with the field mask that its keys fill.
    Patch {
        /// The resource.
        resource: FieldDescriptor,
        /// The `google.protobuf.FieldMask`.
        mask: FieldDescriptor,
    },
}

/// The services with one path prefix, and so one dialect.
pub struct Api<'m> {
    /// `api` of the dialect; else the first service's name in kebab-case, without `-service`.
    pub name: String,
    /// The dialect.
    pub dialect: &'m Dialect,
    /// The services, in the order of their files.
    pub services: Vec<&'m Service>,
}

/// A binding with the method and service it belongs to.
#[derive(Clone, Copy)]
pub struct Route<'m> {
    /// The service.
    pub service: &'m Service,
    /// The service's dialect.
    pub dialect: &'m Dialect,
    /// The method.
    pub method: &'m Method,
    /// The binding.
    pub binding: &'m Binding,
}

impl Service {
    /// The REST routes, in the order of the file.
    pub fn routes(&self) -> impl Iterator<Item = Route<'_>> {
        let methods =
            self.dialect.iter().flat_map(|dialect| self.methods.iter().map(move |method| (dialect, method)));
        methods.flat_map(move |(dialect, method)| {
            let route = move |binding| Route { service: self, dialect, method, binding };
            method.bindings.iter().map(route)
        })
    }
}

impl Method {
    /// The path of the RPC, such as `/library.v1.Library/GetBook`.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.descriptor.parent_service().full_name(), self.descriptor.name())
    }
}

impl<'m> Api<'m> {
    /// Groups services by the prefix of their dialect.
    pub(crate) fn group(services: &'m [Service]) -> Vec<Self> {
        let mut apis: Vec<Self> = Vec::new();
        for service in services {
            let Some(dialect) = &service.dialect else { continue };
            match apis.iter_mut().find(|api| api.dialect.prefix == dialect.prefix) {
                Some(api) => api.services.push(service),
                None => apis.push(Self { name: name(service, dialect), dialect, services: vec![service] }),
            }
        }
        apis
    }

    /// The REST routes of all services.
    pub fn routes(&self) -> impl Iterator<Item = Route<'m>> {
        self.services.iter().flat_map(|service| service.routes())
    }
}

fn name(service: &Service, dialect: &Dialect) -> String {
    let own = service.descriptor.name().to_kebab_case();
    match dialect.api.as_str() {
        "" => own.strip_suffix("-service").unwrap_or(&own).to_owned(),
        api => api.to_owned(),
    }
}

impl Route<'_> {
    /// The spelling of field names in responses.
    pub fn names(&self) -> FieldNames {
        self.dialect.names()
    }

    /// Whether the path identifies one resource, not a collection or an action.
    pub fn is_resource(&self) -> bool {
        self.binding.template.to_string().ends_with('}')
    }

    /// Whether the response may carry the `ETag` of a resource: it is a resource that can be read, or an action on one.
    pub fn has_etag(&self) -> bool {
        let template = self.binding.template.to_string();
        let acts_on = |read: Route<'_>| {
            read.binding.http_method == "GET"
                && read.is_resource()
                && template.starts_with(&read.binding.template.to_string())
                && read.method.descriptor.output() == self.method.descriptor.output()
        };
        let is_stream = self.method.descriptor.is_server_streaming();
        !is_stream && (self.is_resource() || self.service.routes().any(acts_on))
    }
}
