//! The public keys of login tokens (JWKS), refreshed in the background.

mod key_set;
mod source;

pub(super) use key_set::Key;

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use self::key_set::KeySet;
use self::source::Source;

/// How often the keys are fetched.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How often they are fetched as long as there are none.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Tokens with an unknown key id cause at most one fetch in this time.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(60);

/// How long a request waits for a fetch. The fetch goes on without it.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// The key with the id in a token.
pub(super) enum Lookup {
    /// The key.
    Found(Arc<Key>),
    /// There are keys, but none with this id.
    Unknown,
    /// The keys could not be fetched yet, or a fetch that may find the key is still running.
    NotFetched,
}

/// The number of usable keys at that location.
pub(super) async fn count(location: &str) -> Result<usize, String> {
    let bytes = Source::new(location).load().await?;
    Ok(KeySet::parse(&bytes)?.len())
}

/// The keys and their source.
pub(super) struct Jwks {
    source: Source,
    keys: RwLock<Option<Arc<KeySet>>>,
    /// Locked during a fetch, so that requests wait for it instead of fetching, too.
    /// Holds the time of the last fetch that an unknown key id caused.
    fetching: Arc<Mutex<Option<Instant>>>,
}

impl Jwks {
    /// Fetches the keys, and refreshes them as long as the result is used.
    pub(super) fn start(location: &str) -> Arc<Self> {
        let jwks = Arc::new(Self {
            source: Source::new(location),
            keys: RwLock::new(None),
            fetching: Arc::default(),
        });
        tokio::spawn(refresh(Arc::downgrade(&jwks)));
        jwks
    }

    /// The key with that id. Without an id, the only key, if there is just one.
    pub(super) async fn find(self: &Arc<Self>, id: Option<&str>) -> Lookup {
        if let Some(keys) = self.current() {
            if let Some(key) = keys.find(id) {
                return Lookup::Found(key);
            }
            if id.is_none() {
                return Lookup::Unknown;
            }
        }
        let is_fetched = self.fetch_for_unknown_key().await;
        match self.current().map(|keys| keys.find(id)) {
            Some(Some(key)) => Lookup::Found(key),
            Some(None) if is_fetched => Lookup::Unknown,
            Some(None) | None => Lookup::NotFetched,
        }
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a recent fetch, at most [`MAX_WAIT`]. Returns whether it has ended.
    async fn fetch_for_unknown_key(self: &Arc<Self>) -> bool {
        let deadline = Instant::now() + MAX_WAIT;
        let locked = timeout_at(deadline, self.fetching.clone().lock_owned()).await;
        let Ok(mut last) = locked else { return false };
        if last.is_some_and(|last| last.elapsed() < UNKNOWN_KEY_INTERVAL) {
            return true;
        }
        *last = Some(Instant::now());
        let jwks = self.clone();
        let fetching = tokio::spawn(async move {
            jwks.fetch().await;
            drop(last);
        });
        timeout_at(deadline, fetching).await.is_ok()
    }

    async fn fetch(&self) {
        match self.source.load().await.and_then(|bytes| KeySet::parse(&bytes)) {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
            }
            // The previous keys stay valid: a host that is down for an hour logs no one out.
            Err(error) => tracing::warn!(
                error,
                "could not fetch the keys of login tokens; the previous ones stay valid"
            ),
        }
    }
}

async fn refresh(jwks: Weak<Jwks>) {
    while let Some(jwks) = jwks.upgrade() {
        {
            let _fetching = jwks.fetching.lock().await;
            jwks.fetch().await;
        }
        let pause = if jwks.current().is_some() { REFRESH_INTERVAL } else { RETRY_INTERVAL };
        drop(jwks);
        tokio::time::sleep(pause).await;
    }
}
