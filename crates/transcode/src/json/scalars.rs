//! Texts, numbers and bools, from JSON and from the text of a path or query.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet::URL_SAFE as URL_SAFE_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use prost_types::{Duration, FieldMask, Timestamp};
use serde::de::{Deserializer, Visitor};

use super::enums::{Enum, Named};
use super::known;
use super::read::{FromJson, refuse};
use super::reading::Reading;
use super::write::{MAX_EXACT, ToJson, leaf};

/// What is wrong with a value, as a fragment that follows the field's name.
type Refusal = &'static str;

/// A value that is one text, number or bool.
pub trait Scalar: Sized {
    /// What the value must be, as a fragment that follows the field's name.
    const EXPECTED: Refusal;

    /// From a path, a query, or a JSON string.
    fn from_text(text: &str) -> Result<Self, Refusal>;
    /// From a JSON number without a fraction.
    fn from_integer(_: i128) -> Option<Self> {
        None
    }
    /// From any JSON number.
    fn from_number(_: f64) -> Option<Self> {
        None
    }
    /// From `true` and `false`.
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    /// Whether a JSON string may say the value.
    const TEXT_IN_JSON: bool = true;
}

struct ScalarVisitor<'r, T>(&'r mut Reading, PhantomData<T>);

impl<T: Scalar> ScalarVisitor<'_, T> {
    fn check<E: serde::de::Error>(self, value: Option<T>) -> Result<T, E> {
        value.ok_or_else(|| self.0.refuse(T::EXPECTED))
    }
}

impl<'de, T: Scalar> Visitor<'de> for ScalarVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<T, E> {
        self.check(T::from_bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<T, E> {
        self.check(T::from_integer(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<T, E> {
        self.check(T::from_integer(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<T, E> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the number is whole and small enough to be exact"
        )]
        let whole = || (value.fract() == 0.0 && value.abs() <= MAX_EXACT).then_some(value as i128);
        self.check(T::from_number(value).or_else(|| T::from_integer(whole()?)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<T, E> {
        if !T::TEXT_IN_JSON {
            return Err(self.0.refuse(T::EXPECTED));
        }
        T::from_text(value).map_err(|refusal| self.0.refuse(refusal))
    }

    refuse!(T::EXPECTED; visit_unit());
    refuse!(T::EXPECTED; seq);
    refuse!(T::EXPECTED; map);
}

macro_rules! from_json {
    ($([$($of:ident)?] $scalar:ty),*) => {$(
        impl$(<$of: Enum>)? FromJson for $scalar {
            const MUST: &'static str = Self::EXPECTED;

            fn read<'de, D: Deserializer<'de>>(from: D, reading: &mut Reading) -> Result<Self, D::Error> {
                from.deserialize_any(ScalarVisitor::<Self>(reading, PhantomData))
            }
        }
    )*};
}

from_json!([] String, [] bool, [] i32, [] i64, [] u32, [] u64, [] f32, [] f64, [] Vec<u8>);
from_json!([] Timestamp, [] Duration, [] FieldMask, [E] Named<E>);

/// A text without NUL characters, which PostgreSQL cannot store.
pub(super) fn text(text: &str) -> Result<String, Refusal> {
    if text.contains('\0') { Err("must not have a NUL character") } else { Ok(text.to_owned()) }
}

impl Scalar for String {
    const EXPECTED: Refusal = "must be a string";

    fn from_text(value: &str) -> Result<Self, Refusal> {
        text(value)
    }
}

impl Scalar for bool {
    const EXPECTED: Refusal = "must be true or false";
    const TEXT_IN_JSON: bool = false;

    fn from_text(text: &str) -> Result<Self, Refusal> {
        text.parse().map_err(|_| Self::EXPECTED)
    }

    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

macro_rules! integers {
    ($($integer:ty: $must:literal),*) => {$(
        impl Scalar for $integer {
            const EXPECTED: Refusal = $must;

            fn from_text(text: &str) -> Result<Self, Refusal> {
                // `parse` alone would take a plus sign.
                if text.starts_with('+') { Err(Self::EXPECTED) } else { text.parse().map_err(|_| Self::EXPECTED) }
            }

            fn from_integer(value: i128) -> Option<Self> {
                value.try_into().ok()
            }
        }
    )*};
}

integers! {
    i32: "must be an integer of 32 bits",
    i64: "must be an integer",
    u32: "must be an integer of 32 bits that is not negative",
    u64: "must be an integer that is not negative"
}

impl Scalar for f64 {
    const EXPECTED: Refusal = "must be a number";

    fn from_text(text: &str) -> Result<Self, Refusal> {
        match text {
            "NaN" => Ok(Self::NAN),
            "Infinity" => Ok(Self::INFINITY),
            "-Infinity" => Ok(Self::NEG_INFINITY),
            text if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
                text.parse().ok().filter(|number: &Self| number.is_finite()).ok_or(Self::EXPECTED)
            }
            _ => Err(Self::EXPECTED),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest number is what the field can hold")]
    fn from_integer(value: i128) -> Option<Self> {
        Some(value as Self)
    }

    fn from_number(value: f64) -> Option<Self> {
        Some(value)
    }
}

impl Scalar for f32 {
    const EXPECTED: Refusal = f64::EXPECTED;

    fn from_text(text: &str) -> Result<Self, Refusal> {
        f64::from_text(text).and_then(|value| Self::from_number(value).ok_or(Self::EXPECTED))
    }

    fn from_integer(value: i128) -> Option<Self> {
        f64::from_integer(value).and_then(Self::from_number)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the nearest number is what the field can hold")]
    fn from_number(value: f64) -> Option<Self> {
        let narrow = value as Self;
        (narrow.is_finite() || !value.is_finite()).then_some(narrow)
    }
}

/// Either alphabet of base64, with or without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE_ALPHABET, LENIENT);

impl Scalar for Vec<u8> {
    const EXPECTED: Refusal = "must be base64";

    fn from_text(text: &str) -> Result<Self, Refusal> {
        let url_safe: String = text
            .chars()
            .map(|c| {
                if c == '+' {
                    '-'
                } else if c == '/' {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        URL_SAFE.decode(url_safe).map_err(|_| Self::EXPECTED)
    }
}

impl ToJson for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        leaf(out, &STANDARD.encode(self));
    }
}

impl<E: Enum> Scalar for Named<E> {
    const EXPECTED: Refusal = "must be the name of one of its values";

    fn from_text(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).ok_or(Self::EXPECTED)
    }

    fn from_integer(value: i128) -> Option<Self> {
        i32::try_from(value).ok().filter(|number| E::name(*number).is_some()).map(Self::new)
    }
}

impl Scalar for Timestamp {
    const EXPECTED: Refusal = "must be an RFC 3339 date-time";

    fn from_text(text: &str) -> Result<Self, Refusal> {
        known::parse_timestamp(text).ok_or(Self::EXPECTED)
    }
}

impl Scalar for Duration {
    const EXPECTED: Refusal = "must be a number of seconds with an `s`";

    fn from_text(text: &str) -> Result<Self, Refusal> {
        known::parse_duration(text).ok_or(Self::EXPECTED)
    }
}

impl Scalar for FieldMask {
    const EXPECTED: Refusal = "must be field names with commas between them";

    fn from_text(text: &str) -> Result<Self, Refusal> {
        known::parse_field_mask(text).ok_or(Self::EXPECTED)
    }
}
