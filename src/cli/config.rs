//! `switchboard config`: the effective settings and where each comes from.

use serde::Serialize;

use super::arguments::JsonArgument;
use super::failure::Failure;
use super::output::{self, Row};
use crate::config::{EffectiveSetting, EffectiveSettings, Origin};

#[derive(Serialize)]
struct Shown {
    name: &'static str,
    value: Option<String>,
    origin: &'static str,
    /// The flag, variable or file; `None` for a default.
    source: Option<String>,
}

impl From<&EffectiveSetting> for Shown {
    fn from(EffectiveSetting { setting, value, origin }: &EffectiveSetting) -> Self {
        let (origin, source) = match origin {
            Origin::Flag => ("flag", Some(format!("--{}", setting.name))),
            Origin::Environment => ("environment", Some(setting.variable())),
            Origin::File(path) => ("file", Some(path.clone())),
            Origin::Default => ("default", None),
        };
        let masked = |value: &String| if setting.secret { "****".to_owned() } else { value.clone() };
        Self { name: &setting.name, value: value.as_ref().map(masked), origin, source }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        let source = self.source.as_ref().map(|source| format!(" {source}")).unwrap_or_default();
        vec![self.name.to_owned(), self.value.clone().unwrap_or_default(), format!("{}{source}", self.origin)]
    }
}

pub(super) fn run(arguments: &JsonArgument, effective: &EffectiveSettings) -> Result<(), Failure> {
    output::list::<Shown>(effective.iter(), arguments.json)
}
