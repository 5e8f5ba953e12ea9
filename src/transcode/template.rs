//! Path templates of `google.api.http`, such as `/v1/chats/{chat_id}` or `/v1/{name=shelves/**}:archive`.
//!
//! The grammar is the published one, with literals also after `**`. The build reads templates with this same file, so it
//! uses nothing but the standard library.

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
        let mut parser = Parser { text, at: 0, template: Self::root() };
        parser.template()?;
        Ok(parser.template)
    }

    const fn root() -> Self {
        Self { segments: Vec::new(), variables: Vec::new(), verb: None }
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

struct Parser<'t> {
    text: &'t str,
    at: usize,
    template: Template,
}

impl<'t> Parser<'t> {
    fn fail<T>(&self, reason: &'static str) -> Result<T, TemplateError> {
        Err(TemplateError { at: self.at, reason })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn template(&mut self) -> Result<(), TemplateError> {
        if self.text == "/" {
            return Ok(());
        }
        while !self.rest().is_empty() {
            if !self.rest().starts_with('/') {
                return self.fail("expected `/`");
            }
            self.at += 1;
            if self.rest().starts_with('{') { self.variable()? } else { self.plain_segment()? }
        }
        if self.template.segments.is_empty() { self.fail("expected `/`") } else { Ok(()) }
    }

    /// A segment outside a variable, up to the next slash; in the last one a colon begins the verb.
    fn plain_segment(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        match rest.find('/') {
            Some(end) => self.segment(&rest[..end])?,
            None => {
                let (segment, verb) =
                    rest.split_once(':').map_or((rest, None), |(segment, verb)| (segment, Some(verb)));
                self.segment(segment)?;
                if let Some(verb) = verb {
                    self.verb(verb)?;
                }
            }
        }
        Ok(())
    }

    /// `{field}` or `{field=pattern}`, standing between slashes.
    fn variable(&mut self) -> Result<(), TemplateError> {
        self.at += 1;
        let Some(end) = self.rest().find('}') else { return self.fail("variable without `}`") };
        let inner = &self.rest()[..end];
        if inner.contains('{') {
            return self.fail("variable inside a variable");
        }
        let (field, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
        if !field.split('.').all(is_identifier) {
            return self.fail("variable name is not a field path");
        }
        if self.template.variables.iter().any(|variable| variable.field == field) {
            return self.fail("variable is bound twice");
        }
        if pattern.contains(':') {
            return self.fail("`:` inside a variable");
        }
        let after = self.at + end + 1;
        let start = self.template.segments.len();
        for segment in pattern.split('/') {
            self.segment(segment)?;
        }
        let segments = start..self.template.segments.len();
        self.template.variables.push(Variable { field: field.to_owned(), segments });
        self.at = after;
        match self.rest().bytes().next() {
            None | Some(b'/') => Ok(()),
            Some(b':') => {
                self.at += 1;
                self.verb(self.rest())
            }
            Some(_) => self.fail("variable does not fill its segment"),
        }
    }

    fn segment(&mut self, text: &str) -> Result<(), TemplateError> {
        let many_before = self.template.segments.contains(&Segment::Many);
        let segment = match text {
            "" => return self.fail("empty segment"),
            "*" | "**" if many_before => return self.fail("wildcard after `**`"),
            "*" => Segment::One,
            "**" => Segment::Many,
            _ if text.starts_with('*') || text.ends_with('*') => {
                return self.fail("wildcard beside other text");
            }
            _ if !is_literal(text) => return self.fail("character that a path cannot have"),
            _ => Segment::Literal(text.to_owned()),
        };
        self.template.segments.push(segment);
        self.at += text.len();
        Ok(())
    }

    fn verb(&mut self, verb: &str) -> Result<(), TemplateError> {
        let well_formed = |part: &str| !part.is_empty() && !part.contains('*') && is_literal(part);
        if !verb.split(':').all(well_formed) {
            return self.fail("verb is empty or has a character that a path cannot have");
        }
        self.template.verb = Some(verb.to_owned());
        self.at = self.text.len();
        Ok(())
    }
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the text is made of RFC 3986 `pchar`s.
fn is_literal(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|hex| hex.is_some_and(|hex| hex.is_ascii_hexdigit()))
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}
