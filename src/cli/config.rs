//! `switchboard config`: the effective settings and where each comes from.

use serde_json::json;

use super::arguments::JsonArgument;
use super::failure::Failure;
use super::output::{self, Row};
use crate::config::{EffectiveSetting, EffectiveSettings, Origin};

pub(super) fn run(arguments: &JsonArgument, effective: &EffectiveSettings) -> Result<(), Failure> {
    output::list(effective.iter().map(row), arguments.json)
}

/// The source is the flag, variable or file; there is none for a default. Secrets are masked.
fn row(EffectiveSetting { setting, value, origin }: &EffectiveSetting) -> Row {
    let (origin, source) = match origin {
        Origin::Flag => ("flag", Some(format!("--{}", setting.name))),
        Origin::Environment => ("environment", Some(setting.variable())),
        Origin::File(path) => ("file", Some(path.clone())),
        Origin::Default => ("default", None),
    };
    let value = value.as_deref().map(|value| if setting.secret { "****" } else { value });
    let json = json!({"name": setting.name, "value": value, "origin": origin, "source": source});
    let origin = source.map_or_else(|| origin.to_owned(), |source| format!("{origin} {source}"));
    Row { columns: vec![setting.name.clone(), value.unwrap_or_default().to_owned(), origin], json }
}
