//! The errors of calls, and how each protocol reports them.

mod call_error;
mod kind;
mod status;

pub use call_error::{Error, FieldViolation};
pub use kind::{Kind, Row};
pub use status::{is_own, unreadable, with_origin};

/// The result of actions and of everything below them.
pub type Result<T, E = Error> = std::result::Result<T, E>;
