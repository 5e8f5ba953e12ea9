//! Finds the most specific route of a path, in whatever order routes were added.
//!
//! There is a tree for each HTTP method and verb. From left to right, a literal takes precedence over `*`, and `*` over
//! `**`; the search backtracks. It visits a node at most once for each path segment and allocates nothing, except for
//! segments with escapes.

use std::fmt;

use http::Method;
use transcode_template::{Segment, Template};

use crate::percent::is_same_segment;

/// Path templates of all HTTP methods, each with its target.
#[derive(Debug)]
pub struct Router<T> {
    entries: Vec<(Template, T)>,
    methods: Vec<(Method, Verbs)>,
}

/// The route of a path.
#[derive(Debug)]
pub struct Found<'r, 'p, T> {
    /// The template that matches.
    pub template: &'r Template,
    /// Its target.
    pub target: &'r T,
    /// The path without its first slash and the verb, for [`Template::capture`].
    pub path: &'p str,
}

/// Two templates match the same paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    /// The HTTP method of both.
    pub method: Method,
    /// The template that was added first.
    pub first: String,
    /// The template that was rejected.
    pub second: String,
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} and {} match the same paths", self.method, self.first, self.second)
    }
}

impl std::error::Error for Ambiguous {}

/// The trees of an HTTP method.
#[derive(Debug, Default)]
struct Verbs {
    /// The root of a tree for each verb, the longest verb first.
    with: Vec<(String, Node)>,
    without: Node,
}

/// The routes below a path segment. They are indexes into [`Router::entries`].
#[derive(Debug, Default)]
struct Node {
    literals: Vec<(String, Self)>,
    one: Option<Box<Self>>,
    /// The literals after `**`, longest first, each with its entry.
    many: Vec<(Vec<String>, usize)>,
    end: Option<usize>,
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), methods: Vec::new() }
    }
}

impl<T> Router<T> {
    /// Adds a route, unless another one matches the same paths.
    pub fn insert(&mut self, method: &Method, template: Template, target: T) -> Result<(), Ambiguous> {
        let entry = self.entries.len();
        let verbs = match self.methods.iter().position(|(known, _)| known == method) {
            Some(at) => &mut self.methods[at].1,
            None => &mut self.methods.push_mut((method.clone(), Verbs::default())).1,
        };
        match verbs.tree(template.verb()).insert(template.segments(), entry) {
            Ok(()) => {
                self.entries.push((template, target));
                Ok(())
            }
            Err(known) => Err(Ambiguous {
                method: method.clone(),
                first: self.entries[known].0.to_string(),
                second: template.to_string(),
            }),
        }
    }

    /// The route of a method and a path that begins with a slash.
    ///
    /// A colon in the last segment begins a verb if a route of this method has that verb and matches; otherwise it is part
    /// of the segment.
    pub fn find<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Option<Found<'r, 'p, T>> {
        let verbs = self.methods.iter().find(|(known, _)| known == method).map(|(_, verbs)| verbs)?;
        let (entry, path) = verbs.find(path.strip_prefix('/')?)?;
        let (template, target) = self.entries.get(entry)?;
        Some(Found { template, target, path })
    }

    /// The methods that have a route for a path.
    pub fn methods<'r>(&'r self, path: &str) -> impl Iterator<Item = &'r Method> {
        let path = path.strip_prefix('/');
        self.methods
            .iter()
            .filter(move |(_, verbs)| path.is_some_and(|path| verbs.find(path).is_some()))
            .map(|(method, _)| method)
    }
}

impl Verbs {
    fn tree(&mut self, verb: Option<&str>) -> &mut Node {
        let Some(verb) = verb else { return &mut self.without };
        let at = self.with.iter().position(|(known, _)| known == verb).unwrap_or_else(|| {
            let at = self.with.partition_point(|(known, _)| known.len() >= verb.len());
            self.with.insert(at, (verb.to_owned(), Node::default()));
            at
        });
        &mut self.with[at].1
    }

    fn find<'p>(&self, path: &'p str) -> Option<(usize, &'p str)> {
        let with_verb = self.with.iter().find_map(|(verb, tree)| {
            let path = path.strip_suffix(verb.as_str())?.strip_suffix(':')?;
            Some((tree.find(path)?, path))
        });
        with_verb.or_else(|| Some((self.without.find(path)?, path)))
    }
}

impl Node {
    /// Adds the entry of a template's segments, or fails with the entry that has its place.
    fn insert(&mut self, segments: &[Segment], entry: usize) -> Result<(), usize> {
        match segments.split_first() {
            Some((Segment::Literal(text), rest)) => self.literal(text).insert(rest, entry),
            Some((Segment::One, rest)) => self.one.get_or_insert_default().insert(rest, entry),
            Some((Segment::Many, rest)) => self.insert_many(rest, entry),
            None => {
                let known = *self.end.get_or_insert(entry);
                if known == entry { Ok(()) } else { Err(known) }
            }
        }
    }

    fn literal(&mut self, text: &str) -> &mut Self {
        let known = self.literals.iter().position(|(known, _)| is_same_segment(known, text));
        let at = known.unwrap_or(self.literals.len());
        if known.is_none() {
            self.literals.push((text.to_owned(), Self::default()));
        }
        &mut self.literals[at].1
    }

    fn insert_many(&mut self, after: &[Segment], entry: usize) -> Result<(), usize> {
        let literals = after.iter().filter_map(|segment| match segment {
            Segment::Literal(text) => Some(text.clone()),
            Segment::One | Segment::Many => None,
        });
        let suffix: Vec<String> = literals.collect();
        if let Some((_, known)) = self.many.iter().find(|(known, _)| *known == suffix) {
            return Err(*known);
        }
        let at = self.many.partition_point(|(known, _)| known.len() >= suffix.len());
        self.many.insert(at, (suffix, entry));
        Ok(())
    }

    fn find(&self, path: &str) -> Option<usize> {
        // The path "/" has no segment; in all others, an empty text is an empty segment.
        self.walk((!path.is_empty()).then_some(path))
    }

    /// The recursion is as deep as the longest template, whatever the path.
    fn walk(&self, rest: Option<&str>) -> Option<usize> {
        let Some(rest) = rest else {
            let empty_many = self.many.iter().find(|(suffix, _)| suffix.is_empty());
            return self.end.or(empty_many.map(|(_, entry)| *entry));
        };
        let (segment, after) = rest.split_once('/').map_or((rest, None), |(head, tail)| (head, Some(tail)));
        let literal = || {
            let (_, child) = self.literals.iter().find(|(text, _)| is_same_segment(segment, text))?;
            child.walk(after)
        };
        let one = || self.one.as_ref().filter(|_| !segment.is_empty()).and_then(|child| child.walk(after));
        let many = || {
            let ends_with = |suffix: &[String]| {
                let mut segments = rest.rsplit('/');
                let mut suffix = suffix.iter().rev();
                suffix.all(|text| segments.next().is_some_and(|segment| is_same_segment(segment, text)))
            };
            self.many.iter().find(|(suffix, _)| ends_with(suffix)).map(|(_, entry)| *entry)
        };
        literal().or_else(one).or_else(many)
    }
}
