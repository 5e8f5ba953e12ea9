//! Path templates of `google.api.http`, such as `/v1/{name=shelves/**}:archive`.
//!
//! The grammar is that of `google/api/http.proto`, and also accepts literals after `**`.

mod parse;
mod template;

pub use template::{Segment, Template, TemplateError, Variable};

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text)
    }
}
