//! Reading of values from JSON: fields, lists and maps.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::reading::{Reading, Sent};
use super::tree::{DUPLICATE, Invalid, Json, short};

/// A value that a request can hold.
pub trait FromJson: Sized {
    /// Whether a PATCH names the value as a whole or by its parts.
    const SENT: Sent = Sent::Value;
    /// Whether `null` may clear the value.
    /// Values that a PATCH merges key by key cannot be cleared.
    const CLEARABLE: bool = true;
    /// The rule for the value, as a phrase that follows the field's name.
    const EXPECTED: &'static str;

    /// Reads the value, which is not `null`.
    fn read(json: Json<'_>, reading: &mut Reading) -> Result<Self, Invalid>;
}

/// Reads a field's value and sets it. `null` sets nothing.
pub fn field<T: FromJson>(
    json: Json<'_>,
    reading: &mut Reading,
    set: impl FnOnce(T),
) -> Result<Sent, Invalid> {
    if !matches!(json, Json::Null) {
        set(T::read(json, reading)?);
        return Ok(T::SENT);
    }
    if T::CLEARABLE || !reading.null_clears() { Ok(Sent::Null) } else { Err(Invalid::new(T::EXPECTED)) }
}

/// [`field`], where `null` is the empty value.
pub fn or_empty<T: FromJson + Default>(
    json: Json<'_>,
    reading: &mut Reading,
    set: impl FnOnce(T),
) -> Result<Sent, Invalid> {
    set(if let Json::Null = json { T::default() } else { T::read(json, reading)? });
    Ok(T::SENT)
}

/// [`field`] of a oneof, which must not be set already.
pub fn choice<T: FromJson, C>(
    json: Json<'_>,
    reading: &mut Reading,
    oneof: &mut Option<C>,
    choose: impl FnOnce(T) -> C,
) -> Result<Sent, Invalid> {
    let mut chosen = None;
    let sent = field(json, reading, |value| chosen = Some(choose(value)))?;
    if chosen.is_some() && oneof.is_some() {
        return Err(Invalid::new("must not be given beside another of its kind"));
    }
    *oneof = chosen.or(oneof.take());
    Ok(sent)
}

/// Reads a whole body as the value of a field and sets it.
pub fn root<T: FromJson>(json: Json<'_>, reading: &mut Reading, set: impl FnOnce(T)) -> Result<(), Invalid> {
    T::read(json, reading).map(set)
}

impl<T: FromJson> FromJson for Vec<T> {
    const EXPECTED: &'static str = "must be an array";

    fn read(json: Json<'_>, reading: &mut Reading) -> Result<Self, Invalid> {
        let Json::List(items) = json else { return Err(Invalid::new(Self::EXPECTED)) };
        reading.unnamed(|reading| {
            let mut list = Self::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let mark = reading.mark();
                list.push(T::read(item, reading).map_err(|invalid| invalid.in_item(index))?);
                reading.ignored_in(mark, || format!("[{index}]"));
            }
            Ok(list)
        })
    }
}

impl<K: FromStr + Ord, T: FromJson> FromJson for BTreeMap<K, T> {
    const CLEARABLE: bool = false;
    const EXPECTED: &'static str = "must be an object";

    fn read(json: Json<'_>, reading: &mut Reading) -> Result<Self, Invalid> {
        let Json::Object(members) = json else { return Err(Invalid::new(Self::EXPECTED)) };
        reading.unnamed(|reading| {
            let mut map = Self::new();
            for (name, value) in members {
                let invalid = |problem| Invalid::new(problem).in_member(&name);
                let key = name.parse().map_err(|_| invalid("is not a key of this object"))?;
                let mark = reading.mark();
                let value = T::read(value, reading).map_err(|invalid| invalid.in_member(&name))?;
                reading.ignored_in(mark, || short(&name));
                // Different names can be the same key, such as `1` and `01`.
                if map.insert(key, value).is_some() {
                    return Err(invalid(DUPLICATE));
                }
            }
            Ok(map)
        })
    }
}

/// A list of strings that clients may also send as one string.
/// The string becomes its only item.
#[derive(Debug, Default)]
pub struct TextOrList(pub Vec<String>);

impl FromJson for TextOrList {
    const EXPECTED: &'static str = "must be a string or an array of strings";

    fn read(json: Json<'_>, reading: &mut Reading) -> Result<Self, Invalid> {
        match json {
            Json::String(text) => Ok(Self(vec![text.into_owned()])),
            list @ Json::List(_) => FromJson::read(list, reading).map(Self),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Number(_) | Json::Object(_) => {
                Err(Invalid::new(Self::EXPECTED))
            }
        }
    }
}
