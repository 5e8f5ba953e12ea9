//! The public keys login tokens are signed with, kept fresh in the background.

mod key_set;
mod source;

pub(super) use key_set::Key;

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use self::key_set::KeySet;
use self::source::Source;

/// How often the keys are fetched when nothing asks for it.
const REFRESH: Duration = Duration::from_secs(5 * 60);

/// How soon a fetch that failed is tried again while there are no keys at all.
const RETRY: Duration = Duration::from_secs(5);

/// Tokens that name an unknown key cause at most one fetch in this time.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(60);

/// What is known of the key a token names.
pub(super) enum Lookup {
    /// The key.
    Found(Arc<Key>),
    /// There are keys, and this is none of them.
    Unknown,
    /// The keys could not be had yet.
    NoKeys,
}

/// How many usable keys there are at that place.
pub(super) async fn count(location: &str) -> Result<usize, String> {
    let bytes = Source::new(location).load().await?;
    Ok(KeySet::parse(&bytes)?.len())
}

/// The keys, where they come from, and when they were last asked for.
pub(super) struct Jwks {
    source: Source,
    keys: RwLock<Option<Arc<KeySet>>>,
    // Held while fetching, so that the calls which need the answer wait for it and do not ask again. It holds when an
    // unknown key last caused a fetch.
    fetching: Mutex<Option<Instant>>,
}

impl Jwks {
    /// Begins to fetch the keys, and goes on as long as somebody holds the result.
    pub(super) fn start(location: &str) -> Arc<Self> {
        let jwks = Arc::new(Self {
            source: Source::new(location),
            keys: RwLock::new(None),
            fetching: Mutex::new(None),
        });
        tokio::spawn(keep_fresh(Arc::downgrade(&jwks)));
        jwks
    }

    /// Keys that are there from the start, and cannot be fetched again.
    #[cfg(test)]
    pub(super) fn of(json: &str) -> Arc<Self> {
        let keys = KeySet::parse(json.as_bytes()).expect("a key set");
        Arc::new(Self {
            source: Source::new("/nonexistent/jwks.json"),
            keys: RwLock::new(Some(Arc::new(keys))),
            fetching: Mutex::new(None),
        })
    }

    /// The key of that id. Without an id, the only key there is.
    pub(super) async fn find(&self, id: Option<&str>) -> Lookup {
        if let Some(keys) = self.current() {
            if let Some(key) = keys.find(id) {
                return Lookup::Found(key);
            }
            if id.is_none() {
                return Lookup::Unknown;
            }
        }
        self.fetch_for_unknown_key().await;
        match self.current() {
            None => Lookup::NoKeys,
            Some(keys) => keys.find(id).map_or(Lookup::Unknown, Lookup::Found),
        }
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch_for_unknown_key(&self) {
        let mut last = self.fetching.lock().await;
        if last.is_some_and(|last| last.elapsed() < UNKNOWN_KEY_INTERVAL) {
            return;
        }
        *last = Some(Instant::now());
        self.fetch().await;
    }

    async fn fetch(&self) {
        match self.source.load().await.and_then(|bytes| KeySet::parse(&bytes)) {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
            }
            // The keys we have stay good: a host that is down for an hour logs nobody out.
            Err(error) => tracing::warn!(error, "could not fetch the keys of login tokens"),
        }
    }
}

async fn keep_fresh(jwks: Weak<Jwks>) {
    while let Some(jwks) = jwks.upgrade() {
        {
            let _fetching = jwks.fetching.lock().await;
            jwks.fetch().await;
        }
        let pause = if jwks.current().is_some() { REFRESH } else { RETRY };
        drop(jwks);
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests;
