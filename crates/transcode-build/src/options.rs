//! The options that the build reads: those of `transcode/v1/options.proto`, `google.api.http` and field behaviours.
//!
//! The messages mirror their protos; a test compares them.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, Value};

/// `transcode.v1.Dialect`: the JSON style and error envelope of one REST API.
#[derive(Clone, PartialEq, Message)]
pub struct Dialect {
    /// The path prefix of the API, such as `/v1`.
    #[prost(string, tag = "1")]
    pub prefix: String,
    /// The spelling of field names in responses.
    #[prost(enumeration = "FieldNames", tag = "2")]
    pub names: i32,
    /// The shape of an error body.
    #[prost(enumeration = "ErrorEnvelope", tag = "3")]
    pub errors: i32,
    /// The meaning of `null` in the body of a PATCH.
    #[prost(enumeration = "PatchNull", tag = "4")]
    pub patch_null: i32,
    /// HTTP statuses that differ from the standard mapping of a gRPC code.
    #[prost(message, repeated, tag = "5")]
    pub status_overrides: Vec<StatusOverride>,
    /// Whether a PATCH with the JSON body `""` is read as one without a body.
    #[prost(bool, tag = "6")]
    pub empty_string_body: bool,
    /// Request headers that every method of the service reads.
    #[prost(message, repeated, tag = "7")]
    pub headers: Vec<RequestHeader>,
    /// The name of the API's OpenAPI document.
    #[prost(string, tag = "8")]
    pub api: String,
}

/// `transcode.v1.RequestHeader`: a request header that a service reads.
#[derive(Clone, PartialEq, Message)]
pub struct RequestHeader {
    /// The name, in lower case.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The description in the OpenAPI document.
    #[prost(string, tag = "2")]
    pub description: String,
    /// The values that the header accepts.
    #[prost(message, optional, tag = "3")]
    pub constraints: Option<Constraints>,
}

/// `transcode.v1.StatusOverride`: the HTTP status of one gRPC code in a dialect.
#[derive(Clone, PartialEq, Message)]
pub struct StatusOverride {
    /// The name of the code, such as `INVALID_ARGUMENT`.
    #[prost(string, tag = "1")]
    pub code: String,
    /// The HTTP status.
    #[prost(int32, tag = "2")]
    pub status: i32,
}

/// `transcode.v1.FieldNames`: the spelling of field names in JSON responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
pub enum FieldNames {
    /// Not set; the build fails.
    Unspecified = 0,
    /// As in the proto: `chat_id`.
    Proto = 1,
    /// lowerCamelCase: `chatId`.
    LowerCamel = 2,
}

impl FieldNames {
    /// The field's name in responses.
    pub fn spell(self, field: &FieldDescriptor) -> &str {
        match self {
            Self::LowerCamel => field.json_name(),
            Self::Proto | Self::Unspecified => field.name(),
        }
    }

    /// The names of fields that lead to one of a nested message, joined by dots.
    pub fn spell_path<'f>(self, fields: impl IntoIterator<Item = &'f FieldDescriptor>) -> String {
        fields.into_iter().map(|field| self.spell(field)).collect::<Vec<_>>().join(".")
    }
}

/// `transcode.v1.ErrorEnvelope`: the shape of an error body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
pub enum ErrorEnvelope {
    /// Not set; the build fails.
    Unspecified = 0,
    /// `{"code","message","name","status","fields"}`
    Flat = 1,
    /// `{"error":{"code","message","details"}}`
    Nested = 2,
}

/// `transcode.v1.PatchNull`: the meaning of `null` in the body of a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
pub enum PatchNull {
    /// Not set; the build fails.
    Unspecified = 0,
    /// The field is cleared.
    Clears = 1,
    /// The field is treated as absent.
    NotSent = 2,
}

/// `transcode.v1.FieldJson`: how a field's JSON differs from that of its type.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct FieldJson {
    /// A list of strings that may also be sent as one string, or the reverse.
    #[prost(bool, tag = "1")]
    pub text_or_list: bool,
    /// A request field that is read from the body of a PATCH, beside the fields of the resource.
    #[prost(bool, tag = "2")]
    pub in_patch_body: bool,
    /// `null` in the body of a PATCH empties the field, whatever the dialect's `patch_null` is.
    #[prost(bool, tag = "3")]
    pub null_clears: bool,
}

/// `transcode.v1.Constraints`: the values that a field accepts, each item of a list and each value of a map.
#[derive(Clone, PartialEq, Message)]
pub struct Constraints {
    /// A regular expression that matches the whole text.
    #[prost(string, tag = "1")]
    pub pattern: String,
    /// The only accepted texts.
    #[prost(string, repeated, tag = "2")]
    pub one_of: Vec<String>,
    /// Accepted formats of a text, as named by JSON Schema.
    #[prost(string, repeated, tag = "3")]
    pub formats: Vec<String>,
    /// The minimum length of a text in characters.
    #[prost(int32, tag = "4")]
    pub min_length: i32,
    /// The maximum length of a text in characters; 0 for no limit.
    #[prost(int32, tag = "5")]
    pub max_length: i32,
    /// The smallest accepted number.
    #[prost(int64, optional, tag = "6")]
    pub min: Option<i64>,
    /// The largest accepted number.
    #[prost(int64, optional, tag = "7")]
    pub max: Option<i64>,
    /// The maximum number of items or entries; 0 for no limit.
    #[prost(int32, tag = "8")]
    pub max_items: i32,
    /// The minimum number of items or entries.
    #[prost(int32, tag = "9")]
    pub min_items: i32,
    /// A regular expression that matches the whole of each key of a map.
    #[prost(string, tag = "10")]
    pub key_pattern: String,
    /// The JSON types of a `google.protobuf.Value`.
    #[prost(string, repeated, tag = "11")]
    pub types: Vec<String>,
    /// The value that is used when the field is absent, as JSON.
    #[prost(string, tag = "12")]
    pub default: String,
    /// An example of the whole field, as JSON. For a map of messages: a key.
    #[prost(string, tag = "13")]
    pub example: String,
    /// The kind of resource that the field identifies and that must exist.
    #[prost(string, tag = "14")]
    pub refers_to: String,
    /// Whether `null` is rejected also where it would clear the field.
    #[prost(bool, tag = "15")]
    pub not_null: bool,
    /// Whether the items must be unique.
    #[prost(bool, tag = "16")]
    pub unique_items: bool,
    /// Whether the field is an instant that must lie in the future.
    #[prost(bool, tag = "17")]
    pub in_future: bool,
}

/// `google.api.HttpRule`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HttpRule {
    #[prost(oneof = "Pattern", tags = "2, 3, 4, 5, 6, 8")]
    pub(crate) pattern: Option<Pattern>,
    #[prost(string, tag = "7")]
    pub(crate) body: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) additional_bindings: Vec<HttpRule>,
    #[prost(string, tag = "12")]
    pub(crate) response_body: String,
}

/// The HTTP method and path template of an [`HttpRule`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Pattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    /// `google.api.CustomHttpPattern`, whose fields do not matter: it is rejected.
    #[prost(bytes, tag = "8")]
    Custom(Vec<u8>),
}

/// The behaviours of AIP-203 that decide where a field appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// A request must have it.
    Required = 2,
    /// It only appears in responses.
    OutputOnly = 3,
    /// It only appears in requests.
    InputOnly = 4,
}

impl Behavior {
    /// Whether the field is annotated with this behaviour.
    pub fn applies_to(self, field: &FieldDescriptor) -> bool {
        let annotated = extension(field.parent_pool(), &field.options(), "google.api.field_behavior");
        let Some(Value::List(behaviors)) = annotated else { return false };
        behaviors.iter().any(|value| value.as_enum_number() == Some(self as i32))
    }
}

impl FieldJson {
    /// The option of a field; its default where it has none.
    pub fn of(field: &FieldDescriptor) -> Self {
        message(field.parent_pool(), &field.options(), "transcode.v1.json").unwrap_or_default()
    }
}

impl Constraints {
    /// The option of a field; its default where it has none.
    pub fn of(field: &FieldDescriptor) -> Self {
        message(field.parent_pool(), &field.options(), "transcode.v1.constraints").unwrap_or_default()
    }
}

/// The text of `(transcode.v1.json_schema)`.
pub(crate) fn json_schema(message: &MessageDescriptor) -> Option<String> {
    let schema = extension(message.parent_pool(), &message.options(), "transcode.v1.json_schema")?;
    schema.as_str().map(str::to_owned)
}

/// The value of an option, where it is set.
pub(crate) fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// The value of an option that is a message. The proto compiler has checked its shape.
pub(crate) fn message<T: Message + Default>(
    pool: &DescriptorPool,
    options: &DynamicMessage,
    name: &str,
) -> Option<T> {
    extension(pool, options, name)?.as_message()?.transcode_to().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails")]

    use super::*;

    /// Fields in order of their numbers, each set to a value that is not its default.
    fn filled(pool: &DescriptorPool, name: &str) -> DynamicMessage {
        let descriptor = pool.get_message_by_name(name).unwrap();
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let one = match field.kind() {
                prost_reflect::Kind::Bool => Value::Bool(true),
                prost_reflect::Kind::Int32 => Value::I32(7),
                prost_reflect::Kind::Int64 => Value::I64(7),
                prost_reflect::Kind::Enum(_) => Value::EnumNumber(2),
                prost_reflect::Kind::Message(inner) => Value::Message(filled(pool, inner.full_name())),
                _ => Value::String(field.name().to_owned()),
            };
            message.set_field(&field, if field.is_list() { Value::List(vec![one]) } else { one });
        }
        message
    }

    #[test]
    fn option_structs_mirror_their_protos() {
        fn check<T: Message + Default>(pool: &DescriptorPool, name: &str) {
            let message = filled(pool, name);
            let read: T = message.transcode_to().unwrap();
            assert_eq!(read.encode_to_vec(), message.encode_to_vec(), "{name}");
        }
        let options = std::path::Path::new(crate::PROTO_DIR).join("transcode/v1/options.proto");
        let pool = crate::compile(&[options], &[crate::PROTO_DIR]).unwrap().pool;
        check::<Dialect>(&pool, "transcode.v1.Dialect");
        check::<FieldJson>(&pool, "transcode.v1.FieldJson");
        check::<Constraints>(&pool, "transcode.v1.Constraints");
    }
}
