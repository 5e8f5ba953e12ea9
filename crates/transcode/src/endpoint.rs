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

use transcode_template::Template;

use crate::binding::{Binding, RequestBody};
use crate::error::Rejection;
use crate::json::{Fields, Reader, Reading};
use crate::options::Options;
use crate::percent::{decode_segment, decode_segments};
use crate::stream::{self, Resume, Writing};
use crate::text::{BindError, Place, Text};
use crate::{ignored, metadata, query, request_body, response};

/// The response to a request.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<HttpBody>, Infallible>> + Send>>;

/// A request with a route that the guard has accepted.
pub(crate) struct Incoming {
    pub(crate) parts: request::Parts,
    pub(crate) body: HttpBody,
    pub(crate) options: Options,
    /// Whether the request is HEAD.
    pub(crate) head: bool,
}

pub(crate) trait Serve: Send + Sync {
    fn serve(self: Arc<Self>, incoming: Incoming) -> ResponseFuture;
}

/// The initial capacity of a reply's buffer is the size of the previous reply, between these bounds in bytes.
const SMALLEST: usize = 256;
const LARGEST: usize = 16 * 1024;

/// A route's decoding, call and response. `T` is the call's result: a reply, or a stream of replies.
pub(crate) struct Endpoint<Req, Rep, T, C> {
    binding: Binding<Req, Rep>,
    template: Template,
    resume: Option<Resume<Req, Rep>>,
    call: C,
    respond: Respond<Req, Rep, T, C>,
    capacity: AtomicUsize,
}

/// Makes the response from a call's result.
pub(crate) type Respond<Req, Rep, T, C> =
    fn(&Endpoint<Req, Rep, T, C>, &request::Parts, Options, &mut tonic::Response<T>) -> Response<HttpBody>;

impl<Req: Fields, Rep, T, C> Endpoint<Req, Rep, T, C> {
    /// Fails with the name of a path variable that is no field of the request.
    pub(crate) fn new(
        binding: Binding<Req, Rep>,
        template: Template,
        resume: Option<Resume<Req, Rep>>,
        call: C,
        respond: Respond<Req, Rep, T, C>,
    ) -> Result<Self, String> {
        let is_unknown =
            |field: &str| matches!(Text::bind(&mut Req::default(), field, "", &[]), Err(BindError::Unknown));
        match template.variables().iter().find(|variable| is_unknown(&variable.field)) {
            Some(variable) => Err(variable.field.clone()),
            None => {
                Ok(Self { binding, template, resume, call, respond, capacity: AtomicUsize::new(SMALLEST) })
            }
        }
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
    fn serve(self: Arc<Self>, incoming: Incoming) -> ResponseFuture {
        Box::pin(async move {
            let Incoming { mut parts, body, options, head } = incoming;
            let mut ignored = Vec::new();
            let mut response = self.answer(&mut parts, body, options, &mut ignored).await;
            if !ignored.is_empty()
                && let Some(names) = ignored::header(&ignored)
            {
                response.headers_mut().insert(ignored::IGNORED_FIELDS, names);
            }
            for header in self.binding.dialect.headers {
                response.headers_mut().append(VARY, HeaderValue::from_static(header));
            }
            Ok(if head { response::without_body(response) } else { response })
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
    async fn answer(
        &self,
        parts: &mut request::Parts,
        body: HttpBody,
        options: Options,
        ignored: &mut Vec<String>,
    ) -> Response<HttpBody> {
        let request_id = parts.headers.get(response::REQUEST_ID).cloned();
        let failure = |status| response::failure(self.binding.dialect, &options, status, request_id.as_ref());
        let request = match self.request(parts, body, options, ignored).await {
            Ok(request) => request,
            Err(rejection) => return failure(rejection.into()),
        };
        // By reference from here on: a reply can be kilobytes large, and every move copies it.
        match &mut (self.call)(request).await {
            Ok(reply) => (self.respond)(self, parts, options, reply),
            Err(status) => failure(status.clone()),
        }
    }

    async fn request(
        &self,
        parts: &mut request::Parts,
        body: HttpBody,
        options: Options,
        ignored: &mut Vec<String>,
    ) -> Result<Request<Req>, Rejection> {
        let message = self.message(parts, body, options.max_body_bytes, ignored).await?;
        let metadata = metadata::from_headers(&parts.headers, options.request_headers)?;
        Ok(Request::from_parts(metadata, std::mem::take(&mut parts.extensions), message))
    }

    /// The request message. Path beats body beats query.
    async fn message(
        &self,
        parts: &request::Parts,
        body: HttpBody,
        max_body: usize,
        ignored: &mut Vec<String>,
    ) -> Result<Req, Rejection> {
        let mut request = Req::default();
        if matches!(self.binding.body, RequestBody::None) {
            let undeclared = request_body::read_any(&parts.headers, body, max_body).await?;
            ignored::body(&undeclared, &parts.headers, ignored);
        } else {
            let bytes = request_body::read(&parts.method, &parts.headers, body, max_body).await?;
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
                RequestBody::Field(field, _) => owned.push(Place::top(field)),
                RequestBody::Patch { resource, mask, .. } => owned.extend([resource, mask].map(Place::top)),
                RequestBody::Whole(_) | RequestBody::None => {}
            }
            match self.binding.body {
                RequestBody::Whole(_) => query::names(query, ignored),
                RequestBody::Field(..) | RequestBody::Patch { .. } | RequestBody::None => {
                    query::bind(&mut request, query, &owned, ignored)?;
                }
            }
        }
        if !ignored.is_empty() && ignored::is_strict(&parts.headers) {
            return Err(ignored::rejection(std::mem::take(ignored)));
        }
        // A browser that reconnects asks for the same URL: what it saw last is newer than what that says.
        if let Some(resume) = &self.resume
            && let Some(last) = parts.headers.get(stream::LAST_EVENT_ID)
        {
            let last = last
                .to_str()
                .map_err(|_| Rejection::invalid(stream::LAST_EVENT_ID, "must be visible ASCII"))?;
            (resume.begin)(&mut request, last.to_owned());
        }
        Ok(request)
    }

    fn read_body(&self, request: &mut Req, bytes: &[u8], ignored: &mut Vec<String>) -> Result<(), Rejection> {
        let text = std::str::from_utf8(bytes).map_err(|_| Rejection::invalid("body", "must be UTF-8"))?;
        let mut json = Reader::from_str(text);
        let mut reading = Reading::default();
        let read = match self.binding.body {
            RequestBody::None => Ok(()),
            RequestBody::Whole(_) | RequestBody::Field(..) if text.is_empty() => Ok(()),
            RequestBody::Whole(read) | RequestBody::Field(_, read) => {
                read(request, &mut json, &mut reading).and_then(|()| json.end())
            }
            RequestBody::Patch { read, .. } => {
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
            Err(_) => Err(reading.into_rejection()),
        }
    }

    /// Sets the fields that the path names, and notes which they are.
    fn bind_path(&self, request: &mut Req, path: &str, mut note: impl FnMut(Place)) -> Result<(), Rejection> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let verb = self.template.verb().map_or(0, |verb| verb.len() + 1);
        let path = path.get(..path.len().saturating_sub(verb)).unwrap_or(path);
        for (variable, name) in self.template.variables().iter().zip(self.binding.variables) {
            let raw = self.template.capture(variable, path);
            let decode =
                if self.template.is_multi_segment(variable) { decode_segments } else { decode_segment };
            let value = decode(raw).map_err(|refusal| Rejection::invalid(name, refusal))?;
            match Text::bind(request, &variable.field, &value, &[]) {
                Ok(bound) => note(bound.place),
                Err(BindError::Invalid(refusal)) => return Err(Rejection::invalid(name, refusal)),
                // `new` has tried every variable.
                Err(BindError::Unknown) => {}
            }
        }
        Ok(())
    }
}

impl<Req, Rep, C> Endpoint<Req, Rep, Rep, C> {
    pub(crate) fn reply(
        &self,
        parts: &request::Parts,
        options: Options,
        reply: &mut tonic::Response<Rep>,
    ) -> Response<HttpBody> {
        let headers = std::mem::take(reply.metadata_mut()).into_headers();
        let is_read = matches!(parts.method, Method::GET | Method::HEAD);
        let known =
            is_read && headers.get(ETAG).is_some_and(|etag| response::is_not_modified(&parts.headers, etag));
        let mut response = match self.binding.reply {
            _ if known => response::empty(StatusCode::NOT_MODIFIED),
            None => response::empty(self.binding.status),
            Some(write) => {
                let mut body = Vec::with_capacity(self.capacity.load(Ordering::Relaxed));
                write(reply.get_ref(), &mut body);
                self.capacity.store(body.len().clamp(SMALLEST, LARGEST), Ordering::Relaxed);
                response::json(self.binding.status, body)
            }
        };
        response::move_headers(headers, options.response_headers, &mut response);
        *response.extensions_mut() = std::mem::take(reply.extensions_mut());
        response
    }
}

impl<Req, Rep: Send + 'static, S, C> Endpoint<Req, Rep, Option<S>, C>
where
    S: Stream<Item = Result<Rep, Status>> + Send + 'static,
{
    pub(crate) fn stream(
        &self,
        parts: &request::Parts,
        options: Options,
        reply: &mut tonic::Response<Option<S>>,
    ) -> Response<HttpBody> {
        let writing = Writing {
            dialect: self.binding.dialect,
            options,
            status: self.binding.status,
            item: self.binding.reply.unwrap_or(|_, _| {}),
            token: self.resume.as_ref().map(|resume| resume.token),
        };
        let mut response = match reply.get_mut().take() {
            Some(stream) => stream::response(&parts.headers, writing, stream),
            None => response::empty(self.binding.status),
        };
        let headers = std::mem::take(reply.metadata_mut()).into_headers();
        response::move_headers(headers, options.response_headers, &mut response);
        response
    }
}
