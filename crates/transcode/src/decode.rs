//! Decoding of requests: the message and the metadata.

use axum::body::Body;
use http::request::Parts;
use tonic::{Request, Status};
use transcode_template::Template;

use crate::binding::RequestBody;
use crate::dialect::Dialect;
use crate::error::Rejection;
use crate::json::{BindError, FieldPath, Fields, Json, Reading, Text};
use crate::options::Options;
use crate::percent::{decode_segment, decode_segments};
use crate::{ignored, metadata, query, request_body};

/// The header with the id of the last server-sent event that a client received.
const LAST_EVENT_ID: &str = "last-event-id";

/// Decodes the requests of a route.
pub(crate) struct Decoder<Req> {
    template: Template,
    variables: &'static [&'static str],
    body: RequestBody<Req>,
    dialect: &'static Dialect,
    /// Sets the token from which a stream resumes.
    resume: Option<fn(&mut Req, String)>,
}

impl<Req: Fields> Decoder<Req> {
    /// Fails with the name of a path variable that is not a field of the request.
    pub(crate) fn new(
        template: Template,
        variables: &'static [&'static str],
        body: RequestBody<Req>,
        dialect: &'static Dialect,
        resume: Option<fn(&mut Req, String)>,
    ) -> Result<Self, String> {
        let is_unknown =
            |field: &str| matches!(Text::bind(&mut Req::default(), field, "", &[]), Err(BindError::Unknown));
        match template.variables().iter().find(|variable| is_unknown(&variable.field)) {
            Some(variable) => Err(variable.field.clone()),
            None => Ok(Self { template, variables, body, dialect, resume }),
        }
    }

    /// Decodes a request and takes its extensions. Adds what it ignores to the list.
    pub(crate) async fn decode(
        &self,
        parts: &mut Parts,
        body: Body,
        options: Options,
        ignored: &mut Vec<String>,
    ) -> Result<Request<Req>, Status> {
        let message = self.message(parts, body, options, ignored).await?;
        let metadata = metadata::from_headers(&parts.headers, options.request_headers)?;
        Ok(Request::from_parts(metadata, std::mem::take(&mut parts.extensions), message))
    }

    /// The request message.
    /// A field of the path takes precedence over the body, and both over the query.
    async fn message(
        &self,
        parts: &Parts,
        body: Body,
        options: Options,
        ignored: &mut Vec<String>,
    ) -> Result<Req, Status> {
        let mut message = Req::default();
        if matches!(self.body, RequestBody::None) {
            let undeclared = request_body::read_any(&parts.headers, body, options.max_body_bytes).await?;
            ignored::body(&undeclared, &parts.headers, ignored);
        } else {
            let bytes = request_body::read(parts, body, options).await?;
            self.read_body(&mut message, &bytes, ignored)?;
        }
        let query = parts.uri.query();
        let mut reserved = Vec::new();
        self.bind_path(&mut message, parts.uri.path(), query.map(|_| &mut reserved))?;
        if let Some(query) = query {
            self.bind_query(&mut message, query, reserved, ignored)?;
        }
        if !ignored.is_empty() && ignored::is_strict(&parts.headers) {
            return Err(ignored::rejection(std::mem::take(ignored)).into());
        }
        // A browser reconnects with the same URL: the header is newer than a token in the query.
        if let Some((resume, last)) = self.resume.zip(parts.headers.get(LAST_EVENT_ID)) {
            let last =
                last.to_str().map_err(|_| Rejection::invalid(LAST_EVENT_ID, "must be visible ASCII"))?;
            resume(&mut message, last.to_owned());
        }
        Ok(message)
    }

    fn read_body(&self, message: &mut Req, bytes: &[u8], ignored: &mut Vec<String>) -> Result<(), Rejection> {
        let text = std::str::from_utf8(bytes).map_err(|_| Rejection::invalid("body", "must be UTF-8"))?;
        let Dialect { patch_null, empty_string_body, .. } = *self.dialect;
        let is_empty = text.is_empty() || empty_string_body && text.trim_ascii() == "\"\"";
        let mut reading = Reading::default();
        match self.body {
            RequestBody::Patch { read, .. } if is_empty => read(message, None, patch_null, &mut reading)?,
            RequestBody::Patch { read, .. } => {
                read(message, Some(Json::parse(text)?), patch_null, &mut reading)?;
            }
            RequestBody::Whole(read) | RequestBody::Field(_, read) if !text.is_empty() => {
                read(message, Json::parse(text)?, &mut reading)?;
            }
            RequestBody::None | RequestBody::Whole(_) | RequestBody::Field(..) => {}
        }
        ignored.extend(reading.into_ignored());
        Ok(())
    }

    /// Sets the fields of the path variables, and adds them to the list.
    fn bind_path(
        &self,
        message: &mut Req,
        path: &str,
        mut bound: Option<&mut Vec<FieldPath>>,
    ) -> Result<(), Rejection> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let verb = self.template.verb().map_or(0, |verb| verb.len() + 1);
        let path = path.get(..path.len().saturating_sub(verb)).unwrap_or(path);
        for (variable, name) in self.template.variables().iter().zip(self.variables) {
            let raw = self.template.capture(variable, path);
            let is_multi_segment = self.template.is_multi_segment(variable);
            let value = if is_multi_segment { decode_segments(raw) } else { decode_segment(raw) };
            let value = value.map_err(|problem| Rejection::invalid(name, problem))?;
            match Text::bind(message, &variable.field, &value, &[]) {
                Ok(field) => {
                    if let Some(bound) = &mut bound {
                        bound.push(field.path);
                    }
                }
                Err(BindError::Invalid(problem)) => return Err(Rejection::invalid(name, problem)),
                // Not possible: `new` has tried every variable.
                Err(BindError::Unknown) => {}
            }
        }
        Ok(())
    }

    /// Sets the fields of the query parameters.
    /// Reserved fields and those of the body are ignored.
    fn bind_query(
        &self,
        message: &mut Req,
        query: &str,
        mut reserved: Vec<FieldPath>,
        ignored: &mut Vec<String>,
    ) -> Result<(), Rejection> {
        match self.body {
            RequestBody::Whole(_) => {
                query::names(query, ignored);
                return Ok(());
            }
            RequestBody::Field(field, _) => reserved.push(FieldPath::top(field)),
            RequestBody::Patch { resource, mask, .. } => {
                reserved.extend([resource, mask].map(FieldPath::top));
            }
            RequestBody::None => {}
        }
        query::bind(message, query, &reserved, ignored)
    }
}
