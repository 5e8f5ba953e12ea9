//! The declaration of a route: what its annotation states.

use http::{Method, StatusCode};

use crate::dialect::Dialect;
use crate::json::{Invalid, Json, PatchNull, Reading};

/// The declaration of a route, as the build generates it.
#[derive(Debug)]
pub struct Binding<Req, Rep> {
    /// The RPC's path, such as `/library.v1.Library/GetBook`.
    pub rpc: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path template.
    pub template: &'static str,
    /// The names of the template's variables in the API's spelling: errors use them.
    pub variables: &'static [&'static str],
    /// The format of the API.
    pub dialect: &'static Dialect,
    /// The target of the request's body.
    pub body: RequestBody<Req>,
    /// The status of success.
    pub status: StatusCode,
    /// Writes the reply; `None` for `google.protobuf.Empty`.
    pub reply: Option<fn(&Rep, &mut Vec<u8>)>,
}

/// Reads a JSON body into a request.
pub type ReadBody<Req> = fn(&mut Req, Json<'_>, &mut Reading) -> Result<(), Invalid>;

/// Reads the body of a PATCH, or its absence, into a request.
pub type ReadPatch<Req> = fn(&mut Req, Option<Json<'_>>, PatchNull, &mut Reading) -> Result<(), Invalid>;

/// The target of a request's body.
/// Fields are identified by their index in [`Fields::FIELDS`](crate::json::Fields).
#[derive(Debug)]
pub enum RequestBody<Req> {
    /// The request has no body.
    None,
    /// The whole request: query parameters set nothing.
    Whole(ReadBody<Req>),
    /// One field.
    Field(usize, ReadBody<Req>),
    /// A resource, and a mask of the fields that were sent.
    Patch {
        /// The field of the resource.
        resource: usize,
        /// The field of the mask.
        mask: usize,
        /// Reads both.
        read: ReadPatch<Req>,
    },
}

/// The field with which a client resumes a stream.
/// Each item has a token, after which a later request can start.
#[derive(Debug)]
pub struct Resume<Req, Rep> {
    /// The token of an item.
    pub token: fn(&Rep) -> &str,
    /// Sets the token in a request.
    pub begin: fn(&mut Req, String),
}
