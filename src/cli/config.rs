//! `switchboard config`: the effective settings and where each comes from.

use clap::Args;
use serde::Serialize;

use super::Failure;
use super::output::{self, Row};
use super::settings::{Effective, EffectiveSetting, ServeFlags};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) flags: ServeFlags,
}

#[derive(Serialize)]
struct Shown {
    name: &'static str,
    value: Option<String>,
    origin: &'static str,
    /// The flag, variable or file, where that says more than the kind of origin.
    source: Option<String>,
}

impl From<&EffectiveSetting> for Shown {
    fn from(effective: &EffectiveSetting) -> Self {
        let masked =
            |value: &String| if effective.setting.secret { "****".to_owned() } else { value.clone() };
        Self {
            name: effective.setting.name,
            value: effective.value.as_ref().map(masked),
            origin: effective.origin.kind(),
            source: effective.origin.source(effective.setting),
        }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        let origin = match &self.source {
            Some(source) => format!("{} {source}", self.origin),
            None => self.origin.to_owned(),
        };
        vec![self.name.to_owned(), self.value.clone().unwrap_or_default(), origin]
    }
}

pub(super) fn run(arguments: &Arguments, effective: &Effective) -> Result<(), Failure> {
    let shown: Vec<_> = effective.iter().map(Shown::from).collect();
    output::list(&shown, arguments.json)
}
