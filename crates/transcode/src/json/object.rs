//! Messages from JSON objects: whole, or as the body of a PATCH.

use prost_types::FieldMask;

use super::fields::{Field, Fields, Patchable};
use super::read::FromJson;
use super::reading::{PatchNull, Reading, Sent};
use super::tree::{DUPLICATE, Invalid, Json, short};

const EXPECTED: &str = "must be an object";

/// Reads a whole message into the request.
pub fn whole<M: Fields>(request: &mut M, json: Json<'_>, reading: &mut Reading) -> Result<(), Invalid> {
    let find = |name: &str| M::index(name).map(|index| (index, &M::FIELDS[index]));
    members(json, reading, find, |index, value, reading| request.read(index, value, reading))
}

/// Reads the body of a PATCH into the request. Without a body, the mask is empty.
pub fn patch<R: Patchable>(
    request: &mut R,
    json: Option<Json<'_>>,
    null: PatchNull,
    reading: &mut Reading,
) -> Result<(), Invalid> {
    let mut mask = FieldMask::default();
    request.resource();
    if let Some(json) = json {
        reading.start_patch(null);
        // The indexes of the request's own fields follow those of the resource's fields.
        let own = R::Resource::FIELDS.len();
        let beside = |name: &str| R::index(name).filter(|index| R::BESIDE.contains(index));
        let find = |name: &str| match R::Resource::index(name) {
            Some(index) => Some((index, &R::Resource::FIELDS[index])),
            None => beside(name).map(|index| (own + index, &R::FIELDS[index])),
        };
        members(json, reading, find, |index, value, reading| match index.checked_sub(own) {
            None => request.resource().read(index, value, reading),
            Some(index) => {
                reading.unnamed(|reading| request.read(index, value, reading)).map(|_| Sent::Unnamed)
            }
        })?;
        mask.paths = reading.take_paths();
        // The order of an object's keys has no meaning: sorted, equal requests are equal.
        mask.paths.sort_unstable();
    }
    request.set_mask(mask);
    Ok(())
}

impl<M: Fields> FromJson for M {
    const SENT: Sent = Sent::Parts;
    const EXPECTED: &'static str = EXPECTED;

    fn read(json: Json<'_>, reading: &mut Reading) -> Result<Self, Invalid> {
        let mut message = M::default();
        whole(&mut message, json, reading)?;
        Ok(message)
    }
}

/// Reads the members of an object.
/// `find` returns the index and names of a member, `read` reads its value.
fn members(
    json: Json<'_>,
    reading: &mut Reading,
    find: impl Fn(&str) -> Option<(usize, &'static Field)>,
    mut read: impl FnMut(usize, Json<'_>, &mut Reading) -> Result<Sent, Invalid>,
) -> Result<(), Invalid> {
    let Json::Object(members) = json else { return Err(Invalid::new(EXPECTED)) };
    let mut seen = Vec::with_capacity(members.len());
    for (name, value) in members {
        let Some((index, field)) = find(&name) else {
            reading.ignore(&name);
            continue;
        };
        // Two spellings of one name.
        if seen.contains(&index) {
            return Err(Invalid::new(DUPLICATE).in_member(field.name));
        }
        seen.push(index);
        let mark = reading.mark();
        let sent = read(index, value, reading).map_err(|invalid| invalid.in_member(field.name))?;
        reading.ignored_in(mark, || short(field.name));
        reading.named_in(mark, field.proto);
        reading.name(sent, field.proto);
    }
    Ok(())
}
