//! Routes: a binding with the call that it makes.

use std::future::Future;
use std::sync::Arc;

use http::Method;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Status};
use transcode_template::Template;

use crate::binding::{Binding, Resume};
use crate::decode::Decoder;
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Serve};
use crate::json::Fields;
use crate::reply::{Respond, UnaryReply};
use crate::stream::StreamReply;

/// Fails with the name of a path variable that is not a field of the request.
type MakeEndpoint = dyn FnOnce(Template) -> Result<Arc<dyn Serve>, String> + Send;

/// A route and the call that serves it.
pub struct Route {
    pub(crate) method: Method,
    pub(crate) template: &'static str,
    pub(crate) rpc: &'static str,
    pub(crate) dialect: &'static Dialect,
    pub(crate) endpoint: Box<MakeEndpoint>,
}

impl Route {
    /// A route of a unary call.
    pub fn new<Req, Rep, C, F>(binding: Binding<Req, Rep>, call: C) -> Self
    where
        Req: Fields + Send + 'static,
        Rep: Send + 'static,
        C: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<tonic::Response<Rep>, Status>> + Send + 'static,
    {
        let reply = UnaryReply::new(binding.status, binding.reply);
        Self::served(binding, None, call, reply)
    }

    /// A route of a server-streaming call.
    pub fn streaming<Req, Rep, S, C, F>(
        binding: Binding<Req, Rep>,
        resume: Option<Resume<Req, Rep>>,
        call: C,
    ) -> Self
    where
        Req: Fields + Send + 'static,
        Rep: Send + 'static,
        S: Stream<Item = Result<Rep, Status>> + Send + 'static,
        C: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<tonic::Response<S>, Status>> + Send + 'static,
    {
        let (token, begin) = resume.map(|resume| (resume.token, resume.begin)).unzip();
        let reply =
            StreamReply { dialect: binding.dialect, status: binding.status, write: binding.reply, token };
        // An option, so that the stream can be taken out of a reply that is passed by reference.
        let call = move |request| {
            let stream = call(request);
            async move { stream.await.map(|reply| reply.map(Some)) }
        };
        Self::served(binding, begin, call, reply)
    }

    fn served<Req, Rep, T, C, F, R>(
        binding: Binding<Req, Rep>,
        resume: Option<fn(&mut Req, String)>,
        call: C,
        reply: R,
    ) -> Self
    where
        Req: Fields + Send + 'static,
        Rep: 'static,
        T: Send + 'static,
        C: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
        R: Respond<T> + 'static,
    {
        let Binding { rpc, method, template, variables, dialect, body, .. } = binding;
        let endpoint = move |template| -> Result<Arc<dyn Serve>, String> {
            let decoder = Decoder::new(template, variables, body, dialect, resume)?;
            Ok(Arc::new(Endpoint { dialect, decoder, call, reply }))
        };
        Self { method, template, rpc, dialect, endpoint: Box::new(endpoint) }
    }
}
