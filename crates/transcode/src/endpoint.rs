//! The way of a request through its route: decoding, the call, and the response.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::header::VARY;
use http::{HeaderValue, Response, request};
use tonic::{Request, Status};

use crate::decode::Decoder;
use crate::dialect::Dialect;
use crate::json::Fields;
use crate::options::Options;
use crate::reply::Respond;
use crate::{ignored, response};

/// The response to a request.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A request with a route that the guard has accepted.
pub(crate) struct Incoming {
    pub(crate) parts: request::Parts,
    pub(crate) body: Body,
    pub(crate) options: Options,
    /// Whether the request is HEAD.
    pub(crate) head: bool,
}

pub(crate) trait Serve: Send + Sync {
    fn serve(self: Arc<Self>, incoming: Incoming) -> ResponseFuture;
}

pub(crate) struct Endpoint<Req, C, R> {
    pub(crate) dialect: &'static Dialect,
    pub(crate) decoder: Decoder<Req>,
    pub(crate) call: C,
    pub(crate) reply: R,
}

impl<Req, C, F, T, R> Serve for Endpoint<Req, C, R>
where
    Req: Fields + Send + 'static,
    C: Fn(Request<Req>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
    T: Send + 'static,
    R: Respond<T> + 'static,
{
    fn serve(self: Arc<Self>, incoming: Incoming) -> ResponseFuture {
        Box::pin(async move {
            let Incoming { mut parts, body, options, head } = incoming;
            let request_id = parts.headers.get(response::REQUEST_ID).cloned();
            let failure = |status| response::failure(self.dialect, &options, status, request_id.as_ref());
            let mut ignored = Vec::new();
            let mut response = match self.decoder.decode(&mut parts, body, options, &mut ignored).await {
                // By reference: a reply can be kilobytes large, and every move copies it.
                Ok(request) => match &mut (self.call)(request).await {
                    Ok(reply) => self.reply.respond(&parts, options, reply),
                    Err(status) => failure(status.clone()),
                },
                Err(status) => failure(status),
            };
            if let Some(names) = ignored::header(&ignored) {
                response.headers_mut().insert(ignored::IGNORED_FIELDS, names);
            }
            for header in self.dialect.headers {
                response.headers_mut().append(VARY, HeaderValue::from_static(header));
            }
            Ok(if head { response::without_body(response) } else { response })
        })
    }
}
