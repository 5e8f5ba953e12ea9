//! Writing of values as JSON, straight into the bytes of the response.

use std::collections::BTreeMap;

use serde::Serialize;

/// A value that a reply can hold.
pub trait ToJson {
    /// Appends the value.
    fn write(&self, out: &mut Vec<u8>);
}

/// Appends a member of an object.
/// `before` is its comma and name, such as `,"name":`.
#[inline]
pub fn member<T: ToJson + ?Sized>(out: &mut Vec<u8>, before: &str, value: &T) {
    out.extend_from_slice(before.as_bytes());
    value.write(out);
}

/// Appends the JSON of a string or number.
#[inline]
pub(super) fn leaf<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
}

macro_rules! leaves {
    ($($leaf:ty),*) => {$(
        impl ToJson for $leaf {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                leaf(out, self);
            }
        }
    )*};
}

leaves!(i32, i64, u32, u64);

impl ToJson for str {
    fn write(&self, out: &mut Vec<u8>) {
        if !is_plain(self.as_bytes()) {
            return leaf(out, self);
        }
        out.reserve(self.len() + 2);
        out.push(b'"');
        out.extend_from_slice(self.as_bytes());
        out.push(b'"');
    }
}

impl ToJson for String {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

/// Whether a string needs no escapes in JSON.
///
/// The search has no early exit, so that the compiler can vectorize it: several times faster than serde_json's check of
/// each byte.
fn is_plain(text: &[u8]) -> bool {
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    !text.iter().fold(false, |found, byte| found | is_escaped(*byte))
}

impl ToJson for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl ToJson for () {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{}");
    }
}

impl ToJson for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        // JSON has no such numbers; protobuf defines these strings.
        match *self {
            number if number.is_nan() => leaf(out, "NaN"),
            f64::INFINITY => leaf(out, "Infinity"),
            f64::NEG_INFINITY => leaf(out, "-Infinity"),
            number => write_number(out, number),
        }
    }
}

impl ToJson for f32 {
    fn write(&self, out: &mut Vec<u8>) {
        if self.is_finite() && self.fract() != 0.0 { leaf(out, self) } else { f64::from(*self).write(out) }
    }
}

/// Every whole number up to this one is an exact `f64`.
pub(super) const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a finite number, a whole one without a fraction: `1`, not `1.0`.
pub(super) fn write_number(out: &mut Vec<u8>, number: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough to be exact")]
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT {
        leaf(out, &(number as i64))
    } else {
        leaf(out, &number)
    }
}

impl<T: ToJson> ToJson for Option<T> {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: ToJson> ToJson for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (*self).write(out);
    }
}

impl<T: ToJson> ToJson for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_ref().write(out);
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            item.write(out);
        }
        out.push(b']');
    }
}

/// A key of a map. In JSON all keys are strings.
pub trait Key: Ord {
    /// Appends the key.
    fn write_key(&self, out: &mut Vec<u8>);
}

impl Key for String {
    fn write_key(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
}

macro_rules! keys {
    ($($key:ty),*) => {$(
        impl Key for $key {
            fn write_key(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                self.write(out);
                out.push(b'"');
            }
        }
    )*};
}

keys!(bool, i32, i64, u32, u64);

impl<K: Key> Key for &K {
    fn write_key(&self, out: &mut Vec<u8>) {
        (*self).write_key(out);
    }
}

impl<K: Key, T: ToJson> ToJson for BTreeMap<K, T> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (key, value)) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            key.write_key(out);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }
}
