//! What the build rejects, with its place in the proto.

use std::fmt;

use prost_reflect::{DescriptorError, FieldDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor};

/// An annotation or proto that cannot be served.
#[derive(Debug)]
pub struct Error {
    /// `<file>:<line>` in the proto; empty where the text names it.
    place: String,
    reason: String,
}

impl Error {
    /// Rejects a method.
    pub fn method(method: &MethodDescriptor, reason: impl fmt::Display) -> Self {
        let file = method.parent_service().parent_file();
        Self::at(&file, method.path(), format!("{}: {reason}", method.full_name()))
    }

    /// Rejects a service.
    pub fn service(service: &ServiceDescriptor, reason: impl fmt::Display) -> Self {
        Self::at(&service.parent_file(), service.path(), format!("{}: {reason}", service.full_name()))
    }

    /// Rejects a field.
    pub fn field(field: &FieldDescriptor, reason: impl fmt::Display) -> Self {
        let file = field.parent_message().parent_file();
        Self::at(&file, field.path(), format!("{}: {reason}", field.full_name()))
    }

    fn at(file: &FileDescriptor, path: &[i32], reason: String) -> Self {
        let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
        let mut lines =
            locations.filter(|location| location.path == path).filter_map(|location| location.span.first());
        let place = match lines.next() {
            Some(line) => format!("{}:{}", file.name(), line + 1),
            None => file.name().to_owned(),
        };
        Self { place, reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.reason),
            place => write!(f, "{place}: {}", self.reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<protox::Error> for Error {
    /// The error of the proto compiler, which names file and line itself.
    fn from(error: protox::Error) -> Self {
        Self { place: String::new(), reason: error.to_string() }
    }
}

impl From<DescriptorError> for Error {
    fn from(error: DescriptorError) -> Self {
        Self { place: String::new(), reason: error.to_string() }
    }
}
