//! The key that cursors are signed with: told, or with the private database made once and kept beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Failure;
use crate::config::Config;
use crate::cursor::SigningKey;

const FILE: &str = "cursor.key";

/// The key that is set, else the one in the data directory, which the private database has made by now.
pub(super) fn find_or_create(settings: &Config) -> Result<SigningKey, Failure> {
    if let Some(key) = &settings.signing_key {
        return Ok(key.clone());
    }
    let file = settings.data_dir.join(FILE);
    let text =
        kept(&file).map_err(|error| Failure::new(format!("cannot keep {}: {error}", file.display())))?;
    text.trim_end().parse().map_err(|expected| {
        Failure::new(format!("{} {expected}: remove it, and a new one is made", file.display()))
    })
}

/// What the file says, after it was written if it was not there. Two commands that start together read the same.
fn kept(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        outcome => return outcome,
    }
    // Whole from the moment it has its name: a link, unlike a rename, leaves the one that was first.
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
    fn everyone_who_starts_at_once_gets_the_same_key_and_nobody_else_may_read_it() {
        let folder = std::env::temp_dir().join(format!("sb-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        let file = folder.join(FILE);
        let first = kept(&file).unwrap();
        assert_eq!(kept(&file).unwrap(), first);
        assert!(first.trim_end().parse::<SigningKey>().is_ok());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
