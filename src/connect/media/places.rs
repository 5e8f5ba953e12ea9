//! Places for media files that are fetched, which bound the memory of their buffers.
//!
//! An organization or a host with slow files takes half of them at most: the others stay for the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ids::OrgId;

const MAX: usize = 32;
const MAX_PER_SHARE: usize = MAX / 2;

/// Who takes a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Share {
    Org(OrgId),
    Host(String),
}

/// The places of this process.
pub(super) struct Places {
    all: Arc<Semaphore>,
    shares: Mutex<HashMap<Share, Weak<Semaphore>>>,
}

/// A place until it is dropped.
pub(super) struct Place {
    _permits: [Option<OwnedSemaphorePermit>; 3],
}

impl Places {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX)), shares: Mutex::default() }
    }

    /// Waits for a place to fetch a file of the organization from that host.
    pub(super) async fn take(&self, org: OrgId, host: &str) -> Place {
        let (of_org, of_host) = (self.share(Share::Org(org)), self.share(Share::Host(host.to_owned())));
        // That of all last: who waits for its share takes none from others. The semaphores are never closed.
        let of_org = of_org.acquire_owned().await.ok();
        let of_host = of_host.acquire_owned().await.ok();
        Place { _permits: [of_org, of_host, Arc::clone(&self.all).acquire_owned().await.ok()] }
    }

    fn share(&self, share: Share) -> Arc<Semaphore> {
        // Nothing panics while the lock is held.
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = shares.get(&share).and_then(Weak::upgrade) {
            return semaphore;
        }
        shares.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(MAX_PER_SHARE));
        shares.insert(share, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn neither_an_organization_nor_a_host_takes_all_places() {
        let places = Places::new();
        let orgs: Vec<OrgId> = (0..3).map(|_| OrgId::generate()).collect();
        let take = |org: usize, host: &str| places.take(orgs[org], host).now_or_never();
        let mut taken: Vec<Place> = (0..MAX_PER_SHARE).filter_map(|n| take(0, &n.to_string())).collect();
        assert_eq!(taken.len(), MAX_PER_SHARE);
        assert!(take(0, "another").is_none());
        taken.extend((0..MAX_PER_SHARE - 1).filter_map(|_| take(1, "one")));
        assert_eq!(taken.len(), MAX - 1);
        let last = take(2, "one").expect("a place");
        assert!(take(2, "two").is_none(), "all are taken");
        drop(last);
        assert!(take(2, "two").is_some());
    }
}
