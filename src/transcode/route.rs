//! One REST route: what the build knows of it, and the call it makes.

mod endpoint;

use std::future::Future;
use std::sync::Arc;

use http::{Method, StatusCode};
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Status};

pub use self::endpoint::Answer;
use self::endpoint::{Answering, Endpoint};
pub(super) use self::endpoint::{Incoming, Serve};
use super::dialect::Dialect;
use super::json::{Fields, PatchNull, Reader, Reading};
use super::stream::Resume;
use super::template::Template;

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
    /// A resource with a mask of the fields that were sent.
    Patch {
        /// The number of the field that the resource is.
        resource: usize,
        /// The mask's.
        mask: usize,
        /// Reads both.
        read: ReadPatch<Req>,
    },
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
        Self::served(binding, None, call, Endpoint::answer)
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
        Self::served(binding, resume, call, Endpoint::answer_all)
    }

    fn served<Req, Rep, T, C, F>(
        binding: Binding<Req, Rep>,
        resume: Option<Resume<Req, Rep>>,
        call: C,
        answer: Answering<Req, Rep, T, C>,
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
                Arc::new(Endpoint::new(binding, template, resume, call, answer))
            }),
        }
    }
}
