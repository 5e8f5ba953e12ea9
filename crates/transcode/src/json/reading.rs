//! What is found out while a body is read: the first mistake, the keys nobody declared, the fields a PATCH names.

use serde::de;

use super::Sent;
use crate::error::Rejection;

/// What `null` says in the body of a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchNull {
    /// The field is cleared.
    Clears,
    /// The field counts as not sent.
    NotSent,
}

/// The names a caller is told are kept short, and few.
const LONGEST_NAME: usize = 64;
const LONGEST_PATH: usize = 16;
const MOST_IGNORED: usize = 64;

const NOT_JSON: &str = "is not valid JSON";

/// What is found out while a body is read.
///
/// Paths are put together on the way out of an object or list, so a body without mistakes pays nothing for them.
#[derive(Debug, Default)]
pub struct Reading {
    failure: Option<Failure>,
    ignored: Vec<String>,
    /// The fields named so far, in a PATCH.
    pub(super) patch: Option<Patching>,
    /// How deep inside a free-form value the reader stands.
    pub(super) depth: u32,
}

#[derive(Debug)]
struct Failure {
    /// From the inside out.
    path: Vec<Step>,
    message: &'static str,
}

#[derive(Debug)]
enum Step {
    Name(String),
    Index(usize),
}

#[derive(Debug)]
pub(super) struct Patching {
    pub(super) null: PatchNull,
    pub(super) paths: Vec<String>,
}

/// How much was known before a member was read.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    ignored: usize,
    paths: usize,
}

impl Sent {
    /// The same where `null` empties the field in every PATCH.
    pub fn or_cleared(self) -> Self {
        match self {
            Self::Null => Self::Value,
            sent @ (Self::Value | Self::Parts | Self::Unnamed) => sent,
        }
    }
}

impl Reading {
    /// Notes what is wrong with the value just read.
    pub(super) fn refuse<E: de::Error>(&mut self, message: &'static str) -> E {
        self.failure = Some(Failure { path: Vec::new(), message });
        E::custom(message)
    }

    /// Notes a key that nobody declared.
    pub(super) fn ignore(&mut self, name: &str) {
        if self.ignored.len() < MOST_IGNORED {
            self.ignored.push(short(name));
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { ignored: self.ignored.len(), paths: self.patch.as_ref().map_or(0, |patch| patch.paths.len()) }
    }

    /// Everything noted since the mark lies inside that member.
    pub(super) fn inside(&mut self, mark: Mark, name: &str, proto: &str) {
        for ignored in self.ignored.iter_mut().skip(mark.ignored) {
            *ignored = join(&short(name), ignored);
        }
        if let Some(patch) = &mut self.patch {
            for path in patch.paths.iter_mut().skip(mark.paths) {
                *path = format!("{proto}.{path}");
            }
        }
    }

    pub(super) fn failed_in(&mut self, name: &str) {
        self.failure().path.push(Step::Name(short(name)));
    }

    pub(super) fn failed_at(&mut self, index: usize) {
        self.failure().path.push(Step::Index(index));
    }

    /// What went wrong. When nobody noted it, it was the parser: a number too large, half a surrogate, too much depth.
    fn failure(&mut self) -> &mut Failure {
        self.failure.get_or_insert(Failure { path: Vec::new(), message: NOT_JSON })
    }

    /// Everything ignored since the mark lies inside that item.
    pub(super) fn inside_item(&mut self, mark: Mark, index: usize) {
        for ignored in self.ignored.iter_mut().skip(mark.ignored) {
            *ignored = join(&format!("[{index}]"), ignored);
        }
    }

    /// From here on a PATCH is read.
    pub(super) fn start_patch(&mut self, null: PatchNull) {
        self.patch = Some(Patching { null, paths: Vec::new() });
    }

    /// In a PATCH, a member names a field of the mask.
    pub(super) fn name(&mut self, sent: Sent, proto: &str) {
        let Some(patch) = &mut self.patch else { return };
        let named = match sent {
            Sent::Value => true,
            Sent::Null => patch.null == PatchNull::Clears,
            Sent::Parts | Sent::Unnamed => false,
        };
        if named {
            patch.paths.push(proto.to_owned());
        }
    }

    /// The fields a PATCH named, in its order.
    pub(super) fn take_paths(&mut self) -> Vec<String> {
        self.patch.take().map(|patch| patch.paths).unwrap_or_default()
    }

    /// The keys that nobody declared.
    pub fn into_ignored(self) -> Vec<String> {
        self.ignored
    }

    /// The mistake in the caller's own words. What the reader has no name for is a mistake of the body itself.
    pub(crate) fn into_rejection(self) -> Rejection {
        let (path, message) = match self.failure {
            Some(failure) => (render(failure.path), failure.message),
            None => (String::new(), NOT_JSON),
        };
        Rejection::invalid(if path.is_empty() { "body" } else { &path }, message)
    }
}

fn render(path: Vec<Step>) -> String {
    path.into_iter().rev().take(LONGEST_PATH).fold(String::new(), |path, step| match step {
        Step::Index(index) => format!("{path}[{index}]"),
        Step::Name(name) if path.is_empty() => name,
        Step::Name(name) => format!("{path}.{name}"),
    })
}

fn join(outer: &str, inner: &str) -> String {
    if inner.starts_with('[') { format!("{outer}{inner}") } else { format!("{outer}.{inner}") }
}

pub(crate) fn short(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}
