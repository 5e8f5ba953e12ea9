//! JSON of protobuf messages: reading requests and writing replies.
//!
//! The build generates one small `impl` for each message: [`ToJson`] for replies, [`Fields`] for requests. The code that
//! all messages share is here. `serde`'s derive does not fit: it accepts arrays in place of objects, does not distinguish
//! an absent field from `null`, and reports errors in terms of Rust types. `pbjson` writes 64-bit integers as strings.

mod enums;
mod fields;
mod object;
mod read;
mod reading;
mod scalars;
mod tree;
mod value;
mod well_known;
mod write;

pub use enums::{Enum, Named, enumeration};
pub use fields::{BindError, Bound, Field, FieldPath, Fields, Patchable, Text};
pub use object::{patch, whole};
pub use read::{FromJson, TextOrList, choice, field, or_empty, root};
pub use reading::{PatchNull, Reading, Sent};
pub use scalars::{Saturated, Scalar};
pub(crate) use tree::short;
pub use tree::{Invalid, Json};
pub use write::{ToJson, member};
