//! Finds the route of a path: the most specific one, in whatever order routes were added.
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
    /// A tree for each verb, the longest verb first.
    with: Vec<(String, Tree)>,
    without: Tree,
}

/// Nodes refer to each other by index; the first one is the root.
#[derive(Debug)]
struct Tree(Vec<Node>);

impl Default for Tree {
    fn default() -> Self {
        Self(vec![Node::default()])
    }
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(String, usize)>,
    one: Option<usize>,
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
        match verbs.tree(template.verb()).insert(&template, entry) {
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
    fn tree(&mut self, verb: Option<&str>) -> &mut Tree {
        let Some(verb) = verb else { return &mut self.without };
        let at = self.with.iter().position(|(known, _)| known == verb).unwrap_or_else(|| {
            let at = self.with.partition_point(|(known, _)| known.len() >= verb.len());
            self.with.insert(at, (verb.to_owned(), Tree::default()));
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

impl Tree {
    /// Adds a template's entry, or fails with the entry that has its place.
    fn insert(&mut self, template: &Template, entry: usize) -> Result<(), usize> {
        let mut node = 0;
        for (index, segment) in template.segments().iter().enumerate() {
            node = match segment {
                Segment::Literal(text) => self.literal(node, text),
                Segment::One => self.0[node].one.unwrap_or_else(|| {
                    let child = self.grow();
                    self.0[node].one = Some(child);
                    child
                }),
                Segment::Many => return self.insert_many(node, &template.segments()[index + 1..], entry),
            };
        }
        match self.0[node].end {
            Some(known) => Err(known),
            None => {
                self.0[node].end = Some(entry);
                Ok(())
            }
        }
    }

    fn literal(&mut self, node: usize, text: &str) -> usize {
        let known = self.0[node].literals.iter().find(|(known, _)| is_same_segment(known, text));
        known.map(|(_, child)| *child).unwrap_or_else(|| {
            let child = self.grow();
            self.0[node].literals.push((text.to_owned(), child));
            child
        })
    }

    fn insert_many(&mut self, node: usize, after: &[Segment], entry: usize) -> Result<(), usize> {
        let literals = after.iter().filter_map(|segment| match segment {
            Segment::Literal(text) => Some(text.clone()),
            Segment::One | Segment::Many => None,
        });
        let suffix: Vec<String> = literals.collect();
        let many = &mut self.0[node].many;
        if let Some((_, known)) = many.iter().find(|(known, _)| *known == suffix) {
            return Err(*known);
        }
        let at = many.partition_point(|(known, _)| known.len() >= suffix.len());
        many.insert(at, (suffix, entry));
        Ok(())
    }

    fn grow(&mut self) -> usize {
        self.0.push(Node::default());
        self.0.len() - 1
    }

    fn find(&self, path: &str) -> Option<usize> {
        // The path "/" has no segment; in all others, an empty text is an empty segment.
        self.walk(0, (!path.is_empty()).then_some(path))
    }

    /// The recursion is as deep as the longest template, whatever the path.
    fn walk(&self, node: usize, rest: Option<&str>) -> Option<usize> {
        let node = self.0.get(node)?;
        let Some(rest) = rest else {
            let empty_many = node.many.iter().find(|(suffix, _)| suffix.is_empty());
            return node.end.or(empty_many.map(|(_, entry)| *entry));
        };
        let (segment, after) = rest.split_once('/').map_or((rest, None), |(head, tail)| (head, Some(tail)));
        let literal = || {
            let (_, child) = node.literals.iter().find(|(text, _)| is_same_segment(segment, text))?;
            self.walk(*child, after)
        };
        let one = || node.one.filter(|_| !segment.is_empty()).and_then(|child| self.walk(child, after));
        let many = || {
            let ends_with = |suffix: &[String]| {
                let mut segments = rest.rsplit('/');
                let mut suffix = suffix.iter().rev();
                suffix.all(|text| segments.next().is_some_and(|segment| is_same_segment(segment, text)))
            };
            node.many.iter().find(|(suffix, _)| ends_with(suffix)).map(|(_, entry)| *entry)
        };
        literal().or_else(one).or_else(many)
    }
}
