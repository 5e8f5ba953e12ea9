//! One REST route: from the request's parts to the typed call, and from its reply to the answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body as HttpBody;
use http::header::ETAG;
use http::{Method, Response, StatusCode, request};
use tonic::{Request, Status};

use super::dialect::Dialect;
use super::json::{Fields, PatchNull, Reader, Reading, invalid};
use super::percent::{decode_segment, decode_segments};
use super::template::Template;
use super::text::{BindError, Place, Text};
use super::{answer, body, metadata, query, unknown};
use crate::error::{Error, with_origin};

/// What the build knows of a route.
#[derive(Debug)]
pub struct Binding<Req, Rep> {
    /// The RPC's path, such as `/switchboard.v1.ChatService/GetChat`.
    pub rpc: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path template.
    pub template: &'static str,
    /// The names of the template's variables in the API's spelling.
    pub variables: &'static [&'static str],
    /// The words of the API.
    pub dialect: &'static Dialect,
    /// What the body is read into.
    pub body: Body<Req>,
    /// The status of success.
    pub status: StatusCode,
    /// Writes the reply; nothing where it is `google.protobuf.Empty`.
    pub reply: Option<fn(&Rep, &mut Vec<u8>)>,
}

/// Reads a JSON body into a request.
pub type Read<Req> = fn(&mut Req, &mut Reader<'_>, &mut Reading) -> serde_json::Result<()>;
/// Reads the body of a PATCH, or its absence, into a request.
pub type ReadPatch<Req> =
    fn(&mut Req, Option<&mut Reader<'_>>, PatchNull, &mut Reading) -> serde_json::Result<()>;

/// What a body is read into.
#[derive(Debug)]
pub enum Body<Req> {
    /// There is none.
    None,
    /// The whole request, so that there are no query parameters.
    Whole(Read<Req>),
    /// The field of that number.
    Field(usize, Read<Req>),
    /// The resource in the field of that number, with a mask of the fields that were sent.
    Patch(usize, ReadPatch<Req>),
}

/// A route that can be served.
pub struct Route {
    pub(super) method: Method,
    pub(super) template: &'static str,
    pub(super) rpc: &'static str,
    pub(super) dialect: &'static Dialect,
    pub(super) endpoint: Box<dyn FnOnce(Template) -> Arc<dyn Serve> + Send>,
}

impl Route {
    /// A route that makes that call.
    pub fn new<Req, Rep, C, F>(binding: Binding<Req, Rep>, call: C) -> Self
    where
        Req: Fields + Send + 'static,
        Rep: Send + 'static,
        C: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<tonic::Response<Rep>, Status>> + Send + 'static,
    {
        Self {
            method: binding.method.clone(),
            template: binding.template,
            rpc: binding.rpc,
            dialect: binding.dialect,
            endpoint: Box::new(move |template| {
                Arc::new(Endpoint { binding, template, call, capacity: AtomicUsize::new(SMALLEST) })
            }),
        }
    }
}

/// An answer on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<HttpBody>, Infallible>> + Send>>;

/// A request that found its route and passed the guard.
pub(super) struct Incoming {
    pub(super) parts: request::Parts,
    pub(super) body: HttpBody,
    /// The largest body, in bytes.
    pub(super) max_body: usize,
    /// Whether only the head is asked for.
    pub(super) head: bool,
}

pub(super) trait Serve: Send + Sync {
    fn serve(self: Arc<Self>, incoming: Incoming) -> Answer;
}

/// The room a reply gets at first: as much as the last one took, between these bounds.
const SMALLEST: usize = 256;
const LARGEST: usize = 16 * 1024;

struct Endpoint<Req, Rep, C> {
    binding: Binding<Req, Rep>,
    template: Template,
    call: C,
    capacity: AtomicUsize,
}

impl<Req, Rep, C, F> Serve for Endpoint<Req, Rep, C>
where
    Req: Fields + Send + 'static,
    Rep: Send + 'static,
    C: Fn(Request<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<tonic::Response<Rep>, Status>> + Send + 'static,
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
            Ok(if head { answer::without_body(response) } else { response })
        })
    }
}

impl<Req, Rep, C, F> Endpoint<Req, Rep, C>
where
    Req: Fields + Send + 'static,
    Rep: Send + 'static,
    C: Fn(Request<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<tonic::Response<Rep>, Status>> + Send + 'static,
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
            Ok(reply) => self.answer(parts, reply),
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
        if !matches!(self.binding.body, Body::None) {
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
                Body::Whole(_) => query::names(query, ignored),
                Body::Field(field, _) | Body::Patch(field, _) => {
                    owned.push(Place::top(field));
                    query::bind(&mut request, query, &owned, ignored)?;
                }
                Body::None => query::bind(&mut request, query, &owned, ignored)?,
            }
        }
        if !ignored.is_empty() && unknown::is_strict(&parts.headers) {
            return Err(unknown::refusal(std::mem::take(ignored)));
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
            Body::Patch(_, read) => {
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

    fn answer(&self, parts: &request::Parts, reply: &mut tonic::Response<Rep>) -> Response<HttpBody> {
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
