//! The parser of path templates.

use crate::template::{Segment, Template, TemplateError, Variable};

/// Parses a template.
pub(crate) fn parse(text: &str) -> Result<Template, TemplateError> {
    let template = Template { segments: Vec::new(), variables: Vec::new(), verb: None };
    let mut parser = Parser { text, at: 0, template };
    parser.template()?;
    Ok(parser.template)
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

    /// A segment outside a variable, up to the next slash.
    /// In the last segment, a colon begins the verb.
    fn plain_segment(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        if let Some((segment, _)) = rest.split_once('/') {
            return self.segment(segment);
        }
        let Some((segment, verb)) = rest.split_once(':') else { return self.segment(rest) };
        self.segment(segment)?;
        self.verb(verb)
    }

    /// `{field}` or `{field=pattern}`, between slashes.
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
        pattern.split('/').try_for_each(|segment| self.segment(segment))?;
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
        let after_many = self.template.segments.contains(&Segment::Many);
        let segment = match text {
            "" => return self.fail("empty segment"),
            "*" | "**" if after_many => return self.fail("wildcard after `**`"),
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
        let is_valid = |part: &str| !part.is_empty() && !part.contains('*') && is_literal(part);
        if !verb.split(':').all(is_valid) {
            return self.fail("verb is empty or has a character that a path cannot have");
        }
        self.template.verb = Some(verb.to_owned());
        self.at = self.text.len();
        Ok(())
    }
}

fn is_identifier(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.starts_with(|first: char| first.is_ascii_digit()) && !text.is_empty() && text.bytes().all(is_word)
}

/// Whether the text consists of RFC 3986 `pchar`s.
fn is_literal(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                digits.iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !is_valid {
            return false;
        }
    }
    true
}
