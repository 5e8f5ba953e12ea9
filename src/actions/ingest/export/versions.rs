//! Splits an event by the versions of its fields.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::instant::Instant;
use crate::pb::ingest_json::{camel_case, snake_case};
use crate::store::StoreResult;
use crate::store::ingest::FieldTimes;

/// One event for each version with its time, older ones first, each with the key of the row; a field without a version is
/// as old as can be. Fields that the event leaves out and `times` has are cleared.
pub(super) fn by_version<E: Serialize + DeserializeOwned>(
    event: &E,
    key: &str,
    clearable: &[&str],
    times: &FieldTimes,
) -> StoreResult<Vec<(Instant, E)>> {
    let Value::Object(mut fields) = serde_json::to_value(event).map_err(Error::internal)? else {
        return Err(Error::internal("an event is not an object").into());
    };
    let key_value = fields.remove(key).unwrap_or_default();
    let mut versions: BTreeMap<i64, (Map<String, Value>, Vec<String>)> = BTreeMap::new();
    for field in clearable.iter().filter(|field| !fields.contains_key(&camel_case(field))) {
        if let Some(at) = times.get(*field) {
            versions.entry(*at).or_default().1.push(camel_case(field));
        }
    }
    for (name, value) in fields {
        let at = times.get(&snake_case(&name)).copied().unwrap_or_default();
        versions.entry(at).or_default().0.insert(name, value);
    }
    let events = versions.into_iter().map(|(at, (mut fields, cleared))| {
        fields.insert(key.to_owned(), key_value.clone());
        if !cleared.is_empty() {
            fields.insert("cleared".to_owned(), cleared.join(",").into());
        }
        let event = serde_json::from_value(Value::Object(fields)).map_err(Error::internal)?;
        Ok((Instant::from_micros(at.max(0)), event))
    });
    events.collect()
}
