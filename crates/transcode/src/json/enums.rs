//! Enums: numbers in prost's messages, names in JSON.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::scalars::{Problem, Scalar, from_json};
use super::write::{Key, ToJson, leaf};

/// The names of a proto enum's values.
pub trait Enum {
    /// The name of a number, if it has one.
    fn name(number: i32) -> Option<&'static str>;
    /// The number of a name.
    fn number(name: &str) -> Option<i32>;
}

/// A value of the enum `E`, by its number.
#[derive(Debug, Clone, Copy)]
pub struct Named<E>(i32, PhantomData<E>);

impl<E> Named<E> {
    const fn new(number: i32) -> Self {
        Self(number, PhantomData)
    }

    /// The number.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl<E: Enum> ToJson for Named<E> {
    fn write(&self, out: &mut Vec<u8>) {
        match E::name(self.0) {
            Some(name) => leaf(out, name),
            None => leaf(out, &self.0),
        }
    }
}

from_json!([E: Enum] Named<E>);

/// A name, or a number that has a name.
impl<E: Enum> Scalar for Named<E> {
    const EXPECTED: Problem = "must be the name of one of its values";

    fn from_text(text: &str) -> Result<Self, Problem> {
        let known = |number: &i32| E::name(*number).is_some();
        let number = E::number(text).or_else(|| text.parse().ok().filter(known));
        number.map(Self::new).ok_or(Self::EXPECTED)
    }

    fn from_integer(value: i128) -> Option<Self> {
        i32::try_from(value).ok().filter(|number| E::name(*number).is_some()).map(Self::new)
    }
}

/// A field that holds values of an enum: one, an optional one, a list or a map.
pub trait EnumField {
    /// Appends the field with names of `E` in place of numbers.
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>);
}

/// Appends a member of an object whose value is an enum's name.
pub fn enumeration<E: Enum>(out: &mut Vec<u8>, before: &str, value: &impl EnumField) {
    out.extend_from_slice(before.as_bytes());
    value.write_names::<E>(out);
}

impl EnumField for i32 {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        Named::<E>::new(*self).write(out);
    }
}

impl EnumField for Option<i32> {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        self.map(Named::<E>::new).write(out);
    }
}

impl EnumField for Vec<i32> {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        self.iter().copied().map(Named::<E>::new).collect::<Vec<_>>().write(out);
    }
}

impl<K: Key> EnumField for BTreeMap<K, i32> {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        let named = self.iter().map(|(key, number)| (key, Named::<E>::new(*number)));
        named.collect::<BTreeMap<_, _>>().write(out);
    }
}
