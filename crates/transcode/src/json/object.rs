//! Messages from JSON objects, and the three things a PATCH can say of a field.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use prost_types::FieldMask;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::known::Skipped;
use super::read::{FromJson, GIVEN_TWICE, Key, One, refuse};
use super::reading::{PatchNull, Reading};
use crate::text::{BindError, Text};

/// What a request may say of one field of a message.
#[derive(Debug)]
pub struct Field {
    /// The name in the API's spelling.
    pub name: &'static str,
    /// The name in the proto.
    pub proto: &'static str,
}

/// A message that a request may fill, field by field. The build implements it; fields that are only ever answered are
/// not among its fields.
pub trait Fields: Default {
    /// The fields, by number.
    const FIELDS: &'static [Field];

    /// The number of the field of that name, in either spelling.
    fn index(name: &str) -> Option<usize>;

    /// Reads the value of a field.
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        field: usize,
        from: &mut A,
        reading: &mut Reading,
    ) -> Result<Sent, A::Error>;

    /// Sets a field from the text of a path or query.
    fn bind(&mut self, field: usize, text: &mut Text<'_>) -> Result<(), BindError>;
}

/// `google.protobuf.Empty`.
impl Fields for () {
    const FIELDS: &'static [Field] = &[];

    fn index(_: &str) -> Option<usize> {
        None
    }

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _: usize,
        _: &mut A,
        _: &mut Reading,
    ) -> Result<Sent, A::Error> {
        Ok(Sent::Unnamed)
    }

    fn bind(&mut self, _: usize, _: &mut Text<'_>) -> Result<(), BindError> {
        Err(BindError::Unknown)
    }
}

/// What was sent for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// `null`.
    Null,
    /// A value.
    Value,
    /// An object whose own fields a PATCH names.
    Parts,
    /// Something that a PATCH does not name in its mask.
    Unnamed,
}

/// The request of a PATCH: a resource with the new values beside a mask that names them.
pub trait Patchable: Fields {
    /// The resource's message.
    type Resource: Fields;
    /// Fields of the request that are read from the body beside those of the resource.
    const BESIDE: &'static [usize];

    /// The resource, which is made when there is none.
    fn resource(&mut self) -> &mut Self::Resource;

    /// Says which fields change.
    fn set_mask(&mut self, mask: FieldMask);
}

/// Reads a whole message into the request.
pub fn whole<M: Fields>(
    request: &mut M,
    from: &mut super::Reader<'_>,
    reading: &mut Reading,
) -> serde_json::Result<()> {
    from.deserialize_any(Object(reading, Message(request)))
}

/// Reads the body of a PATCH into the request.
pub fn patch<R: Patchable>(
    request: &mut R,
    from: Option<&mut super::Reader<'_>>,
    null: PatchNull,
    reading: &mut Reading,
) -> serde_json::Result<()> {
    let mut mask = FieldMask::default();
    request.resource();
    if let Some(from) = from {
        reading.start_patch(null);
        from.deserialize_any(Object(&mut *reading, Patch(&mut *request)))?;
        mask.paths = reading.take_paths();
        // The order of a JSON object's keys says nothing: without it, equal requests are equal.
        mask.paths.sort_unstable();
    }
    request.set_mask(mask);
    Ok(())
}

impl<M: Fields> FromJson for M {
    const SENT: Sent = Sent::Parts;
    const MUST: &'static str = MUST;

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        let mut message = M::default();
        from.deserialize_any(Object(reading, Message(&mut message)))?;
        Ok(message)
    }
}

const MUST: &str = "must be an object";

/// Where the members of an object go.
trait Members {
    fn index(name: &str) -> Option<usize>;
    fn field(index: usize) -> Option<&'static Field>;
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        index: usize,
        from: &mut A,
        reading: &mut Reading,
    ) -> Result<Sent, A::Error>;
}

struct Message<'m, M>(&'m mut M);

impl<M: Fields> Members for Message<'_, M> {
    fn index(name: &str) -> Option<usize> {
        M::index(name)
    }

    fn field(index: usize) -> Option<&'static Field> {
        M::FIELDS.get(index)
    }

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        index: usize,
        from: &mut A,
        reading: &mut Reading,
    ) -> Result<Sent, A::Error> {
        self.0.read(index, from, reading)
    }
}

/// The resource's fields come first, then the request's own.
struct Patch<'m, R>(&'m mut R);

impl<R: Patchable> Members for Patch<'_, R> {
    fn index(name: &str) -> Option<usize> {
        let beside = || R::index(name).filter(|index| R::BESIDE.contains(index));
        R::Resource::index(name).or_else(|| beside().map(|index| R::Resource::FIELDS.len() + index))
    }

    fn field(index: usize) -> Option<&'static Field> {
        let own = || R::FIELDS.get(index - R::Resource::FIELDS.len());
        R::Resource::FIELDS.get(index).or_else(own)
    }

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        index: usize,
        from: &mut A,
        reading: &mut Reading,
    ) -> Result<Sent, A::Error> {
        match index.checked_sub(R::Resource::FIELDS.len()) {
            None => self.0.resource().read(index, from, reading),
            Some(own) => {
                let patch = reading.patch.take();
                let sent = self.0.read(own, from, reading);
                reading.patch = patch;
                sent.map(|_| Sent::Unnamed)
            }
        }
    }
}

struct Object<'r, T>(&'r mut Reading, T);

/// Which members were there already.
#[derive(Default)]
struct Seen {
    first: u64,
    more: Vec<usize>,
    undeclared: HashSet<String>,
}

impl Seen {
    fn again(&mut self, index: usize) -> bool {
        match 1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)) {
            Some(bit) => {
                let again = self.first & bit != 0;
                self.first |= bit;
                again
            }
            None if self.more.contains(&index) => true,
            None => {
                self.more.push(index);
                false
            }
        }
    }
}

impl<'de, T: Members> Object<'_, T> {
    fn member<A: MapAccess<'de>>(&mut self, index: usize, again: bool, from: &mut A) -> Result<(), A::Error> {
        let Some(field) = T::field(index) else { return Ok(()) };
        let mark = self.0.mark();
        let sent = if again { Err(self.0.refuse(GIVEN_TWICE)) } else { self.1.read(index, from, self.0) };
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                self.0.failed_in(field.name);
                return Err(error);
            }
        };
        self.0.inside(mark, field.name, field.proto);
        self.0.name(sent, field.proto);
        Ok(())
    }

    fn undeclared<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        again: bool,
        from: &mut A,
    ) -> Result<(), A::Error> {
        let patch = self.0.patch.take();
        let value = if again {
            Err(self.0.refuse(GIVEN_TWICE))
        } else {
            from.next_value_seed(One::<Skipped>(self.0, PhantomData)).map(drop)
        };
        self.0.patch = patch;
        match value {
            Ok(()) => self.0.ignore(name),
            Err(_) => self.0.failed_in(name),
        }
        value
    }
}

impl<'de, T: Members> Visitor<'de> for Object<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MUST)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some(name) = from.next_key_seed(Key(self.0))? {
            match T::index(&name) {
                Some(index) => self.member(index, seen.again(index), &mut from)?,
                None => {
                    let again = !seen.undeclared.insert(name.to_string());
                    self.undeclared(&name, again, &mut from)?;
                }
            }
        }
        Ok(())
    }

    refuse!(MUST; numbers);
    refuse!(MUST; visit_str(&str));
    refuse!(MUST; seq);
}
