//! What the descriptors say of a REST API: its dialect, its routes, and how single fields behave.

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ReflectMessage, ServiceDescriptor, Value,
};

use super::DocumentError;
use crate::pb::{
    Capability,
    rest::{Constraints, Dialect, FieldJson, FieldNames, PatchNull},
};

/// One service with REST routes.
pub(super) struct Api {
    pub(super) service: ServiceDescriptor,
    pub(super) dialect: Dialect,
    pub(super) routes: Vec<Route>,
}

/// One HTTP method on one path, and the RPC behind it.
pub(super) struct Route {
    pub(super) rpc: MethodDescriptor,
    /// Upper case.
    pub(super) method: String,
    pub(super) template: String,
    pub(super) body: Body,
    /// The answer's body, where that is not the whole reply.
    pub(super) response_body: Option<FieldDescriptor>,
    /// Names the route among all: the RPC's name, with a number from its second binding on.
    pub(super) operation_id: String,
    pub(super) capability: Capability,
    /// The status of success.
    pub(super) status: u16,
    /// Whether its stream can be taken up again.
    pub(super) resumes: bool,
}

/// Which part of the request the HTTP body is.
pub(super) enum Body {
    None,
    Whole,
    Field(FieldDescriptor),
}

impl Api {
    /// The field's name as answers spell it.
    pub(super) fn spell<'a>(&self, field: &'a FieldDescriptor) -> &'a str {
        match self.dialect.names() {
            FieldNames::LowerCamel => field.json_name(),
            FieldNames::Proto | FieldNames::Unspecified => field.name(),
        }
    }

    /// Whether `null` says in a partial update that a field is cleared, and not that it was not sent.
    pub(super) fn clears(&self) -> bool {
        self.dialect.patch_null() == PatchNull::Clears
    }

    /// Whether there are versions of what the route reads, changes or removes: a resource, which an action answers, too.
    pub(super) fn has_versions(&self, route: &Route) -> bool {
        let acts_on = |read: &Route| {
            read.method == "GET"
                && read.is_resource()
                && route.template.starts_with(&read.template)
                && read.rpc.output() == route.rpc.output()
        };
        !route.rpc.is_server_streaming() && (route.is_resource() || self.routes.iter().any(acts_on))
    }
}

impl Route {
    /// Whether the path names one thing, and not a collection or an action.
    pub(super) fn is_resource(&self) -> bool {
        self.template.ends_with('}')
    }

    /// Whether it changes something once, and so takes an idempotency key.
    pub(super) fn is_write(&self) -> bool {
        let streams = self.rpc.is_client_streaming() || self.rpc.is_server_streaming();
        self.capability != Capability::Read && self.method != "GET" && !streams
    }

    /// The resource that a partial update takes its new values from.
    pub(super) fn patched(&self) -> Option<&FieldDescriptor> {
        match &self.body {
            Body::Field(field) if self.method == "PATCH" => Some(field),
            Body::None | Body::Whole | Body::Field(_) => None,
        }
    }
}

/// All services that declare a dialect, in the order of the files.
pub(super) fn read(pool: &DescriptorPool) -> Result<Vec<Api>, DocumentError> {
    let mut apis = Vec::new();
    for service in pool.services() {
        let Some(dialect) = option(pool, service.options(), "transcode.v1.dialect")? else { continue };
        let mut routes = Vec::new();
        for rpc in service.methods() {
            routes.extend(routes_of(pool, &rpc)?);
        }
        apis.push(Api { service, dialect, routes });
    }
    Ok(apis)
}

fn routes_of(pool: &DescriptorPool, rpc: &MethodDescriptor) -> Result<Vec<Route>, DocumentError> {
    let Some(Value::Message(first)) = extension(pool, &rpc.options(), "google.api.http") else {
        return Ok(Vec::new());
    };
    let more = match first.get_field_by_name("additional_bindings").as_deref() {
        Some(Value::List(rules)) => rules.clone(),
        _ => Vec::new(),
    };
    let more = more.into_iter().filter_map(|rule| rule.as_message().cloned());
    let rules = std::iter::once(first).chain(more);
    rules.enumerate().map(|(index, rule)| route(pool, rpc, &rule, index)).collect()
}

fn route(
    pool: &DescriptorPool,
    rpc: &MethodDescriptor,
    rule: &DynamicMessage,
    index: usize,
) -> Result<Route, DocumentError> {
    let malformed = || DocumentError::Option(format!("google.api.http of {}", rpc.full_name()));
    let (method, template) = pattern(rule).ok_or_else(malformed)?;
    let body = match text(rule, "body").as_str() {
        "" => Body::None,
        "*" => Body::Whole,
        name => Body::Field(rpc.input().get_field_by_name(name).ok_or_else(malformed)?),
    };
    let response_body = match text(rule, "response_body").as_str() {
        "" => None,
        name => Some(rpc.output().get_field_by_name(name).ok_or_else(malformed)?),
    };
    let number = |name| extension(pool, &rpc.options(), name).and_then(|value| enum_or_int(&value));
    let declared = number("transcode.v1.success_status").and_then(|status| u16::try_from(status).ok());
    let usual = if rpc.output().full_name() == "google.protobuf.Empty" { 204 } else { 200 };
    let capability = number("switchboard.v1.capability").and_then(|value| Capability::try_from(value).ok());
    Ok(Route {
        rpc: rpc.clone(),
        method,
        template,
        body,
        response_body,
        operation_id: match index {
            0 => rpc.name().to_owned(),
            _ => format!("{}{}", rpc.name(), index + 1),
        },
        capability: capability.unwrap_or_default(),
        status: declared.unwrap_or(usual),
        resumes: extension(pool, &rpc.options(), "transcode.v1.resume_field").is_some(),
    })
}

/// HTTP method and path template of a rule.
fn pattern(rule: &DynamicMessage) -> Option<(String, String)> {
    let pattern = rule.descriptor().oneofs().find(|oneof| oneof.name() == "pattern")?;
    let field = pattern.fields().find(|field| rule.has_field(field))?;
    let value = rule.get_field(&field);
    match value.as_message() {
        Some(custom) => Some((text(custom, "kind").to_ascii_uppercase(), text(custom, "path"))),
        None => Some((field.name().to_ascii_uppercase(), value.as_str()?.to_owned())),
    }
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.as_deref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn enum_or_int(value: &Value) -> Option<i32> {
    value.as_enum_number().or_else(|| value.as_i32())
}

fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn option<T: Message + Default>(
    pool: &DescriptorPool,
    options: DynamicMessage,
    name: &str,
) -> Result<Option<T>, DocumentError> {
    let Some(value) = extension(pool, &options, name) else { return Ok(None) };
    let message = value.as_message().and_then(|message| message.transcode_to().ok());
    message.map(Some).ok_or_else(|| DocumentError::Option(name.to_owned()))
}

/// How the field's JSON differs from its type's.
pub(super) fn field_json(field: &FieldDescriptor) -> FieldJson {
    let json = option(field.parent_pool(), field.options(), "transcode.v1.json");
    json.ok().flatten().unwrap_or_default()
}

/// What the field may hold.
pub(super) fn field_values(field: &FieldDescriptor) -> Constraints {
    let values = option(field.parent_pool(), field.options(), "transcode.v1.constraints");
    values.ok().flatten().unwrap_or_default()
}

/// What the message's fields may hold together, as JSON Schema.
pub(super) fn message_together(message: &MessageDescriptor) -> Option<serde_json::Value> {
    let together = extension(message.parent_pool(), &message.options(), "transcode.v1.json_schema")?;
    serde_json::from_str(together.as_str()?).ok()
}

/// Whether the field holds entries by their keys, which are changed one by one.
pub(super) fn is_keyed(field: &FieldDescriptor) -> bool {
    let is_struct =
        |kind: Kind| kind.as_message().is_some_and(|message| message.full_name() == "google.protobuf.Struct");
    field.is_map() || is_struct(field.kind()) && !field.is_list()
}

/// The behaviours of AIP-203 that decide where a field is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    Required = 2,
    OutputOnly = 3,
    InputOnly = 4,
}

/// Whether the field is annotated with that behaviour.
pub(super) fn behaves(field: &FieldDescriptor, behavior: Behavior) -> bool {
    let annotated = extension(field.parent_pool(), &field.options(), "google.api.field_behavior");
    let Some(Value::List(behaviors)) = annotated else { return false };
    behaviors.iter().any(|value| value.as_enum_number() == Some(behavior as i32))
}
