//! Which value of each setting counts, and where it comes from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::table::{CommonFlags, FILE_SUFFIX, PREFIX, SETTINGS, ServeFlags, Setting};

/// How much a variable must resemble a known one to be taken for it: from 0, not at all, to 1, the same.
const RESEMBLANCE: f64 = 0.8;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment,
    File(String),
    Default,
}

impl Origin {
    /// `flag`, `environment`, `file` or `default`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File(_) => "file",
            Self::Default => "default",
        }
    }

    /// The flag, variable or file.
    pub(crate) fn source(&self, setting: &Setting) -> Option<String> {
        match self {
            Self::Flag => Some(format!("--{}", setting.name)),
            Self::Environment => Some(setting.variable()),
            Self::File(path) => Some(path.clone()),
            Self::Default => None,
        }
    }
}

/// A setting and the value that counts, unchecked.
#[derive(Clone, Debug)]
pub(crate) struct EffectiveSetting {
    pub(crate) setting: &'static Setting,
    pub(crate) value: Option<String>,
    pub(crate) origin: Origin,
}

impl EffectiveSetting {
    /// What to call it in a mistake: the name the operator wrote.
    pub(crate) fn name_at_origin(&self) -> String {
        match &self.origin {
            Origin::Environment => self.setting.variable(),
            Origin::File(path) => format!("{} in {path}", self.setting.variable()),
            Origin::Flag | Origin::Default => format!("--{}", self.setting.name),
        }
    }
}

/// All settings with the values that count.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    settings: Vec<EffectiveSetting>,
    mistakes: Vec<String>,
}

impl Effective {
    /// Flags beat the environment, which beats files, which beat defaults. A variable set to nothing is not set.
    pub(crate) fn find(
        common: &CommonFlags,
        serve: &ServeFlags,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let flags: BTreeMap<_, _> = common.given().chain(serve.given()).collect();
        let (variables, mut mistakes) = ours(environment);
        let mut find_value = |setting: &'static Setting| match flags.get(setting.name) {
            Some(value) => (Some((*value).to_owned()), Origin::Flag),
            None => from_environment(setting, &variables, &mut mistakes)
                .unwrap_or_else(|| (default(setting), Origin::Default)),
        };
        let settings = SETTINGS.iter().map(|setting| {
            let (value, origin) = find_value(setting);
            EffectiveSetting { setting, value, origin }
        });
        let settings = settings.collect();
        Self { settings, mistakes }
    }

    /// The same with what the files say now, where that is something else. Blocks for as long as the disk takes.
    pub(crate) fn read_again(&self) -> Option<Self> {
        let mut again = Self { mistakes: Vec::new(), ..self.clone() };
        for effective in &mut again.settings {
            if let Origin::File(path) = &effective.origin {
                match read(effective.setting, path) {
                    Ok(text) => effective.value = Some(text),
                    Err(mistake) => again.mistakes.push(mistake),
                }
            }
        }
        let values = |of: &Self| of.settings.iter().map(|one| one.value.clone()).collect::<Vec<_>>();
        (values(&again) != values(self) || again.mistakes != self.mistakes).then_some(again)
    }

    /// All settings, in the order they are shown.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &EffectiveSetting> {
        self.settings.iter()
    }

    /// The setting of that name.
    pub(super) fn get(&self, name: &str) -> Option<&EffectiveSetting> {
        self.iter().find(|effective| effective.setting.name == name)
    }

    /// What is wrong before any value is looked at.
    pub(super) fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

type Variables = BTreeMap<String, String>;

/// The variables that are ours and not empty, and what is wrong with them.
fn ours(environment: impl Iterator<Item = (OsString, OsString)>) -> (Variables, Vec<String>) {
    let known: Vec<_> = SETTINGS
        .iter()
        .flat_map(|setting| [Some(setting.variable()), setting.file_variable()])
        .flatten()
        .collect();
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
    // Kubernetes sets these for each service of the namespace, `switchboard` perhaps among them.
    if name.starts_with("SWITCHBOARD_SERVICE_") || name.starts_with("SWITCHBOARD_PORT") {
        return format!("unknown variable {name}; in Kubernetes, set `enableServiceLinks: false` on the pod");
    }
    let resemblance = |known: &&String| strsim::jaro(name, known);
    let nearest = known.iter().max_by(|one, other| resemblance(one).total_cmp(&resemblance(other)));
    match nearest.filter(|known| resemblance(known) > RESEMBLANCE) {
        Some(nearest) => format!("unknown variable {name}; did you mean {nearest}?"),
        None => format!("unknown variable {name}; `switchboard config` lists the settings"),
    }
}

fn from_environment(
    setting: &Setting,
    variables: &Variables,
    mistakes: &mut Vec<String>,
) -> Option<(Option<String>, Origin)> {
    let value = variables.get(&setting.variable());
    let path = setting.file_variable().and_then(|variable| variables.get(&variable));
    match (value, path) {
        (Some(_), Some(_)) => {
            let variable = setting.variable();
            mistakes.push(format!("{variable} and {variable}{FILE_SUFFIX} must not both be set"));
            None
        }
        (Some(value), None) => Some((Some(value.clone()), Origin::Environment)),
        (None, Some(path)) => match read(setting, path) {
            Ok(text) => Some((Some(text), Origin::File(path.clone()))),
            Err(mistake) => {
                mistakes.push(mistake);
                None
            }
        },
        (None, None) => None,
    }
}

/// What the file of a secret says.
fn read(setting: &Setting, path: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    let text =
        text.map_err(|error| format!("{}{FILE_SUFFIX}: cannot read {path}: {error}", setting.variable()));
    Ok(text?.trim_end().to_owned())
}

/// The default, also of the settings whose default depends on the machine.
fn default(setting: &Setting) -> Option<String> {
    match setting.name {
        "data-dir" => data_dir().and_then(|path| path.into_os_string().into_string().ok()),
        "database-pool-size" => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Some((2 * cores).to_string())
        }
        _ => setting.default.map(str::to_owned),
    }
}

/// The XDG base directory specification; a relative path in its variable is to be ignored.
fn data_dir() -> Option<PathBuf> {
    let xdg = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = xdg.or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
    base.map(|base| base.join("switchboard"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Effective {
        let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Effective::find(&CommonFlags::default(), &ServeFlags::default(), environment)
    }

    #[test]
    fn a_variable_beats_the_default_unless_it_is_empty() {
        let effective = find(&[("SWITCHBOARD_LISTEN", "0.0.0.0:80"), ("SWITCHBOARD_DRAIN_TIMEOUT", "")]);
        let listen = effective.get("listen").unwrap();
        assert_eq!((listen.value.as_deref(), listen.origin.kind()), (Some("0.0.0.0:80"), "environment"));
        let grace = effective.get("drain-timeout").unwrap();
        assert_eq!((grace.value.as_deref(), grace.origin.kind()), (Some("10s"), "default"));
    }

    #[test]
    fn an_unknown_variable_is_a_mistake_that_names_the_nearest() {
        let effective = find(&[("SWITCHBOARD_LISTN", "x"), ("SWITCHBOARD_PORT", "tcp://"), ("PATH", "/bin")]);
        let [first, second] = effective.mistakes() else { panic!("{:?}", effective.mistakes()) };
        assert!(first.contains("did you mean SWITCHBOARD_LISTEN?"), "{first}");
        assert!(second.contains("enableServiceLinks"), "{second}");
    }

    #[test]
    fn a_secret_cannot_come_from_two_places() {
        let effective =
            find(&[("SWITCHBOARD_DATABASE_URL", "postgres://"), ("SWITCHBOARD_DATABASE_URL_FILE", "/x")]);
        assert_eq!(effective.mistakes().len(), 1, "{:?}", effective.mistakes());
        assert_eq!(find(&[("SWITCHBOARD_LISTEN_FILE", "/x")]).mistakes().len(), 1, "only secrets have files");
    }
}
