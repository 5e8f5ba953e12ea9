//! How messages look as JSON, and how they are read from it.
//!
//! The build writes one small `impl` per message: [`ToJson`] for what is answered, [`Fields`] for what is asked. All
//! that is the same for every message is here. Not `serde`'s derive: it takes arrays for objects, has no third state
//! beside null and a value, and tells mistakes in the words of Rust types; and answers would pay for its indirection.
//! Not `pbjson-types`: it writes `Z` and `1.0` where this API's documents have `+00:00` and `1`.

mod enums;
mod known;
mod object;
mod read;
mod reading;
mod scalars;
mod text_or_list;
mod write;

pub use enums::{Enum, Named, enumeration};
pub use object::{Field, Fields, Patchable, Sent, patch, whole};
pub use read::{FromJson, choice, field, or_empty, root};
pub(crate) use reading::short;
pub use reading::{PatchNull, Reading};
pub use scalars::Scalar;
pub use text_or_list::TextOrList;
pub use write::{ToJson, member};

/// serde_json's reader of a text: the one every message is read from.
pub type Reader<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;
