//! JSON schemas of messages, in responses and in requests.

use std::collections::HashMap;

use heck::ToUpperCamelCase;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::{Comments, Documented, with_statuses};
use super::example::{is_keyed, is_text};
use super::failures::Failure;
use super::json_types::{described, integer, nullable, well_known};
use super::place::Place;
use super::{constraints, failures};
use crate::model::Api;
use crate::names::is_optional;
use crate::options::{Behavior, Constraints, FieldJson, FieldNames, PatchNull, json_schema};

/// The named schemas of a document, written where they are first needed.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    pub(super) parts: Map<String, Value>,
    /// The spelling, message and place of each name: two APIs may spell the fields of one message differently.
    owners: HashMap<String, (FieldNames, String, Place)>,
    /// The API that is being described.
    api: String,
    names: FieldNames,
    null_clears: bool,
    /// The HTTP statuses of the gRPC codes.
    statuses: HashMap<&'static str, u16>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        Self {
            comments,
            parts: Map::new(),
            owners: HashMap::new(),
            api: String::new(),
            names: FieldNames::Proto,
            null_clears: false,
            statuses: HashMap::new(),
        }
    }

    /// Begins the description of an API.
    pub(super) fn enter(&mut self, api: &Api<'_>, failures: &[Failure]) {
        self.api.clone_from(&api.name);
        self.statuses = failures::statuses(api, failures);
        self.names = api.dialect.names();
        self.null_clears = api.dialect.patch_null() == PatchNull::Clears;
    }

    /// The comment of an element, in the spelling of the API, with HTTP statuses for gRPC codes.
    pub(super) fn comment(&self, documented: &impl Documented) -> String {
        with_statuses(&self.comments.of(self.names, documented), &self.statuses)
    }

    /// A message in a response.
    pub(super) fn answer(&mut self, message: &MessageDescriptor) -> Value {
        self.message(message, Place::Answer)
    }

    /// A field in a response.
    pub(super) fn field_answer(&mut self, field: &FieldDescriptor) -> Value {
        self.field(field, Place::Answer)
    }

    /// A field that is the body of a request.
    pub(super) fn sent(&mut self, field: &FieldDescriptor) -> Value {
        self.field(field, Place::Body)
    }

    /// A field that is a query or path parameter.
    pub(super) fn parameter(&mut self, field: &FieldDescriptor) -> Value {
        self.field(field, Place::Query)
    }

    /// A request body of these fields of a message.
    pub(super) fn body(
        &mut self,
        name: &str,
        message: &MessageDescriptor,
        fields: &[FieldDescriptor],
    ) -> Value {
        let schema = self.object(fields, Place::Body, String::new());
        self.parts.insert(name.to_owned(), with_json_schema(message, schema));
        reference(name)
    }

    /// The body of a partial update. No field is required; where the body is, at least one of them.
    ///
    /// `anyOf` with each of them required would be exact, but client generators make types of any value of it.
    pub(super) fn patch(&mut self, name: &str, fields: &[FieldDescriptor], is_required: bool) -> Value {
        let mut properties = Map::new();
        for field in fields {
            let mut schema = self.described(field, Place::Body);
            if is_keyed(field) && self.null_clears {
                // Entries change one by one: `null` clears an entry, not the field.
                schema["additionalProperties"] = nullable(schema["additionalProperties"].take());
            } else if !(Constraints::of(field).not_null && self.null_clears) {
                schema = nullable(schema);
            }
            properties.insert(self.names.spell(field).to_owned(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if is_required {
            schema["minProperties"] = json!(1);
        }
        self.parts.insert(name.to_owned(), schema);
        reference(name)
    }

    fn message(&mut self, message: &MessageDescriptor, place: Place) -> Value {
        if let Some(schema) = well_known(message) {
            return schema;
        }
        let owner = (self.names, message.full_name().to_owned(), place);
        let name = self.name(message, &owner);
        if self.owners.insert(name.clone(), owner).is_none() {
            let fields: Vec<_> = message.fields().collect();
            let schema = self.object(&fields, place, self.comment(message));
            self.parts.insert(name.clone(), with_json_schema(message, schema));
        }
        reference(&name)
    }

    /// The message's own name; `Input` after it in a request, and the API before it where the name is taken.
    fn name(&self, message: &MessageDescriptor, owner: &(FieldNames, String, Place)) -> String {
        let package = format!("{}.", message.package_name());
        let plain = message.full_name().strip_prefix(&package).unwrap_or(message.full_name());
        let name = match owner.2 {
            Place::Answer => plain.to_owned(),
            Place::Body | Place::Query => format!("{plain}Input"),
        };
        match self.owners.get(&name) {
            Some(other) if other != owner => format!("{}{name}", self.api.to_upper_camel_case()),
            _ => name,
        }
    }

    fn object(&mut self, fields: &[FieldDescriptor], place: Place, description: String) -> Value {
        let absent = if place == Place::Answer { Behavior::InputOnly } else { Behavior::OutputOnly };
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in fields.iter().filter(|field| !absent.applies_to(field)) {
            let name = self.names.spell(field);
            let mut schema = self.described(field, place);
            let is_omitted = place == Place::Answer && FieldJson::of(field).omitted_when_unset;
            let is_required = place == Place::Answer && !is_omitted || Behavior::Required.applies_to(field);
            let is_null = place == Place::Answer && is_optional(field) && !Constraints::of(field).not_null;
            if !is_omitted && (is_null || !is_required) {
                schema = nullable(schema);
            }
            if is_required {
                required.push(name);
            }
            properties.insert(name.to_owned(), schema);
        }
        let mut object = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        described(object, description)
    }

    fn described(&mut self, field: &FieldDescriptor, place: Place) -> Value {
        described(self.field(field, place), self.comment(field))
    }

    fn field(&mut self, field: &FieldDescriptor, place: Place) -> Value {
        let accepted = Constraints::of(field);
        let kind = field.kind();
        let mut one = match kind.as_message() {
            Some(entry) if field.is_map() => self.value(&entry.map_entry_value_field(), place),
            Some(_) if is_keyed(field) => json!({}),
            Some(_) | None => self.value(field, place),
        };
        constraints::constrain(&mut one, &accepted);
        let mut schema = if is_keyed(field) {
            json!({"type": "object", "additionalProperties": one})
        } else if field.is_list() {
            json!({"type": "array", "items": one})
        } else {
            one
        };
        constraints::constrain_whole(&mut schema, &accepted, place != Place::Answer);
        if place == Place::Body && FieldJson::of(field).text_or_list {
            schema = constraints::text_or_list(&schema);
            // The null of a list is that of the PATCH.
            if !field.is_list() {
                schema = nullable(schema);
            }
        }
        constraints::refer(&mut schema, &accepted);
        if place != Place::Answer
            && let Some(default) = constraints::literal(&accepted.default, is_text(&kind))
        {
            schema["default"] = default;
        }
        schema
    }

    fn value(&mut self, field: &FieldDescriptor, place: Place) -> Value {
        match field.kind() {
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => integer("int32", "^-?[0-9]{1,9}$", place),
            Kind::Uint32 | Kind::Fixed32 => integer("uint32", "^[0-9]{1,9}$", place),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => integer("int64", "^-?[0-9]{1,18}$", place),
            Kind::Uint64 | Kind::Fixed64 => integer("uint64", "^[0-9]{1,19}$", place),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(values) => {
                let names: Vec<_> = values.values().map(|value| value.name().to_owned()).collect();
                described(json!({"type": "string", "enum": names}), self.comment(&values))
            }
            Kind::Message(message) => self.message(&message, place),
        }
    }
}

/// The schema with the keywords of `(transcode.v1.json_schema)`.
fn with_json_schema(message: &MessageDescriptor, mut schema: Value) -> Value {
    let keywords = json_schema(message).and_then(|text| serde_json::from_str(&text).ok());
    if let (Some(Value::Object(keywords)), Value::Object(members)) = (keywords, &mut schema) {
        members.extend(keywords);
    }
    schema
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
