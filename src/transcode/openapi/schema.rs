//! JSON schemas of messages: what answers hold, and what requests may send.

use std::collections::HashMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::api::{Api, Behavior, behaves, field_json, field_values, is_keyed, message_together};
use super::comments::Comments;
use super::json_types::{integer, nullable, well_known};
use super::{example, values};

/// Where a value is seen. The same type is wider in a request than in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Answer,
    Body,
    Query,
}

/// The named schemas of a document, written as they are first needed.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    pub(super) parts: Map<String, Value>,
    /// What each name stands for: two services may spell one message differently.
    owners: HashMap<String, (String, String, Place)>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        Self { comments, parts: Map::new(), owners: HashMap::new() }
    }

    /// A message as answers hold it.
    pub(super) fn answer(&mut self, api: &Api, message: &MessageDescriptor) -> Value {
        self.message(api, message, Place::Answer)
    }

    /// A field as answers hold it.
    pub(super) fn field_answer(&mut self, api: &Api, field: &FieldDescriptor) -> Value {
        self.field(api, field, Place::Answer)
    }

    /// A field as the body of a request.
    pub(super) fn sent(&mut self, api: &Api, field: &FieldDescriptor) -> Value {
        self.field(api, field, Place::Body)
    }

    /// A field as a query or path parameter.
    pub(super) fn parameter(&mut self, api: &Api, field: &FieldDescriptor) -> Value {
        self.field(api, field, Place::Query)
    }

    /// A request body of these fields of a message.
    pub(super) fn body(
        &mut self,
        api: &Api,
        name: &str,
        message: &MessageDescriptor,
        fields: Vec<FieldDescriptor>,
    ) -> Value {
        let schema = self.object(api, fields, Place::Body, String::new());
        let schema = together(message, schema);
        self.parts.insert(name.to_owned(), schema);
        reference(name)
    }

    /// The body of a partial update. None of its fields must be sent; where the body itself must, one of them.
    pub(super) fn patch(
        &mut self,
        api: &Api,
        name: &str,
        fields: Vec<FieldDescriptor>,
        is_required: bool,
    ) -> Value {
        let mut properties = Map::new();
        for field in &fields {
            let mut schema = self.described(api, field, Place::Body);
            if is_keyed(field) && api.clears() {
                // Its entries are changed one by one, so there is no word for clearing it but one for each of them.
                schema["additionalProperties"] = nullable(schema["additionalProperties"].take());
            } else if !(field_values(field).not_null && api.clears()) {
                schema = nullable(schema);
            }
            properties.insert(api.spell(field).to_owned(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if is_required {
            let any = fields.iter().map(|field| json!({"required": [api.spell(field)]}));
            schema["anyOf"] = any.collect();
        }
        self.parts.insert(name.to_owned(), schema);
        reference(name)
    }

    fn message(&mut self, api: &Api, message: &MessageDescriptor, place: Place) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let owner = (api.service.full_name().to_owned(), message.full_name().to_owned(), place);
        let name = self.name(api, message, &owner);
        if self.owners.insert(name.clone(), owner).is_none() {
            let description = self.comments.of(api, message);
            let schema = self.object(api, message.fields().collect(), place, description);
            let schema = together(message, schema);
            self.parts.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// The message's own name, with its place and then its service where that is taken.
    fn name(&self, api: &Api, message: &MessageDescriptor, owner: &(String, String, Place)) -> String {
        let package = format!("{}.", message.package_name());
        let plain = message.full_name().strip_prefix(&package).unwrap_or(message.full_name());
        let name = match owner.2 {
            Place::Answer => plain.to_owned(),
            Place::Body | Place::Query => format!("{plain}Input"),
        };
        match self.owners.get(&name) {
            Some(other) if other != owner => format!("{}{name}", api.service.name()),
            _ => name,
        }
    }

    fn object(
        &mut self,
        api: &Api,
        fields: Vec<FieldDescriptor>,
        place: Place,
        description: String,
    ) -> Value {
        let unseen = if place == Place::Answer { Behavior::InputOnly } else { Behavior::OutputOnly };
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields.iter().filter(|field| !behaves(field, unseen)) {
            let must = place == Place::Answer || behaves(field, Behavior::Required);
            let mut schema = self.described(api, field, place);
            if place == Place::Answer && is_optional(field) && !field_values(field).not_null || !must {
                schema = nullable(schema);
            }
            if must {
                required.push(api.spell(field));
            }
            properties.insert(api.spell(field).to_owned(), schema);
        }
        let mut object = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        described(object, description)
    }

    fn described(&mut self, api: &Api, field: &FieldDescriptor, place: Place) -> Value {
        let description = self.comments.of(api, field);
        described(self.field(api, field, place), description)
    }

    fn field(&mut self, api: &Api, field: &FieldDescriptor, place: Place) -> Value {
        let values = field_values(field);
        let kind = field.kind();
        let mut one = match kind.as_message() {
            Some(entry) if field.is_map() => self.value(api, &entry.map_entry_value_field(), place),
            Some(_) if is_keyed(field) => json!({}),
            Some(_) | None => self.value(api, field, place),
        };
        values::constrain(&mut one, &values);
        let mut schema = if is_keyed(field) {
            json!({"type": "object", "additionalProperties": one})
        } else if field.is_list() {
            json!({"type": "array", "items": one})
        } else {
            one
        };
        values::constrain_whole(&mut schema, &values, place != Place::Answer);
        if place == Place::Body && field_json(field).text_or_list {
            schema = values::text_or_list(&schema);
            // Of a list, PATCH says what null means.
            if !field.is_list() {
                schema = nullable(schema);
            }
        }
        values::refer(&mut schema, &values);
        if place != Place::Answer
            && let Some(default) = values::literal(&values.default, example::is_text(&kind))
        {
            schema["default"] = default;
        }
        schema
    }

    fn value(&mut self, api: &Api, field: &FieldDescriptor, place: Place) -> Value {
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
            Kind::Enum(values) => self.names_of(api, &values),
            Kind::Message(message) => self.message(api, &message, place),
        }
    }

    fn names_of(&self, api: &Api, values: &EnumDescriptor) -> Value {
        let names = values.values().map(|value| value.name().to_owned()).collect::<Vec<_>>();
        described(json!({"type": "string", "enum": names}), self.comments.of(api, values))
    }
}

/// Whether the field can be absent; answers then say null.
pub(super) fn is_optional(field: &FieldDescriptor) -> bool {
    field.supports_presence() && !field.is_list() && !field.is_map()
}

/// The schema with what the message says of its fields together.
fn together(message: &MessageDescriptor, mut schema: Value) -> Value {
    if let (Some(Value::Object(together)), Value::Object(keywords)) = (message_together(message), &mut schema)
    {
        keywords.extend(together);
    }
    schema
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn described(mut schema: Value, description: String) -> Value {
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    schema
}
