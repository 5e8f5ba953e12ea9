//! Routes: a declaration with the call that it makes.

use std::future::Future;
use std::sync::Arc;

use http::Method;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Status};

use transcode_template::Template;

use crate::binding::Binding;
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Respond, Serve};
use crate::json::Fields;
use crate::stream::Resume;

/// A route that can be served.
pub struct Route {
    pub(crate) method: Method,
    pub(crate) template: &'static str,
    pub(crate) rpc: &'static str,
    pub(crate) dialect: &'static Dialect,
    pub(crate) endpoint: Box<dyn FnOnce(Template) -> Result<Arc<dyn Serve>, String> + Send>,
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
        Self::served(binding, None, call, Endpoint::reply)
    }

    /// A route that makes that call and answers with every item of the stream.
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
        let call = move |request| {
            let answer = call(request);
            async move { answer.await.map(|reply| reply.map(Some)) }
        };
        Self::served(binding, resume, call, Endpoint::stream)
    }

    fn served<Req, Rep, T, C, F>(
        binding: Binding<Req, Rep>,
        resume: Option<Resume<Req, Rep>>,
        call: C,
        respond: Respond<Req, Rep, T, C>,
    ) -> Self
    where
        Req: Fields + Send + 'static,
        Rep: Send + 'static,
        T: Send + 'static,
        C: Fn(Request<Req>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
    {
        Self {
            method: binding.method.clone(),
            template: binding.template,
            rpc: binding.rpc,
            dialect: binding.dialect,
            endpoint: Box::new(move |template| {
                Ok(Arc::new(Endpoint::new(binding, template, resume, call, respond)?))
            }),
        }
    }
}
