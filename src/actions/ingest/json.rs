//! How events are written as JSON: instants as Unix milliseconds, and the difference between absent and `null`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::error::Category;

use super::event::IngestEvent;
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::patch::Patch;

/// Reads one event from one line of JSON. The error names the field by its path.
pub(super) fn read(line: &[u8]) -> Result<IngestEvent> {
    // The path costs a third of the time, so it is looked for only when there is something to tell.
    serde_json::from_slice(line).or_else(|_| {
        let mut json = serde_json::Deserializer::from_slice(line);
        let event = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            refusal(&path, &error.into_inner())
        })?;
        json.end().map_err(|error| refusal(".", &error))?;
        Ok(event)
    })
}

fn refusal(path: &str, error: &serde_json::Error) -> Error {
    let field = if path == "." { "event" } else { path };
    let message = error.to_string();
    // The parser knows it by how JSON escapes it.
    if ["lone leading surrogate in hex escape", "unexpected end of hex escape"]
        .iter()
        .any(|half| message.starts_with(half))
    {
        return Error::invalid(field, "is not understood: half of a surrogate pair is no text");
    }
    if matches!(error.classify(), Category::Syntax | Category::Eof) {
        return Error::invalid(
            field,
            format_args!("must be JSON, and is not from byte {} on", error.column()),
        );
    }
    // Position and list of the known keys are noise: the event is one line, and its path is named.
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(words) = allowed_words(message) {
        return Error::invalid(field, format_args!("must be {words}"));
    }
    let message = message.split(", expected one of").next().unwrap_or_default();
    Error::invalid(field, format_args!("is not understood: {message}"))
}

/// Which words there are, where another one was given.
fn allowed_words(message: &str) -> Option<String> {
    let (_, expected) = message.strip_prefix("unknown variant ")?.rsplit_once(", expected ")?;
    Some(expected.replace('`', ""))
}

/// Unix milliseconds. A fraction is kept to the microsecond, which is what is stored.
struct Millis(Instant);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.micros();
        if micros % 1000 == 0 {
            serializer.serialize_i64(micros / 1000)
        } else {
            #[expect(clippy::cast_precision_loss, reason = "exact until the year 2255")]
            serializer.serialize_f64(micros as f64 / 1000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Number {
            Whole(i64),
            Fraction(f64),
        }
        let refused = || de::Error::custom("must be Unix milliseconds from 1970 to the year 9999");
        let instant = match Number::deserialize(deserializer).map_err(|_| refused())? {
            Number::Whole(millis) => Instant::from_millis(millis),
            #[expect(clippy::cast_possible_truncation, reason = "checked by the line above it")]
            Number::Fraction(millis) => {
                let whole = Instant::from_millis(millis.floor() as i64);
                whole.map(|_| Instant::from_micros((millis * 1000.0).round() as i64))
            }
        };
        instant.map(Self).ok_or_else(refused)
    }
}

/// For fields of type [`Instant`].
pub(super) mod instant {
    use super::{Deserialize, Deserializer, Instant, Millis, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
        Millis(*value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        Millis::deserialize(deserializer).map(|millis| millis.0)
    }
}

/// For fields of type `Option<Instant>`, with `default` and `skip_serializing_if`.
pub(super) mod optional_instant {
    use super::{Deserialize, Deserializer, Instant, Millis, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Instant>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<Millis>::deserialize(deserializer)?.map(|millis| millis.0))
    }
}

/// For fields of type `Patch<T>`, with `default` and `skip_serializing_if`.
pub(super) mod patch {
    use super::{Deserialize, Deserializer, Patch, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Patch<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Patch::Keep | Patch::Clear => serializer.serialize_none(),
            Patch::Set(value) => value.serialize(serializer),
        }
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Patch<T>, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Patch::Clear, Patch::Set))
    }
}

/// For fields of type `Patch<Instant>`, with `default` and `skip_serializing_if`.
pub(super) mod patch_instant {
    use super::{Deserializer, Instant, Millis, Patch, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Patch<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
        super::patch::serialize(&value.clone().map(Millis), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Patch<Instant>, D::Error> {
        Ok(super::patch::deserialize::<Millis, D>(deserializer)?.map(|millis| millis.0))
    }
}
