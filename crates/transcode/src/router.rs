//! Finds the route of a path: the most specific one, whatever the order they were added in.
//!
//! One tree per HTTP method and verb. A literal beats `*`, which beats `**`, from left to right; what leads nowhere is
//! taken back. A lookup visits each node of the tree at most once and allocates nothing.

use std::fmt;

use http::Method;

use super::percent::spells;
use transcode_template::{Segment, Template};

/// Templates of all HTTP methods, each with what it leads to.
#[derive(Debug)]
pub struct Router<T> {
    entries: Vec<(Template, T)>,
    methods: Vec<(Method, Verbs)>,
}

/// What a path leads to.
#[derive(Debug)]
pub struct Found<'r, 'p, T> {
    /// The template that answers.
    pub template: &'r Template,
    /// What was added with it.
    pub target: &'r T,
    /// The path without its first slash and the verb: what [`Template::capture`] reads.
    pub path: &'p str,
}

/// Two templates that would answer the same paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    /// The HTTP method of both.
    pub method: Method,
    /// The one that was there.
    pub first: String,
    /// The one that was refused.
    pub second: String,
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} and {} answer the same paths", self.method, self.first, self.second)
    }
}

impl std::error::Error for Ambiguous {}

/// The trees of one HTTP method: one per verb, longest verb first, and one for paths without.
#[derive(Debug, Default)]
struct Verbs {
    with: Vec<(String, Tree)>,
    without: Tree,
}

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
    /// Adds a route. Refuses one that answers the same paths as another.
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

    /// The route of a method and a path that begins with a slash. A verb counts when a route of this method has it and
    /// matches; otherwise the colon is part of the segment.
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
        for (verb, tree) in &self.with {
            let before = path.strip_suffix(verb.as_str()).and_then(|path| path.strip_suffix(':'));
            if let Some(found) = before.and_then(|path| Some((tree.find(path)?, path))) {
                return Some(found);
            }
        }
        Some((self.without.find(path)?, path))
    }
}

impl Tree {
    /// Puts a template's entry in its place, or returns the one that is there.
    fn insert(&mut self, template: &Template, entry: usize) -> Result<(), usize> {
        let mut node = 0;
        for (index, segment) in template.segments().iter().enumerate() {
            node = match segment {
                Segment::Literal(text) => {
                    let known = self.0[node]
                        .literals
                        .iter()
                        .find(|(known, _)| spells(known, text))
                        .map(|(_, at)| *at);
                    known.unwrap_or_else(|| {
                        let child = self.grow();
                        self.0[node].literals.push((text.clone(), child));
                        child
                    })
                }
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
        // "/" alone has no segment; everywhere else an empty text is a segment that is empty.
        self.walk(0, (!path.is_empty()).then_some(path))
    }

    /// As deep as the longest template, whatever the path.
    fn walk(&self, node: usize, rest: Option<&str>) -> Option<usize> {
        let node = self.0.get(node)?;
        let Some(rest) = rest else {
            let empty_many =
                || node.many.iter().find(|(suffix, _)| suffix.is_empty()).map(|(_, entry)| *entry);
            return node.end.or_else(empty_many);
        };
        let (segment, after) =
            rest.split_once('/').map_or((rest, None), |(segment, after)| (segment, Some(after)));
        let literal = || {
            let (_, child) = node.literals.iter().find(|(text, _)| spells(segment, text))?;
            self.walk(*child, after)
        };
        let one = || node.one.filter(|_| !segment.is_empty()).and_then(|child| self.walk(child, after));
        let many = || {
            let fits = |suffix: &[String]| {
                let mut segments = rest.rsplit('/');
                suffix.iter().rev().all(|text| segments.next().is_some_and(|segment| spells(segment, text)))
            };
            node.many.iter().find(|(suffix, _)| fits(suffix)).map(|(_, entry)| *entry)
        };
        literal().or_else(one).or_else(many)
    }
}
