//! The places in which a value appears.

/// The place of a value. Requests accept more forms of a type than responses have.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A response.
    Answer,
    /// The body of a request.
    Body,
    /// The query or path of a request.
    Query,
}
