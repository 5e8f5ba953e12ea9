//! `switchboard config`: the effective settings and where each comes from.

use serde_json::json;

use super::arguments::JsonArgument;
use super::failure::Failure;
use super::output::{self, Row};
use crate::config::{EffectiveSetting, EffectiveSettings, Origin};

pub(super) fn run(arguments: &JsonArgument, effective: &EffectiveSettings) -> Result<(), Failure> {
    output::list(effective.iter().map(row), arguments.json)
}

/// The value without the credentials of a URL: user, password, and everything in the query.
fn redacted(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (address, query) = rest.split_once('?').map_or((rest, ""), |(address, _)| (address, "?****"));
    let (authority, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://****@{host}{path}{query}"),
        None => format!("{scheme}://{address}{query}"),
    }
}

/// The source is the flag, variable or file; there is none for a default. Secrets are masked.
fn row(EffectiveSetting { setting, value, origin }: &EffectiveSetting) -> Row {
    let (origin, source) = match origin {
        Origin::Flag => ("flag", Some(format!("--{}", setting.name))),
        Origin::Environment => ("environment", Some(setting.variable())),
        Origin::File(path) => ("file", Some(path.clone())),
        Origin::Default => ("default", None),
    };
    let value =
        value.as_deref().map(|value| if setting.secret { "****".to_owned() } else { redacted(value) });
    let json = json!({"name": setting.name, "value": value, "origin": origin, "source": source});
    let origin = source.map_or_else(|| origin.to_owned(), |source| format!("{origin} {source}"));
    Row { columns: vec![setting.name.clone(), value.unwrap_or_default(), origin], json }
}
