//! Strings, numbers, bools and bytes, from JSON and from paths and queries.

use std::num::IntErrorKind;

use base64::Engine as _;
use base64::alphabet::URL_SAFE as URL_SAFE_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::tree::{Invalid, Json};
use super::write::{MAX_EXACT, ToJson, leaf};

/// The rule that a value breaks: `must be …`, to follow the field's name.
pub(super) type Problem = &'static str;

/// A value that is a single string, number or bool in JSON.
pub trait Scalar: Sized {
    /// The rule for the value, as a phrase that follows the field's name.
    const EXPECTED: &'static str;
    /// Whether a JSON string may hold the value.
    const STRING_IN_JSON: bool = true;

    /// From a path, a query, or a JSON string.
    fn from_text(text: &str) -> Result<Self, &'static str>;

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
}

pub(super) fn read<T: Scalar>(json: Json<'_>) -> Result<T, Invalid> {
    let value = match json {
        Json::Bool(value) => T::from_bool(value),
        Json::Integer(number) => T::from_integer(number),
        Json::Number(number) => T::from_number(number).or_else(|| T::from_integer(whole(number)?)),
        Json::String(text) if T::STRING_IN_JSON => return T::from_text(&text).map_err(Invalid::new),
        Json::String(_) | Json::Null | Json::List(_) | Json::Object(_) => None,
    };
    value.ok_or(Invalid::new(T::EXPECTED))
}

#[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough to be exact")]
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() <= MAX_EXACT).then_some(number as i128)
}

/// Implements `FromJson` for scalars, each after its type parameters in brackets.
macro_rules! from_json {
    ($([$($parameters:tt)*] $scalar:ty),*) => {$(
        impl<$($parameters)*> super::read::FromJson for $scalar {
            const EXPECTED: &'static str = <Self as super::scalars::Scalar>::EXPECTED;

            fn read(
                json: super::tree::Json<'_>,
                _: &mut super::reading::Reading,
            ) -> Result<Self, super::tree::Invalid> {
                super::scalars::read(json)
            }
        }
    )*};
}
pub(super) use from_json;

from_json!([] String, [] bool, [] i32, [] i64, [] u32, [] u64, [] f32, [] f64, [] Vec<u8>);

impl Scalar for String {
    const EXPECTED: Problem = "must be a string";

    fn from_text(text: &str) -> Result<Self, Problem> {
        if text.contains('\0') { Err("must not have a NUL character") } else { Ok(text.to_owned()) }
    }
}

impl Scalar for bool {
    const EXPECTED: Problem = "must be true or false";
    const STRING_IN_JSON: bool = false;

    fn from_text(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|_| Self::EXPECTED)
    }

    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

macro_rules! integers {
    ($($integer:ty: $expected:literal),*) => {$(
        impl Scalar for $integer {
            const EXPECTED: Problem = $expected;

            fn from_text(text: &str) -> Result<Self, Problem> {
                // `parse` accepts a plus sign.
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
    i64: "must be an integer of 64 bits",
    u32: "must be an integer of 32 bits that is not negative",
    u64: "must be an integer of 64 bits that is not negative"
}

/// An integer whose range is checked once it is read: one that its type cannot hold becomes the nearest that it can.
#[derive(Clone, Copy, Debug)]
pub struct Saturated<T>(pub T);

macro_rules! saturated {
    ($($integer:ty),*) => {$(
        impl Scalar for Saturated<$integer> {
            const EXPECTED: Problem = <$integer>::EXPECTED;

            fn from_text(text: &str) -> Result<Self, Problem> {
                <$integer>::from_text(text).map(Self).or_else(|problem| match text.parse::<$integer>() {
                    Err(error) if *error.kind() == IntErrorKind::PosOverflow => Ok(Self(<$integer>::MAX)),
                    Err(error) if *error.kind() == IntErrorKind::NegOverflow => Ok(Self(<$integer>::MIN)),
                    Ok(_) | Err(_) => Err(problem),
                })
            }

            fn from_integer(value: i128) -> Option<Self> {
                let nearest = value.clamp(<$integer>::MIN.into(), <$integer>::MAX.into());
                <$integer>::from_integer(nearest).map(Self)
            }
        }
    )*};
}

saturated!(i32, i64);
from_json!([] Saturated<i32>, [] Saturated<i64>);

impl Scalar for f64 {
    const EXPECTED: Problem = "must be a number";

    fn from_text(text: &str) -> Result<Self, Problem> {
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

    #[expect(clippy::cast_precision_loss, reason = "the field holds the nearest number")]
    fn from_integer(value: i128) -> Option<Self> {
        Some(value as Self)
    }

    fn from_number(value: f64) -> Option<Self> {
        Some(value)
    }
}

impl Scalar for f32 {
    const EXPECTED: Problem = f64::EXPECTED;

    fn from_text(text: &str) -> Result<Self, Problem> {
        f64::from_text(text).and_then(|value| Self::from_number(value).ok_or(Self::EXPECTED))
    }

    fn from_integer(value: i128) -> Option<Self> {
        f64::from_integer(value).and_then(Self::from_number)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the field holds the nearest number")]
    fn from_number(value: f64) -> Option<Self> {
        let narrow = value as Self;
        (narrow.is_finite() || !value.is_finite()).then_some(narrow)
    }
}

/// Padding is optional.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Either alphabet of base64.
impl Scalar for Vec<u8> {
    const EXPECTED: Problem = "must be base64";

    fn from_text(text: &str) -> Result<Self, Problem> {
        URL_SAFE.decode(text.replace('+', "-").replace('/', "_")).map_err(|_| Self::EXPECTED)
    }
}

impl ToJson for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        leaf(out, &STANDARD.encode(self));
    }
}
