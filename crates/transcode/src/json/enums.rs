//! Enums, which prost keeps as numbers and JSON shows by name.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::ToJson;
use super::write::{Key, leaf};

/// The names of a proto enum's values.
pub trait Enum {
    /// The name of a number, if it has one.
    fn name(number: i32) -> Option<&'static str>;
    /// The number of a name.
    fn number(name: &str) -> Option<i32>;
}

/// A number whose name is a value of the enum `E`.
#[derive(Debug, Clone, Copy)]
pub struct Named<E>(i32, PhantomData<E>);

impl<E: Enum> Named<E> {
    /// That number.
    pub const fn new(number: i32) -> Self {
        Self(number, PhantomData)
    }

    /// The number.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The value that a text names, or says the number of.
    pub fn parse(text: &str) -> Option<Self> {
        let numbered = || text.parse().ok().filter(|number| E::name(*number).is_some());
        E::number(text).or_else(numbered).map(Self::new)
    }
}

/// A field of numbers that are shown as the names of `E`.
pub trait Shown {
    /// Appends the names.
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>);
}

/// Appends a member of an object whose value is an enum's name.
pub fn enumeration<E: Enum>(out: &mut Vec<u8>, before: &str, value: &impl Shown) {
    out.extend_from_slice(before.as_bytes());
    value.write_names::<E>(out);
}

impl Shown for i32 {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        match E::name(*self) {
            Some(name) => leaf(out, name),
            None => leaf(out, self),
        }
    }
}

impl Shown for Option<i32> {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        match self {
            Some(number) => number.write_names::<E>(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<E: Enum> ToJson for Named<E> {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write_names::<E>(out);
    }
}

impl Shown for Vec<i32> {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        self.iter().map(|number| Named::<E>::new(*number)).collect::<Vec<_>>().write(out);
    }
}

impl<K: Key> Shown for BTreeMap<K, i32> {
    fn write_names<E: Enum>(&self, out: &mut Vec<u8>) {
        self.iter()
            .map(|(key, number)| (key, Named::<E>::new(*number)))
            .collect::<BTreeMap<_, _>>()
            .write(out);
    }
}
