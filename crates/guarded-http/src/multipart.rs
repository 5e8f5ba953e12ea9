//! Forms with files: `multipart/form-data` (RFC 7578).

use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::Bytes;
use http::HeaderValue;

/// A form with text fields and files.
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    chunks: Vec<Bytes>,
}

impl Multipart {
    /// An empty form.
    #[expect(clippy::new_without_default, reason = "its boundary is random")]
    pub fn new() -> Self {
        // The standard library's hash keys are random.
        let random = || RandomState::new().build_hasher().finish();
        Self { boundary: format!("{:016x}{:016x}", random(), random()), chunks: Vec::new() }
    }

    /// Adds a text field.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{}\"", quoted(name)), "", value.to_owned().into())
    }

    /// Adds a file. A MIME type that no header can hold is left out.
    pub fn file(self, name: &str, file_name: &str, mime_type: &str, bytes: Bytes) -> Self {
        let disposition = format!("name=\"{}\"; filename=\"{}\"", quoted(name), quoted(file_name));
        let valid = !mime_type.is_empty() && HeaderValue::from_str(mime_type).is_ok();
        let content_type = if valid { format!("content-type: {mime_type}\r\n") } else { String::new() };
        self.part(&disposition, &content_type, bytes)
    }

    fn part(mut self, disposition: &str, headers: &str, content: Bytes) -> Self {
        let head =
            format!("--{}\r\ncontent-disposition: form-data; {disposition}\r\n{headers}\r\n", self.boundary);
        self.chunks.extend([head.into(), content, Bytes::from_static(b"\r\n")]);
        self
    }

    /// The content type and the pieces of the body.
    pub(crate) fn finish(mut self) -> (HeaderValue, Vec<Bytes>) {
        self.chunks.push(format!("--{}--\r\n", self.boundary).into());
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary));
        // Hexadecimal digits are always valid in a header.
        (content_type.unwrap_or(HeaderValue::from_static("multipart/form-data")), self.chunks)
    }
}

/// The text inside quotation marks, escaped as browsers do.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
