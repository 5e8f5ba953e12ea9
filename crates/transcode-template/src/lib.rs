//! Path templates of `google.api.http`, such as `/v1/chats/{chat_id}` or `/v1/{name=shelves/**}:archive`.
//!
//! The grammar is the published one, with literals also after `**`. The build reads templates with this same file, so it
//! uses nothing but the standard library.

mod parse;

use std::fmt;
use std::ops::Range;

/// One path segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, as written in the template.
    Literal(String),
    /// `*`: one segment that is not empty.
    One,
    /// `**`: any number of segments, also none.
    Many,
}

/// A field that takes its value from the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The request field's path, such as `chat.id`.
    pub field: String,
    /// The segments it covers.
    pub segments: Range<usize>,
}

/// A parsed path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
    variables: Vec<Variable>,
    verb: Option<String>,
}

/// Why a text is not a path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Where in the text, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text)
    }

    /// The segments, with variables replaced by what they cover.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The variables, in the order of the path.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// What follows the colon after the last segment.
    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// Whether a variable can cover more than one segment. Its `%2F` stays as it is, to be told from a real slash.
    pub fn is_multi_segment(&self, variable: &Variable) -> bool {
        variable.segments.len() > 1 || self.segments[variable.segments.clone()].contains(&Segment::Many)
    }

    /// The part of a matching path (without its first slash and the verb) that a variable covers, still encoded.
    pub fn capture<'p>(&self, variable: &Variable, path: &'p str) -> &'p str {
        let many = self.segments.iter().position(|segment| *segment == Segment::Many);
        let Range { start, end } = variable.segments;
        let from = match many {
            Some(many) if start > many => {
                let kept = self.segments.len() - start;
                cut_at_slash_from_end(path, kept).map_or(0, |slash| slash + 1)
            }
            Some(_) | None => start_of_segment(path, start).unwrap_or(path.len()),
        };
        let to = match many {
            Some(many) if end > many => match self.segments.len() - end {
                0 => path.len(),
                after => cut_at_slash_from_end(path, after).unwrap_or(0),
            },
            Some(_) | None => start_of_segment(path, end).map_or(path.len(), |next| next - 1),
        };
        path.get(from..to).unwrap_or_default()
    }

    /// What another template must not have in the same HTTP method: the same paths, whatever the variables are called.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            push_segment(&mut shape, segment);
        }
        if let Some(verb) = &self.verb {
            shape.push(':');
            shape.push_str(verb);
        }
        shape
    }

    /// The pattern of a variable, such as `shelves/*`.
    pub fn pattern(&self, variable: &Variable) -> String {
        let mut pattern = String::new();
        for (index, segment) in self.segments[variable.segments.clone()].iter().enumerate() {
            if index > 0 {
                pattern.push('/');
            }
            push_segment(&mut pattern, segment);
        }
        pattern
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut index = 0;
        while index < self.segments.len() {
            f.write_str("/")?;
            match self.variables.iter().find(|variable| variable.segments.start == index) {
                Some(variable) => {
                    let pattern = self.pattern(variable);
                    match pattern.as_str() {
                        "*" => write!(f, "{{{}}}", variable.field)?,
                        pattern => write!(f, "{{{}={pattern}}}", variable.field)?,
                    }
                    index = variable.segments.end;
                }
                None => {
                    let mut text = String::new();
                    push_segment(&mut text, &self.segments[index]);
                    f.write_str(&text)?;
                    index += 1;
                }
            }
        }
        if self.segments.is_empty() {
            f.write_str("/")?;
        }
        self.verb.as_ref().map_or(Ok(()), |verb| write!(f, ":{verb}"))
    }
}

fn push_segment(text: &mut String, segment: &Segment) {
    text.push_str(match segment {
        Segment::Literal(literal) => literal,
        Segment::One => "*",
        Segment::Many => "**",
    });
}

/// Where the segment of that number begins.
fn start_of_segment(path: &str, segment: usize) -> Option<usize> {
    match segment.checked_sub(1) {
        None => Some(0),
        Some(slash) => {
            path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').nth(slash).map(|(at, _)| at + 1)
        }
    }
}

/// Where the slash stands that has that many segments after it.
fn cut_at_slash_from_end(path: &str, segments: usize) -> Option<usize> {
    let slash = segments.checked_sub(1)?;
    path.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'/').nth(slash).map(|(at, _)| at)
}
