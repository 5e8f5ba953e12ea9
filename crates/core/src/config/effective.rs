//! Finds the effective value of each setting and its origin, and parses all of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::flags::{FILE_SUFFIX, PREFIX, SETTINGS, Setting};
use super::settings::Config;

/// Minimum similarity of a misspelled variable to a suggestion, from 0 to 1.
const SIMILARITY: f64 = 0.8;

/// Settings that another one makes meaningless without it: the setting, the required one, whether its lack is a mistake.
const REQUIRES: [(&str, &str, bool); 13] = [
    ("database-direct-url", "database-url", true),
    ("jwks-url", "jwt-issuer", true),
    ("jwks-url", "jwt-audience", true),
    ("jwt-issuer", "jwks-url", true),
    ("jwt-audience", "jwks-url", true),
    ("jwks-allow-http", "jwks-url", false),
    ("jwt-max-lifetime", "jwks-url", false),
    ("jwt-org-claim", "jwks-url", false),
    ("jwt-role-claim", "jwks-url", false),
    ("media-endpoint", "media-url", true),
    ("tls-cert", "tls-key", true),
    ("tls-key", "tls-cert", true),
    ("tls-client-ca", "tls-cert", true),
];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The file of this path.
    File(String),
    /// The default.
    Default,
}

/// A setting with its effective value, not parsed.
#[derive(Clone, Debug)]
pub struct EffectiveSetting {
    /// The setting.
    pub setting: &'static Setting,
    /// Its value; `None` where there is no default.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
}

impl EffectiveSetting {
    /// The name of the setting as the operator spelled it: the flag, the variable, or the variable and the file.
    pub fn name_at_origin(&self) -> String {
        match &self.origin {
            Origin::Environment => self.setting.variable(),
            Origin::File(path) => format!("{} in {path}", self.setting.variable()),
            Origin::Flag | Origin::Default => format!("--{}", self.setting.name),
        }
    }

    /// The path of the file that holds the value.
    pub fn file(&self) -> Option<&str> {
        match &self.origin {
            Origin::File(path) => Some(path),
            Origin::Flag | Origin::Environment | Origin::Default => None,
        }
    }

    /// The flag with its value; `None` for the default.
    fn argument(&self) -> Option<String> {
        let value = self.value.as_ref().filter(|_| self.origin != Origin::Default)?;
        Some(format!("--{}={value}", self.setting.name))
    }

    /// What the value must be, where it is not.
    fn mistake(&self) -> Option<String> {
        let error = parse([&self.setting.arg], self.argument()).err()?;
        let expected = error.source().map_or_else(|| "is not valid".to_owned(), ToString::to_string);
        Some(format!("{} {expected}", self.name_at_origin()))
    }
}

fn parse<'a>(
    args: impl IntoIterator<Item = &'a Arg>,
    line: impl IntoIterator<Item = String>,
) -> Result<ArgMatches, clap::Error> {
    let command = Command::new("settings").disable_help_flag(true).no_binary_name(true);
    command.args(args.into_iter().cloned()).try_get_matches_from(line)
}

/// All settings with their effective values.
#[derive(Clone, Debug)]
pub struct EffectiveSettings {
    settings: Vec<EffectiveSetting>,
    mistakes: Vec<String>,
}

impl EffectiveSettings {
    /// Flags override the environment, which overrides files, which override defaults. An empty variable counts as unset.
    pub fn find(
        flags: &BTreeMap<&str, String>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let (variables, mut mistakes) = our_variables(environment);
        let settings = SETTINGS.iter().map(|setting| {
            let found = match flags.get(setting.name.as_str()) {
                Some(value) => Some((value.clone(), Origin::Flag)),
                None => from_environment(setting, &variables).unwrap_or_else(|mistake| {
                    mistakes.push(mistake);
                    None
                }),
            };
            let (value, origin) = match found {
                Some((value, origin)) => (Some(value), origin),
                None => (setting.default.clone(), Origin::Default),
            };
            EffectiveSetting { setting, value, origin }
        });
        let settings = settings.collect();
        Self { settings, mistakes }
    }

    /// All settings, in the order they are shown.
    pub fn iter(&self) -> impl Iterator<Item = &EffectiveSetting> {
        self.settings.iter()
    }

    /// The paths of the files that these settings come from.
    pub fn files(&self, names: &[&str]) -> Vec<PathBuf> {
        let named = self.iter().filter(|found| names.contains(&&*found.setting.name));
        named.filter_map(EffectiveSetting::file).map(PathBuf::from).collect()
    }

    /// Parses every setting, after reading the files of these again.
    ///
    /// # Errors
    ///
    /// All mistakes, as in [`config`](Self::config).
    pub fn reread(&self, names: &[&str]) -> Result<Config, String> {
        let mut reread = self.clone();
        for found in reread.settings.iter_mut().filter(|found| names.contains(&&*found.setting.name)) {
            if let Some(path) = found.file() {
                found.value = Some(read_file(&found.setting.variable(), path)?);
            }
        }
        reread.config().map_err(|invalid| invalid.to_string())
    }

    /// Parses every setting.
    ///
    /// # Errors
    ///
    /// All mistakes together. Each names the flag, variable or file it is in.
    pub fn config(&self) -> Result<Config, InvalidConfig> {
        let mut mistakes = self.mistakes.clone();
        mistakes.extend(self.iter().filter_map(EffectiveSetting::mistake));
        let is_set =
            |name: &str| self.iter().any(|found| found.setting.name == name && found.argument().is_some());
        let unmet = REQUIRES.iter().filter(|(name, required, _)| is_set(name) && !is_set(required));
        let (wrong, unused): (Vec<_>, Vec<_>) = unmet.partition(|(_, _, is_mistake)| *is_mistake);
        mistakes.extend(wrong.iter().map(|(name, required, _)| format!("--{name} needs --{required}")));
        if !mistakes.is_empty() {
            return Err(InvalidConfig { mistakes });
        }
        let is_used = |found: &&EffectiveSetting| unused.iter().all(|(name, ..)| found.setting.name != *name);
        let line: Vec<_> = self.iter().filter(is_used).filter_map(EffectiveSetting::argument).collect();
        // The groups of optional structs are part of the command: clap's derive looks for them.
        let command = Config::augment_args_for_update(Command::new("settings"));
        let matches = command.disable_help_flag(true).no_binary_name(true).try_get_matches_from(line);
        let config = matches.and_then(|matches| Config::from_arg_matches(&matches)).map_err(|error| {
            InvalidConfig { mistakes: vec![format!("the settings cannot be parsed: {}", error.kind())] }
        })?;
        if config.jwt.as_ref().is_some_and(|jwt| !jwt.has_safe_jwks()) {
            let mistake = "--jwks-url must be an https URL, or --jwks-allow-http must be true";
            return Err(InvalidConfig { mistakes: vec![mistake.to_owned()] });
        }
        Ok(config)
    }
}

/// Settings with mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConfig {
    /// The mistakes, a line each.
    pub mistakes: Vec<String>,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistakes.join("; "))
    }
}

impl Error for InvalidConfig {}

type Variables = BTreeMap<String, String>;

/// The variables with our prefix that are not empty, and the mistakes in them.
fn our_variables(environment: impl Iterator<Item = (OsString, OsString)>) -> (Variables, Vec<String>) {
    let names = |setting: &Setting| [Some(setting.variable()), setting.file_variable()];
    let known: Vec<_> = SETTINGS.iter().flat_map(names).flatten().collect();
    let (mut variables, mut mistakes) = (Variables::new(), Vec::new());
    for (name, value) in environment {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        match value.into_string() {
            _ if !known.contains(&name) => mistakes.push(unknown(&name, &known)),
            Ok(value) if value.is_empty() => {}
            Ok(value) => drop(variables.insert(name, value)),
            Err(_) => mistakes.push(format!("{name} must be UTF-8")),
        }
    }
    mistakes.sort();
    (variables, mistakes)
}

fn unknown(name: &str, known: &[String]) -> String {
    // Kubernetes sets these in each pod for a service named `switchboard`.
    if name.starts_with("SWITCHBOARD_SERVICE_") || name.starts_with("SWITCHBOARD_PORT") {
        return format!("unknown variable {name}; in Kubernetes, set `enableServiceLinks: false` on the pod");
    }
    let similarity = |known: &&String| strsim::jaro(name, known);
    let nearest = known.iter().max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    match nearest.filter(|known| similarity(known) > SIMILARITY) {
        Some(nearest) => format!("unknown variable {name}; did you mean {nearest}?"),
        None => format!("unknown variable {name}; `switchboard config` lists the settings"),
    }
}

fn from_environment(setting: &Setting, variables: &Variables) -> Result<Option<(String, Origin)>, String> {
    let variable = setting.variable();
    let path = setting.file_variable().and_then(|variable| variables.get(&variable));
    match (variables.get(&variable), path) {
        (Some(_), Some(_)) => Err(format!("{variable} and {variable}{FILE_SUFFIX} must not both be set")),
        (Some(value), None) => Ok(Some((value.clone(), Origin::Environment))),
        (None, Some(path)) => Ok(Some((read_file(&variable, path)?, Origin::File(path.clone())))),
        (None, None) => Ok(None),
    }
}

fn read_file(variable: &str, path: &str) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) => Err(format!("{variable}{FILE_SUFFIX}: cannot read {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn find(variables: &[(&str, &str)]) -> EffectiveSettings {
        let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        EffectiveSettings::find(&BTreeMap::new(), environment)
    }

    #[test]
    fn defaults_and_values_are_parsed_into_every_group() {
        let config = find(&[]).config().unwrap();
        assert!(config.jwt.is_none() && config.tls.is_none() && config.cors_allowed_origins.is_empty());
        assert_eq!(config.rate_limits.key, NonZeroU32::new(100));
        assert!(!config.webhooks.allow_private_networks);
        let config = find(&[
            ("SWITCHBOARD_KEY_RATE_LIMIT", "unlimited"),
            ("SWITCHBOARD_JWKS_URL", "https://login.acme.example/jwks.json"),
            ("SWITCHBOARD_JWT_ISSUER", "a"),
            ("SWITCHBOARD_JWT_AUDIENCE", "b"),
            ("SWITCHBOARD_CORS_ALLOWED_ORIGIN", "https://a.example,https://b.example"),
            ("SWITCHBOARD_WEBHOOK_ALLOW_PRIVATE_NETWORKS", "true"),
        ]);
        let config = config.config().unwrap();
        assert_eq!(config.jwt.map(|jwt| (jwt.issuer, jwt.org_claim)), Some(("a".into(), "org_id".into())));
        assert_eq!((config.rate_limits.key, config.cors_allowed_origins.len()), (None, 2));
        assert!(config.webhooks.allow_private_networks);
    }

    #[test]
    fn unused_claim_without_jwks_is_accepted() {
        assert!(find(&[("SWITCHBOARD_JWT_ORG_CLAIM", "org")]).config().unwrap().jwt.is_none());
    }
}
