//! Query parameters as request fields.

use crate::error::Rejection;
use crate::json::{BindError, FieldPath, Fields, Text, short};
use crate::percent::decode_query;

const MAX_PARAMETERS: usize = 1000;

/// Sets the fields that the query names.
/// Unknown and reserved names are added to the ignored ones.
pub(crate) fn bind<M: Fields>(
    request: &mut M,
    query: &str,
    reserved: &[FieldPath],
    ignored: &mut Vec<String>,
) -> Result<(), Rejection> {
    let mut set: Vec<FieldPath> = Vec::new();
    for (count, pair) in pairs(query).enumerate() {
        if count >= MAX_PARAMETERS {
            return Err(Rejection::invalid("query", "has too many parameters"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode_query(name).map_err(|problem| Rejection::invalid("query", problem))?;
        let invalid = |problem| Rejection::invalid(&short(&name), problem);
        let value = decode_query(value).map_err(invalid)?;
        match Text::bind(request, &name, &value, reserved) {
            Ok(bound) if bound.repeated => {}
            Ok(bound) if set.contains(&bound.path) => return Err(invalid("is given twice")),
            Ok(bound) => set.push(bound.path),
            Err(BindError::Unknown) => ignored.push(short(&name)),
            Err(BindError::Invalid(problem)) => return Err(invalid(problem)),
        }
    }
    Ok(())
}

/// Adds all names of the query to the ignored ones.
/// For routes whose body is the whole request.
pub(crate) fn names(query: &str, ignored: &mut Vec<String>) {
    let names = pairs(query).take(MAX_PARAMETERS).filter_map(|pair| pair.split('=').next());
    ignored.extend(names.map(|name| decode_query(name).map_or_else(|_| short(name), |name| short(&name))));
}

fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty())
}
