//! The command that serves the demo: this program with the settings that it was called with.

use crate::config::{EffectiveSetting, EffectiveSettings, Origin};

/// The command. It contains no secret: a secret setting refers to its environment variable.
pub(super) fn line(program: &str, effective: &EffectiveSettings) -> String {
    let explicit = effective.iter().filter(|setting| setting.origin != Origin::Default);
    let (mut variables, mut flags) = (String::new(), String::new());
    for EffectiveSetting { setting, value, origin } in explicit {
        match origin {
            Origin::File(path) => {
                variables += &format!("{}={} ", setting.file_variable().unwrap_or_default(), quoted(path));
            }
            Origin::Flag | Origin::Environment | Origin::Default if setting.secret => {
                flags += &format!(" --{} \"${}\"", setting.name, setting.variable());
            }
            Origin::Flag | Origin::Environment | Origin::Default => {
                flags += &format!(" --{} {}", setting.name, quoted(value.as_deref().unwrap_or_default()));
            }
        }
    }
    format!("{variables}{} serve{flags}", quoted(program))
}

/// The text quoted as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use super::*;

    fn line_with(variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let effective = EffectiveSettings::find(&BTreeMap::new(), variables);
        line("target/release/switchboard", &effective)
    }

    #[test]
    fn command_has_the_given_settings() {
        assert_eq!(line_with(&[]), "target/release/switchboard serve");
        let given = [("SWITCHBOARD_DATA_DIR", "/tmp/it's here"), ("SWITCHBOARD_LISTEN", "127.0.0.1:9000")];
        let expected =
            r"target/release/switchboard serve --data-dir '/tmp/it'\''s here' --listen 127.0.0.1:9000";
        assert_eq!(line_with(&given), expected);
    }

    #[test]
    fn command_contains_no_secret() {
        let given = [("SWITCHBOARD_DATABASE_URL", "postgres://app:hunter2@db/app")];
        let expected = "target/release/switchboard serve --database-url \"$SWITCHBOARD_DATABASE_URL\"";
        assert_eq!(line_with(&given), expected);
        let file = std::env::temp_dir().join(format!("sb-serve-command-{}", std::process::id()));
        std::fs::write(&file, "postgres://app:hunter2@db/app").unwrap();
        let path = file.to_str().unwrap();
        let command = line_with(&[("SWITCHBOARD_DATABASE_URL_FILE", path)]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(command, format!("SWITCHBOARD_DATABASE_URL_FILE={path} target/release/switchboard serve"));
    }
}
