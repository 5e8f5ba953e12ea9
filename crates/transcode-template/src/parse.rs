//! The grammar of path templates.

use super::{Segment, Template, TemplateError, Variable};

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Template, TemplateError> {
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
