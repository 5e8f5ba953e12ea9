//! From the request's parts to the typed call, and from its reply to the answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body as HttpBody;
use http::header::{ETAG, VARY};
use http::{HeaderValue, Method, Response, StatusCode, request};
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Status};

use super::{Binding, Body};
use crate::error::{Error, with_origin};
use crate::transcode::json::{Fields, Reader, Reading, invalid};
use crate::transcode::percent::{decode_segment, decode_segments};
use crate::transcode::stream::{self, Resume, Writing};
use crate::transcode::template::Template;
use crate::transcode::text::{BindError, Place, Text};
use crate::transcode::{answer, body, metadata, query, unknown};

/// An answer on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<HttpBody>, Infallible>> + Send>>;

/// A request that found its route and passed the guard.
pub struct Incoming {
    pub parts: request::Parts,
    pub body: HttpBody,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// Whether only the head is asked for.
    pub head: bool,
}

pub trait Serve: Send + Sync {
    fn serve(self: Arc<Self>, incoming: Incoming) -> Answer;
}

/// The room a reply gets at first: as much as the last one took, between these bounds.
const SMALLEST: usize = 256;
const LARGEST: usize = 16 * 1024;

/// `T` is what the call answers: a reply, or a stream of them.
pub(super) struct Endpoint<Req, Rep, T, C> {
    binding: Binding<Req, Rep>,
    template: Template,
    /// Of a stream, where it can be taken up again.
    resume: Option<Resume<Req, Rep>>,
    call: C,
    answer: Answering<Req, Rep, T, C>,
    capacity: AtomicUsize,
}

/// Makes the answer of what a call answered.
pub(super) type Answering<Req, Rep, T, C> =
    fn(&Endpoint<Req, Rep, T, C>, &request::Parts, &mut tonic::Response<T>) -> Response<HttpBody>;

impl<Req, Rep, T, C> Endpoint<Req, Rep, T, C> {
    pub(super) fn new(
        binding: Binding<Req, Rep>,
        template: Template,
        resume: Option<Resume<Req, Rep>>,
        call: C,
        answer: Answering<Req, Rep, T, C>,
    ) -> Self {
        Self { binding, template, resume, call, answer, capacity: AtomicUsize::new(SMALLEST) }
    }
}

impl<Req, Rep, T, C, F> Serve for Endpoint<Req, Rep, T, C>
where
    Req: Fields + Send + 'static,
    Rep: Send + 'static,
    T: Send + 'static,
    C: Fn(Request<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
{
    fn serve(self: Arc<Self>, incoming: Incoming) -> Answer {
        Box::pin(async move {
            let Incoming { mut parts, body, max_body, head } = incoming;
            let mut ignored = Vec::new();
            let mut response = self.respond(&mut parts, body, max_body, &mut ignored).await;
            if !ignored.is_empty()
                && let Some(names) = unknown::header(&ignored)
            {
                response.headers_mut().insert(unknown::IGNORED_FIELDS, names);
            }
            for header in self.binding.dialect.headers {
                response.headers_mut().append(VARY, HeaderValue::from_static(header));
            }
            Ok(if head { answer::without_body(response) } else { response })
        })
    }
}

impl<Req, Rep, T, C, F> Endpoint<Req, Rep, T, C>
where
    Req: Fields + Send + 'static,
    Rep: Send + 'static,
    T: Send + 'static,
    C: Fn(Request<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
{
    async fn respond(
        &self,
        parts: &mut request::Parts,
        body: HttpBody,
        max_body: usize,
        ignored: &mut Vec<String>,
    ) -> Response<HttpBody> {
        let dialect = self.binding.dialect;
        let request_id = parts.headers.get(answer::REQUEST_ID).cloned();
        let failure = |error: &Error| answer::failure(dialect, error, request_id.as_ref());
        let request = match self.request(parts, body, max_body, ignored).await {
            Ok(request) => request,
            Err(error) => return failure(&error),
        };
        let metadata = match metadata::from_headers(&parts.headers) {
            Ok(metadata) => metadata,
            Err(error) => return failure(&error),
        };
        let extensions = std::mem::take(&mut parts.extensions);
        // By reference from here on: a reply can be kilobytes large, and every move copies it.
        match &mut (self.call)(Request::from_parts(metadata, extensions, request)).await {
            Ok(reply) => (self.answer)(self, parts, reply),
            Err(status) => {
                let mut response = with_origin(status, failure);
                response.extensions_mut().insert(status.clone());
                response
            }
        }
    }

    /// The typed request. Path beats body beats query.
    async fn request(
        &self,
        parts: &request::Parts,
        body: HttpBody,
        max_body: usize,
        ignored: &mut Vec<String>,
    ) -> Result<Req, Error> {
        let mut request = Req::default();
        if matches!(self.binding.body, Body::None) {
            let unasked = body::read_any(&parts.headers, body, max_body).await?;
            unknown::body(&unasked, &parts.headers, ignored);
        } else {
            let bytes = body::read(&parts.method, &parts.headers, body, max_body).await?;
            self.read_body(&mut request, &bytes, ignored)?;
        }
        let query = parts.uri.query();
        let mut owned = Vec::new();
        self.bind_path(&mut request, parts.uri.path(), |place| {
            if query.is_some() {
                owned.push(place);
            }
        })?;
        if let Some(query) = query {
            match self.binding.body {
                Body::Field(field, _) => owned.push(Place::top(field)),
                Body::Patch { resource, mask, .. } => owned.extend([resource, mask].map(Place::top)),
                Body::Whole(_) | Body::None => {}
            }
            match self.binding.body {
                Body::Whole(_) => query::names(query, ignored),
                Body::Field(..) | Body::Patch { .. } | Body::None => {
                    query::bind(&mut request, query, &owned, ignored)?;
                }
            }
        }
        if !ignored.is_empty() && unknown::is_strict(&parts.headers) {
            return Err(unknown::refusal(std::mem::take(ignored)));
        }
        // A browser that reconnects asks for the same URL: what it saw last is newer than what that says.
        if let Some(resume) = &self.resume
            && let Some(last) = parts.headers.get(stream::LAST_EVENT_ID)
        {
            let last = last.to_str().map_err(|_| invalid(stream::LAST_EVENT_ID, "must be visible ASCII"))?;
            (resume.begin)(&mut request, last.to_owned());
        }
        Ok(request)
    }

    fn read_body(&self, request: &mut Req, bytes: &[u8], ignored: &mut Vec<String>) -> Result<(), Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| invalid("body", "must be UTF-8"))?;
        let mut json = Reader::from_str(text);
        let mut reading = Reading::default();
        let read = match self.binding.body {
            Body::None => Ok(()),
            Body::Whole(_) | Body::Field(..) if text.is_empty() => Ok(()),
            Body::Whole(read) | Body::Field(_, read) => {
                read(request, &mut json, &mut reading).and_then(|()| json.end())
            }
            Body::Patch { read, .. } => {
                let null = self.binding.dialect.patch_null;
                let says_nothing = self.binding.dialect.empty_string_body && text.trim_ascii() == "\"\"";
                if text.is_empty() || says_nothing {
                    read(request, None, null, &mut reading)
                } else {
                    read(request, Some(&mut json), null, &mut reading).and_then(|()| json.end())
                }
            }
        };
        match read {
            Ok(()) => {
                ignored.extend(reading.into_ignored());
                Ok(())
            }
            Err(_) => Err(reading.into_error()),
        }
    }

    /// Sets the fields that the path names, and notes which they are.
    fn bind_path(&self, request: &mut Req, path: &str, mut note: impl FnMut(Place)) -> Result<(), Error> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let verb = self.template.verb().map_or(0, |verb| verb.len() + 1);
        let path = path.get(..path.len().saturating_sub(verb)).unwrap_or(path);
        for (variable, name) in self.template.variables().iter().zip(self.binding.variables) {
            let raw = self.template.capture(variable, path);
            let decode =
                if self.template.is_multi_segment(variable) { decode_segments } else { decode_segment };
            let value = decode(raw).map_err(|refusal| invalid(name, refusal))?;
            match Text::bind(request, &variable.field, &value, &[]) {
                Ok(bound) => note(bound.place),
                Err(BindError::Invalid(refusal)) => return Err(invalid(name, refusal)),
                // The build has seen to it that the field is there.
                Err(BindError::Unknown) => return Err(Error::internal(format!("no field for {name}"))),
            }
        }
        Ok(())
    }
}

impl<Req, Rep, C> Endpoint<Req, Rep, Rep, C> {
    pub(super) fn answer(
        &self,
        parts: &request::Parts,
        reply: &mut tonic::Response<Rep>,
    ) -> Response<HttpBody> {
        let mut headers = std::mem::take(reply.metadata_mut()).into_headers();
        let is_read = matches!(parts.method, Method::GET | Method::HEAD);
        let known = is_read && headers.get(ETAG).is_some_and(|etag| answer::is_known(&parts.headers, etag));
        let mut response = match self.binding.reply {
            _ if known => answer::empty(StatusCode::NOT_MODIFIED),
            None => answer::empty(self.binding.status),
            Some(write) => {
                let mut body = Vec::with_capacity(self.capacity.load(Ordering::Relaxed));
                write(reply.get_ref(), &mut body);
                self.capacity.store(body.len().clamp(SMALLEST, LARGEST), Ordering::Relaxed);
                answer::json(self.binding.status, body)
            }
        };
        answer::pass_on(&mut headers, &mut response);
        *response.extensions_mut() = std::mem::take(reply.extensions_mut());
        response
    }
}

impl<Req, Rep: Send + 'static, S, C> Endpoint<Req, Rep, Option<S>, C>
where
    S: Stream<Item = Result<Rep, Status>> + Send + 'static,
{
    pub(super) fn answer_all(
        &self,
        parts: &request::Parts,
        reply: &mut tonic::Response<Option<S>>,
    ) -> Response<HttpBody> {
        let writing = Writing {
            dialect: self.binding.dialect,
            status: self.binding.status,
            // The build has seen to it that there is something to write.
            item: self.binding.reply.unwrap_or(|_, _| {}),
            token: self.resume.as_ref().map(|resume| resume.token),
        };
        let mut response = match reply.get_mut().take() {
            Some(stream) => stream::answer(&parts.headers, writing, stream),
            None => answer::empty(self.binding.status),
        };
        answer::pass_on(&mut std::mem::take(reply.metadata_mut()).into_headers(), &mut response);
        response
    }
}
