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

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> Result<Mask> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Mask::new(Some(FieldMask { paths }), ["name", "color"])
    }

    #[test]
    fn without_mask_fields_with_values_are_set() {
        let mask = Mask::new(None, ["name", "color"]).unwrap();
        assert_eq!(mask.patch("name", Some(1)), Patch::Set(1));
        assert_eq!(mask.patch::<i32>("name", None), Patch::Keep);
    }

    #[test]
    fn with_mask_named_fields_are_set_or_cleared() {
        let mask = mask(&["name"]).unwrap();
        assert_eq!(mask.patch("name", Some(1)), Patch::Set(1));
        assert_eq!(mask.patch::<i32>("name", None), Patch::Clear);
        assert_eq!(mask.patch("color", Some(1)), Patch::Keep);
    }

    #[test]
    fn mask_with_unknown_path_is_invalid() {
        for path in ["id", "created_at", "Name", "*", ""] {
            let error = mask(&["name", path]).err().unwrap();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }
}
