//! Forms with files: `multipart/form-data` (RFC 7578).

use std::error::Error as StdError;
use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::Bytes;
use futures_util::Stream;
use http::HeaderValue;

use crate::body::RequestBody;

/// A form with text fields and files.
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    body: RequestBody,
}

impl Multipart {
    /// An empty form.
    #[expect(clippy::new_without_default, reason = "its boundary is random")]
    pub fn new() -> Self {
        // The standard library's hash keys are random.
        let random = || RandomState::new().build_hasher().finish();
        Self { boundary: format!("{:016x}{:016x}", random(), random()), body: RequestBody::default() }
    }

    /// Adds a text field.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{}\"", quoted(name)), "", |body| body.bytes(value.to_owned()))
    }

    /// Adds a file of `size` bytes, which are read while they are sent. A MIME type that no header can hold is left out.
    pub fn file<E>(
        self,
        name: &str,
        (file_name, mime_type): (&str, &str),
        size: u64,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let disposition = format!("name=\"{}\"; filename=\"{}\"", quoted(name), quoted(file_name));
        let valid = !mime_type.is_empty() && HeaderValue::from_str(mime_type).is_ok();
        let content_type = if valid { format!("content-type: {mime_type}\r\n") } else { String::new() };
        self.part(&disposition, &content_type, |body| body.stream(size, bytes))
    }

    fn part(
        self,
        disposition: &str,
        headers: &str,
        content: impl FnOnce(RequestBody) -> RequestBody,
    ) -> Self {
        let head =
            format!("--{}\r\ncontent-disposition: form-data; {disposition}\r\n{headers}\r\n", self.boundary);
        let body = content(self.body.bytes(head)).bytes("\r\n");
        Self { body, ..self }
    }

    /// The content type and the body.
    pub(crate) fn finish(self) -> (HeaderValue, RequestBody) {
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary));
        // Hexadecimal digits are always valid in a header.
        let content_type = content_type.unwrap_or(HeaderValue::from_static("multipart/form-data"));
        (content_type, self.body.bytes(format!("--{}--\r\n", self.boundary)))
    }
}

/// The text inside quotation marks, escaped as browsers do.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
