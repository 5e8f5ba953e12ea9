//! A parsed path template.

use std::fmt;
use std::ops::Range;

/// A path segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, as written in the template.
    Literal(String),
    /// `*`: one segment that is not empty.
    One,
    /// `**`: any number of segments, also none.
    Many,
}

impl Segment {
    /// The segment as written in a template.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::One => "*",
            Self::Many => "**",
        }
    }
}

/// A request field with its value in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The path of the field, such as `chat.id`.
    pub field: String,
    /// The segments that the variable covers.
    pub segments: Range<usize>,
}

/// A parsed path template. As text, it has the shortest form: `{a}` for `{a=*}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(crate) segments: Vec<Segment>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) verb: Option<String>,
}

/// Why a text is not a path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The position of the error, in bytes.
    pub at: usize,
    /// The error.
    pub reason: &'static str,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// The segments, including those of variables.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The variables, in the order of the path.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The verb: the text after the colon in the last segment.
    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// Whether a variable may cover more than one segment.
    /// A `%2F` in its value is then not a separator.
    pub fn is_multi_segment(&self, variable: &Variable) -> bool {
        variable.segments.len() > 1 || self.segments[variable.segments.clone()].contains(&Segment::Many)
    }

    /// The part of a matching path that a variable covers, still encoded.
    /// The path has no first slash and no verb.
    pub fn capture<'p>(&self, variable: &Variable, path: &'p str) -> &'p str {
        let many = self.segments.iter().position(|segment| *segment == Segment::Many);
        let Range { start, end } = variable.segments;
        // What follows `**` is counted from the end of the path.
        let from = match many {
            Some(many) if start > many => {
                slash_from_end(path, self.segments.len() - start).map_or(0, |slash| slash + 1)
            }
            Some(_) | None => start_of_segment(path, start).unwrap_or(path.len()),
        };
        let to = match many {
            Some(many) if end > many => match self.segments.len() - end {
                0 => path.len(),
                after => slash_from_end(path, after).unwrap_or(0),
            },
            Some(_) | None => start_of_segment(path, end).map_or(path.len(), |next| next - 1),
        };
        path.get(from..to).unwrap_or_default()
    }

    /// The template without the names of its variables.
    /// Two templates with one shape match the same paths.
    pub fn shape(&self) -> String {
        format!("/{}{}", join(&self.segments), self.verb_suffix())
    }

    /// The pattern of a variable, such as `shelves/*`.
    pub fn pattern(&self, variable: &Variable) -> String {
        join(&self.segments[variable.segments.clone()])
    }

    fn verb_suffix(&self) -> String {
        self.verb.as_ref().map(|verb| format!(":{verb}")).unwrap_or_default()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(segment) = self.segments.get(at) {
            let variable = self.variables.iter().find(|variable| variable.segments.start == at);
            parts.push(match variable.map(|variable| (&variable.field, self.pattern(variable))) {
                None => segment.as_str().to_owned(),
                Some((field, pattern)) if pattern == "*" => format!("{{{field}}}"),
                Some((field, pattern)) => format!("{{{field}={pattern}}}"),
            });
            at = variable.map_or(at + 1, |variable| variable.segments.end);
        }
        write!(f, "/{}{}", parts.join("/"), self.verb_suffix())
    }
}

fn join(segments: &[Segment]) -> String {
    segments.iter().map(Segment::as_str).collect::<Vec<_>>().join("/")
}

/// The position of the segment with that index.
fn start_of_segment(path: &str, index: usize) -> Option<usize> {
    match index.checked_sub(1) {
        None => Some(0),
        Some(slash) => slashes(path).nth(slash).map(|at| at + 1),
    }
}

/// The position of the slash with that many segments after it.
fn slash_from_end(path: &str, segments: usize) -> Option<usize> {
    slashes(path).rev().nth(segments.checked_sub(1)?)
}

fn slashes(path: &str) -> impl DoubleEndedIterator<Item = usize> {
    path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at)
}
