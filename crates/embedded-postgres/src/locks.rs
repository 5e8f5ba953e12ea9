//! File locks between commands. The kernel releases them when their process ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::failure::{Result, cannot};

pub(crate) fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(cannot("open", path))
}

/// Opens a lock file and waits for its lock.
pub(crate) async fn wait(path: PathBuf, lock: fn(&File) -> Result<()>) -> Result<File> {
    let file = open(&path)?;
    let waiting = tokio::task::spawn_blocking(move || lock(&file).map(|()| file));
    let outcome = waiting.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    outcome.map_err(cannot("lock", &path))
}

/// The exclusive lock; `None` when another process holds it.
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<File>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cannot("lock", path)(error)),
    }
}

/// Whether a process holds the lock.
pub(crate) fn is_held(path: &Path) -> Result<bool> {
    Ok(try_exclusive(path)?.is_none())
}
