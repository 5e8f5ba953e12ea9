//! The declaration of a route: what its annotation states.

use http::{Method, StatusCode};

use crate::dialect::Dialect;
use crate::json::{PatchNull, Reader, Reading};

/// The declaration of a route, as the build generates it.
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
    pub body: RequestBody<Req>,
    /// The status of success.
    pub status: StatusCode,
    /// Writes the reply; nothing where it is `google.protobuf.Empty`.
    pub reply: Option<fn(&Rep, &mut Vec<u8>)>,
}

/// Reads a JSON body into a request.
pub type ReadBody<Req> = fn(&mut Req, &mut Reader<'_>, &mut Reading) -> serde_json::Result<()>;
/// Reads the body of a PATCH, or its absence, into a request.
pub type ReadPatch<Req> =
    fn(&mut Req, Option<&mut Reader<'_>>, PatchNull, &mut Reading) -> serde_json::Result<()>;

/// What a body is read into.
#[derive(Debug)]
pub enum RequestBody<Req> {
    /// There is none.
    None,
    /// The whole request, so that there are no query parameters.
    Whole(ReadBody<Req>),
    /// The field of that number.
    Field(usize, ReadBody<Req>),
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
