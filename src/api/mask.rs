//! What a partial update says of each field: its values and its mask taken together.

use prost_types::FieldMask;

use crate::error::{Error, Result};
use crate::patch::Patch;

/// The mask of a partial update.
pub(super) struct Mask(Option<FieldMask>);

impl Mask {
    /// The mask, which may name these fields and no others.
    pub(super) fn new<const N: usize>(mask: Option<FieldMask>, fields: [&str; N]) -> Result<Self> {
        let mut paths = mask.iter().flat_map(|mask| &mask.paths);
        if paths.any(|path| !fields.contains(&path.as_str())) {
            return Err(Error::invalid("update_mask", format_args!("may name {}", fields.join(", "))));
        }
        Ok(Self(mask))
    }

    /// What the update says of that field: with a mask, what it names is set or cleared; without one, what is set.
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
    fn without_a_mask_what_is_set_changes() {
        let mask = Mask::new(None, ["name", "color"]).unwrap();
        assert_eq!(mask.patch("name", Some(1)), Patch::Set(1));
        assert_eq!(mask.patch::<i32>("name", None), Patch::Keep);
    }

    #[test]
    fn with_a_mask_what_it_names_changes_and_is_cleared_when_not_set() {
        let mask = mask(&["name"]).unwrap();
        assert_eq!(mask.patch("name", Some(1)), Patch::Set(1));
        assert_eq!(mask.patch::<i32>("name", None), Patch::Clear);
        assert_eq!(mask.patch("color", Some(1)), Patch::Keep);
    }

    #[test]
    fn a_mask_names_nothing_else() {
        for path in ["id", "created_at", "Name", "*", ""] {
            let error = mask(&["name", path]).err().unwrap();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }
}
