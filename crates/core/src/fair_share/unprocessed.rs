//! The bytes of a call that has not ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::share::{Exhausted, Share};

/// The bytes that a call has received and not processed yet. Its clones are the same.
///
/// The request's extensions contain it, because services receive more than the client sends: they decompress it.
#[derive(Clone)]
pub struct Unprocessed {
    share: Arc<Mutex<Share>>,
    base: usize,
}

impl Unprocessed {
    /// Starts with what the share has, which is never processed.
    pub fn new(share: Share) -> Self {
        Self { base: share.amount(), share: Arc::new(Mutex::new(share)) }
    }

    /// Counts received bytes.
    pub fn received(&self, bytes: usize) -> Result<(), Exhausted> {
        self.share().grow(bytes)
    }

    /// Counts processed bytes.
    pub fn processed(&self, bytes: usize) {
        let mut share = self.share();
        let left = share.amount().saturating_sub(bytes).max(self.base);
        share.resize(left);
    }

    /// Changes their number without regard to limits.
    pub fn resize(&self, bytes: usize) {
        self.share().resize(bytes);
    }

    /// Their number, with what is never processed.
    pub fn amount(&self) -> usize {
        self.share().amount()
    }

    /// Whether to process what there is before more is received.
    pub fn is_tight(&self) -> bool {
        self.share().is_tight()
    }

    fn share(&self) -> MutexGuard<'_, Share> {
        self.share.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
