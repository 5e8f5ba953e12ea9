//! The error of a call.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

pub use transcode::FieldViolation;

use super::kind::Kind;

/// The error of a call. The client gets all but the source, which is logged.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    /// `None` when the first field's sentence is the message.
    message: Option<Cow<'static, str>>,
    fields: Vec<FieldViolation>,
    required: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a message for the client.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: Some(message.into()), fields: Vec::new(), required: None, source: None }
    }

    /// One field is invalid. The problem follows the name of the field: `must be …`.
    pub fn invalid(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::invalid_fields(vec![FieldViolation::new(field, problem)])
    }

    /// Several fields are invalid. The sentence about the first one is the message.
    pub fn invalid_fields(fields: Vec<FieldViolation>) -> Self {
        Self { kind: Kind::Invalid, message: None, fields, required: None, source: None }
    }

    /// The resource does not exist or belongs to another organization, which the client cannot distinguish.
    pub fn not_found(message: &'static str) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// The caller lacks that capability.
    pub fn forbidden(required: &'static str) -> Self {
        let message = format!("the token lacks the capability `{required}`");
        Self { required: Some(required), ..Self::new(Kind::Forbidden, message) }
    }

    /// A defect of the server.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Kind::Internal, "internal error") }
    }

    /// A dependency is unavailable.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Kind::Unavailable, "temporarily unavailable, try again")
        }
    }

    /// Adds the cause, which is logged and not sent.
    pub fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Adds an invalid field.
    pub fn with_field(mut self, field: impl Into<String>, problem: impl fmt::Display) -> Self {
        self.fields.push(FieldViolation::new(field, problem));
        self
    }

    /// The kind of the error.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The message for the client.
    pub fn message(&self) -> Cow<'_, str> {
        self.message_spelled(Cow::Borrowed)
    }

    /// The error's own message; `None` when the first field's sentence is the message.
    pub fn own_message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The message with field names in another spelling.
    pub fn message_spelled<'e>(&'e self, spell: impl FnOnce(&'e str) -> Cow<'e, str>) -> Cow<'e, str> {
        match (&self.message, self.fields.first()) {
            (Some(message), _) => Cow::Borrowed(message),
            (None, Some(violation)) => violation.sentence(&spell(&violation.field)).into(),
            (None, None) => Cow::Borrowed("the request is not valid"),
        }
    }

    /// The invalid fields.
    pub fn fields(&self) -> &[FieldViolation] {
        &self.fields
    }

    /// The capability that the caller lacks.
    pub const fn required(&self) -> Option<&'static str> {
        self.required
    }
}

impl From<FieldViolation> for Error {
    fn from(violation: FieldViolation) -> Self {
        Self::invalid_fields(vec![violation])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| -> &(dyn StdError + 'static) { source.as_ref() })
    }
}
