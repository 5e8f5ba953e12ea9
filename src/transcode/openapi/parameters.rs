//! What a request says outside of its body: path variables, query parameters, headers.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::api::{Api, Behavior, Body, Route, behaves, field_json};
use super::comments::Comments;
use super::schema::Schemas;
use super::{example, values};
use crate::pb::rest::RequestHeader;

/// A variable of a path template.
pub(super) struct Variable {
    /// Field names from the request down, joined by dots, as in the proto.
    field_path: String,
    /// The same as the API spells it: what stands in the document's path.
    name: String,
    field: Option<FieldDescriptor>,
    /// The template the value must match, where it is not one whole segment.
    template: Option<String>,
}

/// The route's path as OpenAPI writes it, and its variables.
pub(super) fn path(api: &Api, route: &Route) -> (String, Vec<Variable>) {
    let mut path = String::new();
    let mut variables = Vec::new();
    let mut rest = route.template.as_str();
    while let Some((literal, after)) = rest.split_once('{') {
        let (inner, after) = after.split_once('}').unwrap_or((after, ""));
        let (field_path, template) = match inner.split_once('=') {
            Some((field_path, "*")) => (field_path, None),
            Some((field_path, template)) => (field_path, Some(template.to_owned())),
            None => (inner, None),
        };
        let (name, field) = resolve(api, route.rpc.input(), field_path);
        path.push_str(literal);
        path.push_str(&format!("{{{name}}}"));
        variables.push(Variable { field_path: field_path.to_owned(), name, field, template });
        rest = after;
    }
    path.push_str(rest);
    (path, variables)
}

/// The request fields that the path gives, as dotted paths.
pub(super) fn path_fields(api: &Api, route: &Route) -> Vec<String> {
    path(api, route).1.into_iter().map(|variable| variable.field_path).collect()
}

fn resolve(api: &Api, request: MessageDescriptor, field_path: &str) -> (String, Option<FieldDescriptor>) {
    let mut message = Some(request);
    let mut spelled = Vec::new();
    let mut last = None;
    for name in field_path.split('.') {
        let field = message.take().and_then(|message| message.get_field_by_name(name));
        spelled.push(field.as_ref().map_or(name, |field| api.spell(field)).to_owned());
        if let Some(Kind::Message(inner)) = field.as_ref().map(FieldDescriptor::kind) {
            message = Some(inner);
        }
        last = field;
    }
    (spelled.join("."), last)
}

/// All parameters of an operation.
pub(super) fn of(api: &Api, route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let mut parameters = Vec::new();
    for variable in path(api, route).1 {
        let mut schema = json!({"type": "string"});
        let mut description = String::new();
        if let Some(field) = &variable.field {
            schema = schemas.parameter(api, field);
            description = comments.of(api, field);
        }
        if let Some(template) = variable.template {
            schema["pattern"] = json!(pattern(&template));
        }
        let mut parameter = json!({
            "name": variable.name, "in": "path", "required": true, "description": description, "schema": schema,
        });
        if let Some(example) = variable.field.as_ref().and_then(|field| example::sent(api, field)) {
            parameter["example"] = example;
        }
        parameters.push(parameter);
    }
    for leaf in query(api, route) {
        let mut parameter = json!({
            "name": leaf.name,
            "in": "query",
            "required": behaves(&leaf.field, Behavior::Required),
            "description": comments.of(api, &leaf.field),
            "schema": schemas.parameter(api, &leaf.field),
        });
        if let Some(example) = example::sent(api, &leaf.field) {
            parameter["example"] = example;
        }
        parameters.push(parameter);
    }
    parameters.extend(api.dialect.headers.iter().map(header));
    let mut shared = vec!["XRequestId", "Prefer"];
    match route.method.as_str() {
        "GET" if api.has_versions(route) => shared.push("IfNoneMatch"),
        "GET" => {}
        _ if api.has_versions(route) => shared.push("IfMatch"),
        _ => {}
    }
    if route.resumes {
        shared.push("LastEventId");
    }
    if route.is_write() {
        shared.push("IdempotencyKey");
    }
    parameters.extend(shared.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})));
    parameters
}

/// A header that every method of the service reads.
fn header(header: &RequestHeader) -> Value {
    let values = header.constraints.clone().unwrap_or_default();
    let mut schema = json!({"type": "string"});
    values::constrain(&mut schema, &values);
    values::refer(&mut schema, &values);
    let mut parameter = json!({
        "name": header.name,
        "in": "header",
        "required": false,
        "description": header.description,
        "schema": schema,
    });
    if let Some(example) = values::literal(&values.example, true) {
        parameter["example"] = example;
    }
    parameter
}

/// A regular expression for what a multi-segment template matches.
fn pattern(template: &str) -> String {
    let segments = template.split('/').map(|segment| match segment {
        "*" => "[^/]+",
        "**" => ".*",
        literal => literal,
    });
    format!("^{}$", segments.collect::<Vec<_>>().join("/"))
}

/// A request field that comes as a query parameter.
struct Leaf {
    name: String,
    field: FieldDescriptor,
}

fn query(api: &Api, route: &Route) -> Vec<Leaf> {
    if matches!(route.body, Body::Whole) {
        return Vec::new();
    }
    let mut query = Query { api, in_path: path_fields(api, route), above: Vec::new(), leaves: Vec::new() };
    for field in route.rpc.input().fields() {
        let in_body = matches!(&route.body, Body::Field(body) if *body == field);
        // The mask of a partial update is the keys of its body.
        let in_patch = route.patched().is_some() && (field_json(&field).in_patch_body || is_mask(&field));
        if !in_body && !in_patch {
            query.collect(&field);
        }
    }
    query.leaves
}

fn is_mask(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask")
}

/// The leaves of a request, as they are found.
struct Query<'a> {
    api: &'a Api,
    in_path: Vec<String>,
    /// The messages that the current field is inside of.
    above: Vec<FieldDescriptor>,
    leaves: Vec<Leaf>,
}

impl Query<'_> {
    fn collect(&mut self, field: &FieldDescriptor) {
        let way = || self.above.iter().chain([field]);
        let path = way().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
        if self.in_path.contains(&path) || field.is_map() || behaves(field, Behavior::OutputOnly) {
            return;
        }
        let name = way().map(|step| self.api.spell(step)).collect::<Vec<_>>().join(".");
        let Kind::Message(message) = field.kind() else {
            return self.leaves.push(Leaf { name, field: field.clone() });
        };
        match message.full_name() {
            // Without a form as text.
            "google.protobuf.Struct" | "google.protobuf.Value" | "google.protobuf.ListValue" => {}
            known if known.starts_with("google.protobuf.") => {
                self.leaves.push(Leaf { name, field: field.clone() });
            }
            // A list of messages has no form in a query, and a message inside of itself no end.
            _ if field.is_list() || self.above.iter().any(|above| above.kind() == field.kind()) => {}
            _ => {
                self.above.push(field.clone());
                message.fields().for_each(|inner| self.collect(&inner));
                self.above.pop();
            }
        }
    }
}

/// The parameters that operations refer to.
pub(super) fn shared() -> Value {
    let header = |name: &str, pattern: &str, description: &str| {
        let schema = match pattern {
            "" => json!({"type": "string"}),
            pattern => json!({"type": "string", "pattern": pattern}),
        };
        json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})
    };
    const ASCII: &str = "^[\\t -~]*$";
    let mut if_match = header(
        "If-Match",
        ASCII,
        "An `ETag` of before, or `*` for any version: the call fails with 412 when it is no longer the version.",
    );
    if_match["example"] = json!("*");
    json!({
        "XRequestId": header(
            "x-request-id",
            "",
            "The caller's own id of the request; one is made when there is none.",
        ),
        "Prefer": header(
            "Prefer",
            ASCII,
            "`handling=strict` refuses what is not declared instead of ignoring it (RFC 7240).",
        ),
        "IdempotencyKey": header(
            "Idempotency-Key",
            "^[!-~]{1,255}$",
            "Makes it safe to ask again when no answer came: for 24 hours, the same request of the same caller under the \
             same key is not done again but given the first answer, and another request under it is a conflict. A call \
             that failed leaves the key unused. Best a new UUID for every write.",
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            "",
            "An `ETag` of before: the answer is 304 while it is still the version.",
        ),
        "IfMatch": if_match,
        "LastEventId": header(
            "Last-Event-ID",
            ASCII,
            "The last `id` that was seen of the server-sent events: begins after it, whatever the query says. Browsers send it \
             by themselves when they reconnect.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_multi_segment_template_becomes_a_pattern() {
        assert_eq!(pattern("chats/*/**"), "^chats/[^/]+/.*$");
    }
}
