//! Lists of texts that may also come as one text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, SeqAccess, Visitor};

use super::read::{FromJson, List, refuse};
use super::reading::Reading;
use super::scalars;

/// A list of texts that may also come as one text, which is then the list's only item.
#[derive(Debug, Default)]
pub struct TextOrList(pub Vec<String>);

impl FromJson for TextOrList {
    const MUST: &'static str = "must be a string or an array of strings";

    fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
        from.deserialize_any(TextOrListVisitor(reading))
    }
}

struct TextOrListVisitor<'r>(&'r mut Reading);

impl<'de> Visitor<'de> for TextOrListVisitor<'_> {
    type Value = TextOrList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TextOrList::MUST)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TextOrList, E> {
        match scalars::text(text) {
            Ok(text) => Ok(TextOrList(vec![text])),
            Err(refusal) => Err(self.0.refuse(refusal)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<TextOrList, A::Error> {
        List::<String>(self.0, PhantomData).visit_seq(items).map(TextOrList)
    }

    refuse!(TextOrList::MUST; numbers);
    refuse!(TextOrList::MUST; map);
}
