//! The command-line flag and the variables of each setting, derived from [`Config`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};

use super::settings::Config;

/// Prefix of our environment variables.
pub(super) const PREFIX: &str = "SWITCHBOARD_";
/// Suffix of the variable that names the file of a secret.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Every setting, in the order of [`Config`]'s fields.
pub(super) static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let settings = Config::augment_args(Command::new("settings"));
    settings.get_arguments().cloned().map(Setting::new).collect()
});

/// What clap's derive found about one field of [`Config`].
#[derive(Debug)]
pub struct Setting {
    /// The flag without its dashes.
    pub name: String,
    /// Whether the value is masked in output, and may be read from a file.
    pub secret: bool,
    /// The text of the default; `None` where there is none.
    pub(super) default: Option<String>,
    /// The argument with its parser.
    pub(super) arg: Arg,
}

impl Setting {
    fn new(arg: Arg) -> Self {
        let name = arg.get_long().unwrap_or_default().to_owned();
        let default = arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        Self {
            name,
            secret: arg.is_hide_env_values_set(),
            default: default.filter(|text| !text.is_empty()),
            arg: arg.required(false),
        }
    }

    /// The name of the environment variable.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The name of the environment variable that names the file of a secret.
    pub fn file_variable(&self) -> Option<String> {
        self.secret.then(|| self.variable() + FILE_SUFFIX)
    }

    /// Whether only `serve`, `config` and `doctor` have the flag.
    pub fn is_of_service(&self) -> bool {
        !self.arg.is_global_set()
    }

    /// The flag on the command line. It takes any text: values are parsed together with those of the environment, so that
    /// all mistakes are reported at once.
    fn flag(&self) -> Arg {
        let or_file = if self.secret { " or …_FILE" } else { "" };
        let help = self.arg.get_help().map(ToString::to_string).unwrap_or_default();
        let heading = if self.is_of_service() { "Settings of the service" } else { "Settings" };
        let help = format!("{help} [env: {}{or_file}]", self.variable());
        self.arg.clone().value_parser(clap::value_parser!(String)).help(help).help_heading(heading)
    }
}

/// The flags of all settings: those of the service alone, or those that every command has.
pub fn flags(of_service: bool) -> impl Iterator<Item = Arg> {
    SETTINGS.iter().filter(move |setting| setting.is_of_service() == of_service).map(Setting::flag)
}

/// The values of the flags on the command line, by name. Repeated ones are joined with commas.
pub fn given(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let of_command = matches.subcommand().map(|(_, matches)| matches);
    let value = |setting: &'static Setting| {
        let id = setting.arg.get_id().as_str();
        let has = |matches: &&ArgMatches| matches.try_contains_id(id).unwrap_or(false);
        let matches = [Some(matches), of_command].into_iter().flatten().find(has)?;
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let values: Vec<_> = matches.get_many::<String>(id)?.map(String::as_str).collect();
        is_given.then(|| (setting.name.as_str(), values.join(",")))
    };
    SETTINGS.iter().filter_map(value).collect()
}
