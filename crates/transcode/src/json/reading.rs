//! State of reading a body: unknown keys, and the fields that a PATCH names.

use super::tree::{join, short};

/// The meaning of `null` in the body of a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchNull {
    /// `null` clears the field.
    Clears,
    /// A field that is `null` counts as absent.
    NotSent,
}

/// What a body has sent for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// `null`.
    Null,
    /// A value.
    Value,
    /// An object whose fields a PATCH names one by one.
    Parts,
    /// A value that a PATCH does not name in its mask.
    Unnamed,
}

impl Sent {
    /// `null` as a value: where it clears the field in every PATCH.
    pub fn or_cleared(self) -> Self {
        if self == Self::Null { Self::Value } else { self }
    }
}

/// State of reading a body: unknown keys, and the fields that a PATCH names.
///
/// Paths are assembled on the way out of an object or list, so that most bodies pay nothing for them.
#[derive(Debug, Default)]
pub struct Reading {
    ignored: Vec<String>,
    /// `None` in a whole message.
    mask: Option<Mask>,
}

#[derive(Debug)]
struct Mask {
    null: PatchNull,
    paths: Vec<String>,
}

/// The lengths of the lists before a member was read.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    ignored: usize,
    paths: usize,
}

const MAX_IGNORED: usize = 64;

impl Reading {
    /// Adds an unknown key.
    pub(super) fn ignore(&mut self, name: &str) {
        if self.ignored.len() < MAX_IGNORED {
            self.ignored.push(short(name));
        }
    }

    /// The unknown keys.
    pub(crate) fn into_ignored(self) -> Vec<String> {
        self.ignored
    }

    /// Begins the body of a PATCH.
    pub(super) fn start_patch(&mut self, null: PatchNull) {
        self.mask = Some(Mask { null, paths: Vec::new() });
    }

    /// Ends the body of a PATCH and returns the paths of its mask.
    pub(super) fn take_paths(&mut self) -> Vec<String> {
        self.mask.take().map(|mask| mask.paths).unwrap_or_default()
    }

    /// Whether the body is that of a PATCH in which `null` clears fields.
    pub(super) fn null_clears(&self) -> bool {
        self.mask.as_ref().is_some_and(|mask| mask.null == PatchNull::Clears)
    }

    /// Adds a field that was sent to the mask.
    pub(super) fn name(&mut self, sent: Sent, proto: &str) {
        let is_named = sent == Sent::Value || sent == Sent::Null && self.null_clears();
        if let Some(mask) = self.mask.as_mut().filter(|_| is_named) {
            mask.paths.push(proto.to_owned());
        }
    }

    /// Reads a value whose parts a PATCH does not name.
    pub(super) fn unnamed<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let mask = self.mask.take();
        let value = read(self);
        self.mask = mask;
        value
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { ignored: self.ignored.len(), paths: self.mask.as_ref().map_or(0, |mask| mask.paths.len()) }
    }

    /// Prefixes the unknown keys since the mark with their member or `[index]`.
    pub(super) fn ignored_in(&mut self, mark: Mark, outer: impl Fn() -> String) {
        for inner in self.ignored.iter_mut().skip(mark.ignored) {
            *inner = join(&outer(), inner);
        }
    }

    /// Prefixes the paths of the mask since the mark with the field that holds them.
    pub(super) fn named_in(&mut self, mark: Mark, proto: &str) {
        for path in self.mask.iter_mut().flat_map(|mask| &mut mask.paths).skip(mark.paths) {
            *path = join(proto, path);
        }
    }
}
