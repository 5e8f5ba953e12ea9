//! Parameters outside of the body: path variables, query parameters, headers.

use prost_reflect::FieldDescriptor;
use serde_json::{Value, json};

use super::schema::Schemas;
use super::{constraints, example};
use crate::model::{Body, Route};
use crate::names::{is_google, is_well_known, own_message};
use crate::options::{Behavior, FieldJson, RequestHeader};

/// The route's path as OpenAPI writes it.
pub(super) fn path(route: Route<'_>) -> String {
    let template = route.binding.template.to_string();
    let mut names = route.binding.variables.iter().map(|fields| route.names().spell_path(fields));
    let parts = template.split('{').enumerate().map(|(index, part)| match part.split_once('}') {
        Some((_, literal)) if index > 0 => format!("{{{}}}{literal}", names.next().unwrap_or_default()),
        _ => part.to_owned(),
    });
    parts.collect()
}

/// All parameters of an operation.
pub(super) fn of(route: Route<'_>, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let mut parameters = Vec::new();
    let template = &route.binding.template;
    for (variable, fields) in template.variables().iter().zip(&route.binding.variables) {
        let mut parameter = parameter(route, "path", fields, schemas);
        parameter["required"] = json!(true);
        let segments = template.pattern(variable);
        if segments != "*" {
            parameter["schema"]["pattern"] = json!(pattern(&segments));
        }
        parameters.push(parameter);
    }
    parameters.extend(query(route).iter().map(|fields| parameter(route, "query", fields, schemas)));
    parameters.extend(route.dialect.headers.iter().map(header));
    parameters.push(shared_parameter("Prefer"));
    if route.binding.http_method == "GET" && route.has_etag() {
        parameters.push(shared_parameter("IfNoneMatch"));
    }
    if route.method.resume_field.is_some() {
        parameters.push(shared_parameter("LastEventId"));
    }
    parameters
}

/// The parameter of a field, nested in the other fields.
fn parameter(route: Route<'_>, place: &str, fields: &[FieldDescriptor], schemas: &mut Schemas<'_>) -> Value {
    let mut parameter = json!({"name": route.names().spell_path(fields), "in": place});
    if let Some(field) = fields.last() {
        parameter["required"] = json!(Behavior::Required.applies_to(field));
        parameter["description"] = json!(schemas.comment(field));
        parameter["schema"] = schemas.parameter(field);
        if let Some(example) = example::sent(route.names(), field) {
            parameter["example"] = example;
        }
    }
    parameter
}

/// A header that every method of the service reads.
fn header(header: &RequestHeader) -> Value {
    let accepted = header.constraints.clone().unwrap_or_default();
    let mut schema = json!({"type": "string"});
    constraints::constrain(&mut schema, &accepted);
    constraints::refer(&mut schema, &accepted);
    let mut parameter = json!({
        "name": header.name,
        "in": "header",
        "required": false,
        "description": header.description,
        "schema": schema,
    });
    if let Some(example) = constraints::literal(&accepted.example, true) {
        parameter["example"] = example;
    }
    parameter
}

/// The regular expression of a multi-segment template.
fn pattern(template: &str) -> String {
    let segments = template.split('/').map(|segment| match segment {
        "*" => "[^/]+",
        "**" => ".*",
        literal => literal,
    });
    format!("^{}$", segments.collect::<Vec<_>>().join("/"))
}

/// The fields that are sent as query parameters: those of nested messages, outermost first.
fn query(route: Route<'_>) -> Vec<Vec<FieldDescriptor>> {
    let mut found = Vec::new();
    if matches!(route.binding.body, Body::Whole) {
        return found;
    }
    for field in route.method.descriptor.input().fields() {
        let is_elsewhere = match &route.binding.body {
            Body::None | Body::Whole => false,
            Body::Field(body) => *body == field,
            // The keys of the body are the mask of a partial update.
            Body::Patch { resource, mask } => {
                *resource == field || *mask == field || FieldJson::of(&field).in_patch_body
            }
        };
        if !is_elsewhere {
            collect(route, &mut vec![field], &mut found);
        }
    }
    found
}

/// Adds the leaves below the last of the fields.
fn collect(route: Route<'_>, fields: &mut Vec<FieldDescriptor>, found: &mut Vec<Vec<FieldDescriptor>>) {
    let Some((field, above)) = fields.split_last() else { return };
    if route.binding.variables.contains(fields) || field.is_map() || Behavior::OutputOnly.applies_to(field) {
        return;
    }
    let Some(message) = own_message(field) else {
        let kind = field.kind();
        let has_text_form = kind.as_message().is_none_or(|message| {
            is_well_known(message)
                && !["Struct", "Value", "ListValue"].iter().any(|name| is_google(message, name))
        });
        found.extend(has_text_form.then(|| fields.clone()));
        return;
    };
    // A list of messages has no form in a query, and neither has a message inside itself.
    if field.is_list() || above.iter().any(|above| above.kind() == field.kind()) {
        return;
    }
    for inner in message.fields() {
        fields.push(inner);
        collect(route, fields, found);
        fields.pop();
    }
}

fn shared_parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// The parameters that the runtime reads on every API.
pub(super) fn shared() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema});
    let ascii = json!({"type": "string", "pattern": "^[\\t -~]*$"});
    json!({
        "Prefer": header(
            "Prefer",
            "`handling=strict` rejects undeclared properties and query parameters, which are ignored otherwise (RFC 7240).",
            ascii.clone(),
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            "An `ETag`: the response is 304 while the resource still has this version.",
            json!({"type": "string"}),
        ),
        "LastEventId": header(
            "Last-Event-ID",
            "The `id` of the last server-sent event that was received: the stream continues after it, whatever the query \
             is. Browsers send it when they reconnect.",
            ascii,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn multi_segment_template_becomes_a_pattern() {
        assert_eq!(pattern("chats/*/**"), "^chats/[^/]+/.*$");
    }
}
