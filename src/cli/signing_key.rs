//! The signing key: configured, or generated once and stored in the data directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::failure::Failure;
use crate::config::Config;
use crate::cursor::SigningKey;

const FILE: &str = "signing.key";

/// The configured key, or else the one in the data directory, which exists once the embedded PostgreSQL has started.
pub(super) fn find_or_create(config: &Config) -> Result<SigningKey, Failure> {
    if let Some(key) = &config.signing_key {
        return Ok(key.clone());
    }
    let file = config.data_dir.join(FILE);
    let text = read_or_create(&file)
        .map_err(|error| Failure::new(format!("cannot store {}: {error}", file.display())))?;
    text.trim_end().parse().map_err(|expected| {
        Failure::new(format!("{} {expected}; remove the file to generate a new key", file.display()))
    })
}

/// The content of the file, which is created with a new key if it does not exist. Concurrent commands read the same key.
fn read_or_create(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        outcome => return outcome,
    }
    // The file is complete when it gets its name. A link, unlike a rename, does not replace the file of another command.
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(new, "{}", SigningKey::generate())?;
    new.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(file),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn key_is_created_once_and_readable_only_by_its_owner() {
        let folder = std::env::temp_dir().join(format!("sb-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        let file = folder.join(FILE);
        let first = read_or_create(&file).unwrap();
        assert_eq!(read_or_create(&file).unwrap(), first);
        assert!(first.trim_end().parse::<SigningKey>().is_ok());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
