//! A parsed JSON body, and where in it an error is.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::Rejection;

/// A JSON value. Strings borrow from the text where they have no escapes.
#[derive(Clone, Debug)]
pub enum Json<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction and exponent that fits into 64 bits.
    Integer(i128),
    /// Any other number.
    Number(f64),
    /// A string without NUL characters, which many databases cannot store.
    String(Cow<'t, str>),
    /// An array.
    List(Vec<Self>),
    /// The members of an object, in order. Their names are unique.
    Object(Vec<(Cow<'t, str>, Self)>),
}

/// An invalid value of a body.
#[derive(Debug)]
pub struct Invalid {
    /// The rule that the value breaks, as a phrase that follows the field's name.
    problem: &'static str,
    /// Names and `[index]`es of the value's path, innermost first.
    path: Vec<String>,
}

/// Limits of what an error or header repeats of the client's input.
const MAX_NAME_CHARS: usize = 64;
const MAX_PATH_STEPS: usize = 16;

/// The beginning of a name from the client.
pub(crate) fn short(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

/// The path of something inside a member or item.
pub(super) fn join(outer: &str, inner: &str) -> String {
    if inner.starts_with('[') { format!("{outer}{inner}") } else { format!("{outer}.{inner}") }
}

impl Invalid {
    pub(super) fn new(problem: &'static str) -> Self {
        Self { problem, path: Vec::new() }
    }

    /// The same error, seen from the object that has the value as a member.
    pub(super) fn in_member(mut self, name: &str) -> Self {
        self.path.push(short(name));
        self
    }

    /// The same error, seen from the list that has the value as an item.
    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.path.push(format!("[{index}]"));
        self
    }
}

impl From<Invalid> for Rejection {
    fn from(invalid: Invalid) -> Self {
        let steps = invalid.path.into_iter().rev().take(MAX_PATH_STEPS);
        let path = steps.reduce(|path, step| join(&path, &step));
        Self::invalid(path.as_deref().unwrap_or("body"), invalid.problem)
    }
}

impl<'t> Json<'t> {
    /// Parses a text.
    pub(crate) fn parse(text: &'t str) -> Result<Self, Invalid> {
        let mut failure = None;
        let mut reader = serde_json::Deserializer::from_str(text);
        let parsed =
            Parser(&mut failure).deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
        parsed.map_err(|_| failure.unwrap_or(NOT_JSON))
    }
}

/// The error for everything that serde_json rejects.
/// That is the syntax, a number out of range, an invalid escape, or too many levels.
const NOT_JSON: Invalid = Invalid { problem: "is not valid JSON", path: Vec::new() };

/// Builds a [`Json`], and records the path of an error.
/// serde_json's errors do not contain it.
struct Parser<'p>(&'p mut Option<Invalid>);

impl Parser<'_> {
    /// Adds a step to the path of the failure.
    fn fail<E>(&mut self, step: impl FnOnce(Invalid) -> Invalid, error: E) -> E {
        *self.0 = Some(step(self.0.take().unwrap_or(NOT_JSON)));
        error
    }

    fn reject<E: Error>(&mut self, problem: &'static str) -> E {
        *self.0 = Some(Invalid::new(problem));
        E::custom(problem)
    }
}

impl<'de> DeserializeSeed<'de> for Parser<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parser<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        // Without escapes there is no NUL.
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(mut self, value: &str) -> Result<Json<'de>, E> {
        if value.contains('\0') {
            return Err(self.reject("must not have a NUL character"));
        }
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        loop {
            match items.next_element_seed(Parser(self.0)) {
                Ok(Some(item)) => list.push(item),
                Ok(None) => return Ok(Json::List(list)),
                Err(error) => return Err(self.fail(|invalid| invalid.in_item(list.len()), error)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        let mut names = SeenNames::default();
        while let Some(name) = from.next_key_seed(Parser(self.0))? {
            let Json::String(name) = name else { return Err(A::Error::custom("keys are strings")) };
            let value = if names.insert(&name, &members) {
                from.next_value_seed(Parser(self.0))
            } else {
                Err(self.reject(DUPLICATE))
            };
            match value {
                Ok(value) => members.push((name, value)),
                Err(error) => return Err(self.fail(|invalid| invalid.in_member(&name), error)),
            }
        }
        Ok(Json::Object(members))
    }
}

pub(super) const DUPLICATE: &str = "is given twice";

/// The names of an object's members, for objects with many of them.
#[derive(Default)]
struct SeenNames(HashSet<String>);

impl SeenNames {
    /// Whether the name is new.
    fn insert(&mut self, name: &str, members: &[(Cow<'_, str>, Json<'_>)]) -> bool {
        const FEW: usize = 16;
        if members.len() < FEW {
            return members.iter().all(|(known, _)| known != name);
        }
        if self.0.is_empty() {
            self.0.extend(members.iter().map(|(known, _)| known.to_string()));
        }
        self.0.insert(name.to_owned())
    }
}
