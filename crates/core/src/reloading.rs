//! Values that are replaced while they are in use, and values that are reloaded from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

/// How often files are read. Change notifications do not work on every volume, such as network file systems.
const POLL: Duration = Duration::from_secs(2);

/// A value that all clones share: each of them sees its replacement.
pub struct Reloading<T>(Arc<watch::Sender<Arc<T>>>);

/// The contents of the files of a value, in the order of their paths; or which file cannot be read, and why.
pub type Contents = Result<Vec<Vec<u8>>, String>;

type Parse<T> = dyn Fn(Contents) -> Result<T, String> + Send + Sync;

impl<T> Reloading<T> {
    /// The current value.
    pub fn get(&self) -> Arc<T> {
        self.0.borrow().clone()
    }

    /// Replaces the value. Holders of the previous one keep it.
    pub fn set(&self, value: T) {
        self.0.send_replace(Arc::new(value));
    }

    /// Whether that is the current value, not one that was replaced.
    pub fn is(&self, value: &Arc<T>) -> bool {
        Arc::ptr_eq(&self.0.borrow(), value)
    }

    /// Receives each value that replaces the current one.
    pub fn subscribe(&self) -> watch::Receiver<Arc<T>> {
        self.0.subscribe()
    }
}

impl<T: Send + Sync + 'static> Reloading<T> {
    /// Reads a value from files, and again whenever they change, for as long as a clone of it exists. Must be called in a
    /// tokio runtime.
    ///
    /// After the start, files that cannot be read or parsed are logged and ignored: the previous value stays active.
    ///
    /// # Errors
    ///
    /// What `parse` returns for the present files.
    pub fn load(
        what: &'static str,
        files: Vec<PathBuf>,
        parse: impl Fn(Contents) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let contents = read(&files);
        let value = Self::from(parse(contents.clone())?);
        if !files.is_empty() {
            let source = Source { what, files, parse: Box::new(parse) };
            tokio::spawn(poll(Arc::new(source), contents, Arc::downgrade(&value.0)));
        }
        Ok(value)
    }
}

struct Source<T> {
    what: &'static str,
    files: Vec<PathBuf>,
    parse: Box<Parse<T>>,
}

async fn poll<T: Send + Sync + 'static>(
    source: Arc<Source<T>>,
    mut known: Contents,
    current: Weak<watch::Sender<Arc<T>>>,
) {
    loop {
        tokio::time::sleep(POLL).await;
        let of_task = source.clone();
        let Ok(found) = tokio::task::spawn_blocking(move || read(&of_task.files)).await else { continue };
        let Some(current) = current.upgrade() else { return };
        if found == known {
            continue;
        }
        match (source.parse)(found.clone()) {
            Ok(value) => {
                current.send_replace(Arc::new(value));
                tracing::info!(what = source.what, "reloaded from changed files");
            }
            Err(error) => {
                tracing::warn!(
                    what = source.what,
                    error,
                    "invalid files ignored; the previous value stays active"
                );
            }
        }
        known = found;
    }
}

/// Reads the contents of the files. Blocks.
pub fn read(files: &[PathBuf]) -> Contents {
    let read = |file: &PathBuf| std::fs::read(file).map_err(|error| cannot_read(file, &error));
    files.iter().map(read).collect()
}

fn cannot_read(file: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", file.display())
}

impl<T> Clone for Reloading<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> From<T> for Reloading<T> {
    /// A value that changes only by [`set`](Self::set).
    fn from(value: T) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(value))))
    }
}

impl<T: Clone> From<&T> for Reloading<T> {
    fn from(value: &T) -> Self {
        value.clone().into()
    }
}

impl<T> From<&Self> for Reloading<T> {
    fn from(same: &Self) -> Self {
        same.clone()
    }
}

impl<T: fmt::Debug> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(contents: Contents) -> Result<u32, String> {
        String::from_utf8_lossy(&contents?[0]).parse().map_err(|_| "must be a number".to_owned())
    }

    #[tokio::test]
    async fn changed_file_replaces_the_value_and_invalid_one_does_not() {
        let file = std::env::temp_dir().join(format!("sb-reloading-{}", uuid::Uuid::now_v7().simple()));
        assert!(Reloading::load("number", vec![file.clone()], number).is_err(), "it does not exist");
        std::fs::write(&file, "1").unwrap();
        let value = Reloading::load("number", vec![file.clone()], number).unwrap();
        let (clone, mut changes) = (value.clone(), value.subscribe());
        std::fs::write(&file, "2").unwrap();
        changes.changed().await.unwrap();
        assert_eq!((*value.get(), *clone.get()), (2, 2));
        std::fs::write(&file, "x").unwrap();
        tokio::time::sleep(2 * POLL).await;
        assert_eq!(*value.get(), 2);
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "3").unwrap();
        changes.changed().await.unwrap();
        assert_eq!(*value.get(), 3);
        std::fs::remove_file(&file).unwrap();
    }
}
