//! Values from JSON: what every field, list and map has in common.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::reading::{PatchNull, Reading};
use super::{Reader, Sent};

/// A value that a request may hold.
pub trait FromJson: Sized {
    /// How a PATCH names the value: whole, or by its parts.
    const SENT: Sent = Sent::Value;
    /// Whether `null` may empty it. What is merged key by key cannot be emptied so.
    const CLEARABLE: bool = true;
    /// What the value must be, as a fragment that follows the field's name.
    const MUST: &'static str;

    /// Reads the value; `null` is not one.
    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error>;
}

/// Reads the value of a member and sets it. `null` sets nothing.
pub fn field<'de, A, T>(from: &mut A, reading: &mut Reading, set: impl FnOnce(T)) -> Result<Sent, A::Error>
where
    A: MapAccess<'de>,
    T: FromJson,
{
    match from.next_value_seed(Nullable::<T>(reading, PhantomData))? {
        Some(value) => {
            set(value);
            Ok(T::SENT)
        }
        None if T::CLEARABLE => Ok(Sent::Null),
        None => match &reading.patch {
            Some(patch) if patch.null == PatchNull::Clears => Err(reading.refuse(T::MUST)),
            Some(_) | None => Ok(Sent::Null),
        },
    }
}

/// As [`field`], where `null` is a value too: the empty one.
pub fn or_empty<'de, A, T>(from: &mut A, reading: &mut Reading, set: impl FnOnce(T)) -> Result<Sent, A::Error>
where
    A: MapAccess<'de>,
    T: FromJson + Default,
{
    let value = from.next_value_seed(Nullable::<T>(reading, PhantomData))?;
    set(value.unwrap_or_default());
    Ok(T::SENT)
}

/// Reads the value of one of several members of which only one may be set.
pub fn choice<'de, A, T, C>(
    from: &mut A,
    reading: &mut Reading,
    slot: &mut Option<C>,
    choose: impl FnOnce(T) -> C,
) -> Result<Sent, A::Error>
where
    A: MapAccess<'de>,
    T: FromJson,
{
    let mut chosen = None;
    let sent = field(from, reading, |value| chosen = Some(choose(value)))?;
    match chosen {
        Some(_) if slot.is_some() => Err(reading.refuse("must not be given beside another of its kind")),
        Some(chosen) => {
            *slot = Some(chosen);
            Ok(sent)
        }
        None => Ok(sent),
    }
}

/// Reads a whole body as the value of a field and sets it.
pub fn root<T: FromJson>(
    from: &mut Reader<'_>,
    reading: &mut Reading,
    set: impl FnOnce(T),
) -> serde_json::Result<()> {
    T::read(from, reading).map(set)
}

struct Nullable<'r, T>(&'r mut Reading, PhantomData<T>);

impl<'de, T: FromJson> DeserializeSeed<'de> for Nullable<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de, T: FromJson> Visitor<'de> for Nullable<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::MUST)
    }

    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        T::read(from, self.0).map(Some)
    }
}

/// One value where `null` is not understood: an item of a list, a value of a map.
pub(super) struct One<'r, T>(pub &'r mut Reading, pub PhantomData<T>);

impl<'de, T: FromJson> DeserializeSeed<'de> for One<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(from, self.0)
    }
}

/// Visitor methods for values of a wrong type. The visitor has the reading in `self.0` and says `MUST`.
macro_rules! refuse {
    ($must:expr; $($method:ident($($of:ty)?)),*) => {$(
        fn $method<E: serde::de::Error>(self $(, _: $of)?) -> Result<Self::Value, E> {
            Err(self.0.refuse($must))
        }
    )*};
    ($must:expr; seq) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
            Err(self.0.refuse($must))
        }
    };
    ($must:expr; map) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
            Err(self.0.refuse($must))
        }
    };
    ($must:expr; numbers) => {
        $crate::json::read::refuse!($must; visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_unit());
    };
}
pub(super) use refuse;

impl<T: FromJson> FromJson for Vec<T> {
    const MUST: &'static str = "must be an array";

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        let patch = reading.patch.take();
        let list = from.deserialize_any(List::<T>(reading, PhantomData));
        reading.patch = patch;
        list
    }
}

pub(super) struct List<'r, T>(pub &'r mut Reading, pub PhantomData<T>);

impl<'de, T: FromJson> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Vec::<T>::MUST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        loop {
            let mark = self.0.mark();
            match items.next_element_seed(One(self.0, PhantomData)) {
                Ok(Some(item)) => list.push(item),
                Ok(None) => return Ok(list),
                Err(error) => {
                    self.0.failed_at(list.len());
                    return Err(error);
                }
            }
            self.0.inside_item(mark, list.len() - 1);
        }
    }

    refuse!(Vec::<T>::MUST; numbers);
    refuse!(Vec::<T>::MUST; visit_str(&str));
    refuse!(Vec::<T>::MUST; map);
}

impl<K: FromStr + Ord, T: FromJson> FromJson for BTreeMap<K, T> {
    const CLEARABLE: bool = false;
    const MUST: &'static str = "must be an object";

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        let patch = reading.patch.take();
        let map = from.deserialize_any(Map::<K, T>(reading, PhantomData));
        reading.patch = patch;
        map
    }
}

pub(super) struct Map<'r, K, T>(pub &'r mut Reading, pub PhantomData<(K, T)>);

impl<'de, K: FromStr + Ord, T: FromJson> Visitor<'de> for Map<'_, K, T> {
    type Value = BTreeMap<K, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BTreeMap::<K, T>::MUST)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<BTreeMap<K, T>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(name) = members.next_key_seed(Key(self.0))? {
            let mark = self.0.mark();
            let value = match name.parse::<K>() {
                Ok(key) if map.contains_key(&key) => Err(self.0.refuse(GIVEN_TWICE)),
                Ok(key) => members.next_value_seed(One(self.0, PhantomData)).map(|value| (key, value)),
                Err(_) => Err(self.0.refuse("is not a key of this object")),
            };
            match value {
                Ok((key, value)) => map.insert(key, value),
                Err(error) => {
                    self.0.failed_in(&name);
                    return Err(error);
                }
            };
            self.0.inside(mark, &name, &name);
        }
        Ok(map)
    }

    refuse!(BTreeMap::<K, T>::MUST; numbers);
    refuse!(BTreeMap::<K, T>::MUST; visit_str(&str));
    refuse!(BTreeMap::<K, T>::MUST; seq);
}

pub(super) const GIVEN_TWICE: &str = "is given twice";

/// The name of a member.
pub(super) struct Key<'r>(pub &'r mut Reading);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        // What JSON can only say with an escape is not borrowed.
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        match super::scalars::text(name) {
            Ok(name) => Ok(Cow::Owned(name)),
            Err(_) => Err(self.0.refuse("has a name with a NUL character")),
        }
    }
}
