//! Writes the checks of requests against the constraints of their fields, and the services that apply them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::error::Error;
use crate::model::{Body, Method, Service};
use crate::names::{
    identifier, is_boxed, is_google, is_optional, message_type, oneof, own_message, value_kind, variant,
};
use crate::options::{Behavior, Constraints, FieldJson};

/// The source for all services. `pb` is the path of the module that prost and tonic generate.
pub(crate) fn write(services: &[Service], pb: &str) -> Result<String, Error> {
    let mut out = format!(
        "use std::future::{{Future, ready}};\nuse std::pin::Pin;\n\nuse ::transcode::{{Validate, Validated, Violations, \
         validate}};\nuse tonic::{{Request, Response, Status, Streaming}};\n\nuse {pb} as pb;\n"
    );
    let mut messages = BTreeMap::new();
    for method in services.iter().flat_map(|service| &service.methods).filter(|method| is_checked(method)) {
        collect(&method.descriptor.input(), &patch(method), &mut messages)?;
    }
    write_checks(&mut out, messages.values().map(|(message, _)| message));
    for (message, statements) in messages.values() {
        let _ = write!(
            out,
            "\nimpl<C: Checks> Validate<C> for {} {{\n    fn validate(&self, fields: &mut Violations) {{\n{statements}    }}\n}}\n",
            message_type(message)
        );
    }
    services.iter().for_each(|service| write_service(&mut out, service));
    Ok(out)
}

/// The trait of the functions in `Constraints::check`, which the service implements.
fn write_checks<'m>(out: &mut String, messages: impl Iterator<Item = &'m MessageDescriptor>) {
    let fields = messages.flat_map(request_fields);
    let checks: BTreeMap<String, &str> = fields
        .map(|field| (Constraints::of(&field).check, checked_type(&field)))
        .filter(|(check, _)| !check.is_empty())
        .collect();
    out.push_str("\n/// The checks that constraints name. An error is the problem: `must be …`.\n");
    out.push_str("#[allow(missing_docs)]\npub trait Checks: 'static {\n");
    for (check, value) in checks {
        let _ = writeln!(out, "    fn {}(value: &{value}) -> Result<(), String>;", identifier(&check));
    }
    out.push_str("}\n");
}

/// The type of the values that a check of the field takes.
fn checked_type(field: &FieldDescriptor) -> &'static str {
    match value_kind(field) {
        Kind::String if is_text_list(field) => "[String]",
        Kind::String => "str",
        Kind::Bytes => "[u8]",
        Kind::Bool => "bool",
        Kind::Double => "f64",
        Kind::Float => "f32",
        Kind::Uint32 | Kind::Fixed32 => "u32",
        Kind::Uint64 | Kind::Fixed64 => "u64",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "i64",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Enum(_) | Kind::Message(_) => "i32",
    }
}

/// Whether the method has a request with constraints. The messages of a request stream are not checked.
fn is_checked(method: &Method) -> bool {
    !method.descriptor.is_client_streaming() && has_checks(&method.descriptor.input(), &mut Vec::new())
}

/// The resource and mask of a partial update.
fn patch(method: &Method) -> Option<(FieldDescriptor, FieldDescriptor)> {
    method.bindings.iter().find_map(|binding| match &binding.body {
        Body::Patch { resource, mask } => Some((resource.clone(), mask.clone())),
        Body::None | Body::Whole | Body::Field(_) => None,
    })
}

fn request_fields(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> + '_ {
    message.fields().filter(|field| !Behavior::OutputOnly.applies_to(field))
}

fn has_checks(message: &MessageDescriptor, seen: &mut Vec<MessageDescriptor>) -> bool {
    if seen.contains(message) {
        return false;
    }
    seen.push(message.clone());
    request_fields(message).any(|field| {
        is_described(&field)
            || !checks(&field, "").is_empty()
            || !whole(&field).is_empty()
            || own_message(&field).is_some_and(|inner| has_checks(&inner, seen))
    })
}

/// Whether an annotation describes the values that only a function can check.
fn is_described(field: &FieldDescriptor) -> bool {
    let accepted = Constraints::of(field);
    !accepted.pattern.is_empty() || !accepted.formats.is_empty() || accepted.in_future
}

type Checked = BTreeMap<String, (MessageDescriptor, String)>;

/// Adds the statements of a message and of the messages in it.
fn collect(
    message: &MessageDescriptor,
    patch: &Option<(FieldDescriptor, FieldDescriptor)>,
    found: &mut Checked,
) -> Result<(), Error> {
    let key = message.full_name().to_owned();
    if found.contains_key(&key) || !has_checks(message, &mut Vec::new()) {
        return Ok(());
    }
    found.insert(key.clone(), (message.clone(), String::new()));
    let mut statements = String::new();
    for field in request_fields(message) {
        if is_described(&field) && Constraints::of(&field).check.is_empty() {
            return Err(Error::field(&field, "a pattern, format or time in a request needs `check`"));
        }
        match patch {
            Some((resource, mask)) if *resource == field => {
                let (resource, mask) = (identifier(resource.name()), identifier(mask.name()));
                let _ = writeln!(
                    statements,
                    "        if let Some(value) = &self.{resource} {{\n            fields.masked::<C>(value, self.{mask}.as_ref());\n        }}"
                );
            }
            _ => write_field(&mut statements, &field),
        }
        if let Some(inner) = own_message(&field) {
            collect(&inner, &None, found)?;
        }
    }
    found.insert(key, (message.clone(), statements));
    Ok(())
}

fn write_field(out: &mut String, field: &FieldDescriptor) {
    let (name, place) = (field.name(), identifier(field.name()));
    for statement in whole(field) {
        let _ = writeln!(out, "        {statement};");
    }
    let item = if field.is_map() { "{name}.{key}" } else { "{name}[{index}]" }.replace("{name}", name);
    let label = if field.is_list() || field.is_map() {
        format!("format_args!({item:?})")
    } else {
        format!("{name:?}")
    };
    let statements: Vec<String> = match own_message(field) {
        Some(inner) if has_checks(&inner, &mut Vec::new()) => {
            vec![format!("fields.nested::<C>({label}, value)")]
        }
        Some(_) => Vec::new(),
        None => checks(field, &label),
    };
    if statements.is_empty() {
        return;
    }
    let head = if let Some(oneof) = oneof(field) {
        format!("if let Some({}(value)) = &self.{}", variant(&oneof, field), identifier(oneof.name()))
    } else if field.is_map() {
        format!("for (key, value) in &self.{place}")
    } else if field.is_list() {
        format!("for (index, value) in self.{place}.iter().enumerate()")
    } else if is_boxed(field) {
        format!("if let Some(value) = self.{place}.as_deref()")
    } else if is_optional(field) {
        format!("if let Some(value) = &self.{place}")
    } else if Behavior::Required.applies_to(field) {
        format!("let value = &self.{place};")
    } else if matches!(field.kind(), Kind::String | Kind::Bytes) {
        // Without presence, the default value is an absent one.
        format!("if !self.{place}.is_empty()")
    } else {
        format!("if self.{place} != 0")
    };
    let statements = statements.join(";\n            ");
    let _ = match head.strip_prefix("let ") {
        Some(_) => writeln!(out, "        {{\n            {head}\n            {statements};\n        }}"),
        None if head.contains("value") => {
            writeln!(out, "        {head} {{\n            {statements};\n        }}")
        }
        None => writeln!(
            out,
            "        {head} {{\n            let value = &self.{place};\n            {statements};\n        }}"
        ),
    };
}

/// The checks of a field as a whole: that it is there, and how many items it has.
fn whole(field: &FieldDescriptor) -> Vec<String> {
    let (name, place) = (field.name(), identifier(field.name()));
    let is_required = Behavior::Required.applies_to(field);
    let accepted = Constraints::of(field);
    let kind = field.kind();
    let is_struct = kind.as_message().is_some_and(|message| is_google(message, "Struct"));
    let mut statements = Vec::new();
    if is_required && is_optional(field) && oneof(field).is_none() {
        statements.push(format!("fields.required({name:?}, self.{place}.is_some())"));
    }
    let count = match (field.is_list() || field.is_map(), is_struct) {
        (true, _) => format!("self.{place}.len()"),
        (false, true) => format!("self.{place}.as_ref().map_or(0, |value| value.fields.len())"),
        (false, false) => return statements,
    };
    // An empty list that is not required is an absent one.
    let min = if is_required { accepted.min_items } else { 0 };
    if min > 0 || accepted.max_items > 0 {
        statements.push(format!("fields.items({name:?}, {count}, {min}, {})", accepted.max_items));
    }
    if is_text_list(field) && !accepted.check.is_empty() {
        let check = identifier(&accepted.check);
        statements.push(format!("fields.check({name:?}, C::{check}(&self.{place}))"));
    }
    if accepted.unique_items && field.is_list() {
        statements.push(format!("fields.unique({name:?}, &self.{place})"));
    }
    statements
}

/// The checks of one `value` of a field; `label` is the expression of its name.
fn checks(field: &FieldDescriptor, label: &str) -> Vec<String> {
    let Constraints { one_of, min_length, max_length, min, max, check, .. } = Constraints::of(field);
    let kind = value_kind(field);
    let mut statements = Vec::new();
    if !check.is_empty() {
        // It checks everything about the value.
        if !is_text_list(field) {
            statements.push(format!("fields.check({label}, C::{}(value))", identifier(&check)));
        }
    } else if kind == Kind::String {
        if !one_of.is_empty() {
            statements.push(format!("fields.one_of({label}, value, &{one_of:?})"));
        }
        if min_length > 0 || max_length > 0 {
            statements.push(format!("fields.length({label}, value, {min_length}, {max_length})"));
        }
    } else if (min, max) != (None, None) {
        statements.push(format!("fields.range({label}, *value, {min:?}, {max:?})"));
    }
    statements
}

/// Whether the items of a list are parts of one text, and checked together.
fn is_text_list(field: &FieldDescriptor) -> bool {
    field.is_list() && FieldJson::of(field).text_or_list
}

fn write_service(out: &mut String, service: &Service) {
    let name = service.descriptor.name();
    let path = format!("pb::{}_server::{}", name.to_snake_case(), name.to_upper_camel_case());
    let _ = write!(out, "\nimpl<S: {path}, C: Checks> {path} for Validated<S, C> {{");
    service.methods.iter().for_each(|method| write_method(out, method));
    out.push_str("}\n");
}

/// Delegates without another future: `async_trait` boxes the inner one already.
fn write_method(out: &mut String, method: &Method) {
    let (input, output) = (method.descriptor.input(), method.descriptor.output());
    let mut reply = message_type(&output);
    if method.descriptor.is_server_streaming() {
        let stream = format!("{}Stream", method.descriptor.name().to_upper_camel_case());
        let _ = write!(out, "\n    type {stream} = S::{stream};\n");
        reply = format!("Self::{stream}");
    }
    let request = match method.descriptor.is_client_streaming() {
        true => format!("Streaming<{}>", message_type(&input)),
        false => message_type(&input),
    };
    let call = identifier(method.descriptor.name());
    let body = match is_checked(method) {
        true => format!(
            "match validate::<C>(request.get_ref()) {{
            Ok(()) => self.service.{call}(request),
            Err(status) => Box::pin(ready(Err(status))),
        }}"
        ),
        false => format!("self.service.{call}(request)"),
    };
    let _ = write!(
        out,
        "
    fn {call}<'life0, 'async_trait>(
        &'life0 self,
        request: Request<{request}>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<{reply}>, Status>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {{
        {body}
    }}
"
    );
}
