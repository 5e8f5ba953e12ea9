//! The update mask of partial updates (AIP-134).

use prost_types::FieldMask;

use crate::error::{Error, Result};
use crate::patch::Patch;

/// The mask of a partial update.
pub(super) struct Mask(Option<FieldMask>);

impl Mask {
    /// Checks that the mask names only these fields.
    pub(super) fn new<const N: usize>(mask: Option<FieldMask>, fields: [&str; N]) -> Result<Self> {
        let mut paths = mask.iter().flat_map(|mask| &mask.paths);
        if paths.any(|path| !fields.contains(&path.as_str())) {
            return Err(Error::invalid("update_mask", format_args!("may name {}", fields.join(", "))));
        }
        Ok(Self(mask))
    }

    /// How the field changes: with a mask, a named field is set or cleared; without one, a field with a value is set.
    pub(super) fn patch<T>(&self, field: &str, value: Option<T>) -> Patch<T> {
        match &self.0 {
            Some(mask) if mask.paths.iter().all(|path| path != field) => Patch::Keep,
            Some(_) => value.map_or(Patch::Clear, Patch::Set),
            None => value.map_or(Patch::Keep, Patch::Set),
        }
    }
}
