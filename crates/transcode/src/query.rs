//! Request fields from the query string.

use super::json::{Fields, short};
use super::percent::decode_query;
use super::text::{BindError, Place, Text};
use crate::error::Rejection;

/// More parameters than this are refused.
const MOST_PARAMETERS: usize = 1000;

/// Sets the fields that the query names. Those that the path or the body owns, and names that no field has, are ignored
/// and added to the list.
pub(crate) fn bind<M: Fields>(
    request: &mut M,
    query: &str,
    owned: &[Place],
    ignored: &mut Vec<String>,
) -> Result<(), Rejection> {
    let mut set: Vec<Place> = Vec::new();
    for (count, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if count >= MOST_PARAMETERS {
            return Err(Rejection::invalid("query", "has too many parameters"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode_query(name).map_err(|refusal| Rejection::invalid("query", refusal))?;
        let value = decode_query(value).map_err(|refusal| Rejection::invalid(&short(&name), refusal))?;
        match Text::bind(request, &name, &value, owned) {
            Ok(bound) if !bound.repeated && set.contains(&bound.place) => {
                return Err(Rejection::invalid(&short(&name), "is given twice"));
            }
            Ok(bound) if bound.repeated => {}
            Ok(bound) => set.push(bound.place),
            Err(BindError::Unknown) => ignored.push(short(&name)),
            Err(BindError::Invalid(refusal)) => return Err(Rejection::invalid(&short(&name), refusal)),
        }
    }
    Ok(())
}

/// All names of the query: what is ignored where the body is the whole request.
pub(crate) fn names(query: &str, ignored: &mut Vec<String>) {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MOST_PARAMETERS);
    let names = pairs.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    ignored.extend(names.map(|name| decode_query(name).map_or_else(|_| short(name), |name| short(&name))));
}
