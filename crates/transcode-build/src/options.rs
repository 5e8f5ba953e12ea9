//! The options that the build reads: those of `transcode/v1/options.proto`, `google.api.http` and field behaviours.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, Value};

pub use self::transcode_v1::{
    Constraints, Dialect, ErrorEnvelope, FieldJson, FieldNames, PatchNull, RequestHeader, StatusOverride,
};

mod transcode_v1 {
    include!(concat!(env!("OUT_DIR"), "/transcode.v1.rs"));
}

/// `google.api.HttpRule`.
#[allow(missing_docs, dead_code, clippy::all, reason = "generated from Google's proto")]
pub(crate) mod google_api {
    include!(concat!(env!("OUT_DIR"), "/google.api.rs"));
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
