//! What one connection may do at a time, and the room for requests that are being received.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one connection that are received at a time, authentic or not.
const MAX_RECEIVING: usize = 64;
/// Requests of one connection that are stored at a time.
const MAX_CONCURRENT: usize = 16;
/// Authentic requests a second of one connection.
const MAX_RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Bytes of requests that are not stored yet, in KiB: of one connection, more than its largest request, and of all.
const MAX_KIB_OF_CONNECTION: usize = 96 * 1024;
const MAX_KIB: usize = 256 * 1024;

/// What one connection may do at a time. Outlives the cached settings.
pub(super) struct Limits {
    /// Requests that are stored.
    pub(super) places: Semaphore,
    /// Authentic requests.
    pub(super) rate: DefaultDirectRateLimiter,
    receiving: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            places: Semaphore::new(MAX_CONCURRENT),
            rate: RateLimiter::direct(Quota::per_second(MAX_RATE)),
            receiving: Arc::new(Semaphore::new(MAX_RECEIVING)),
            bytes: Arc::new(Semaphore::new(MAX_KIB_OF_CONNECTION)),
        }
    }

    /// Room for a request that begins; `None` while too many are received. `all` is the room of all connections.
    pub(super) fn room(&self, all: &Arc<Semaphore>) -> Option<Room> {
        let none = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).try_acquire_many_owned(0).ok();
        Some(Room {
            bytes: 0,
            of_connection: none(&self.bytes)?,
            of_all: none(all)?,
            _place: Arc::clone(&self.receiving).try_acquire_owned().ok()?,
        })
    }
}

/// The room of all connections.
pub(super) fn room_of_all() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_KIB))
}

/// Room for a request until it is dropped. It grows as bytes arrive: a request that only announces many takes none from others.
pub struct Room {
    bytes: usize,
    of_connection: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Room {
    /// The bytes that have arrived.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes room for that many more bytes. Returns `false` when there is none.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let total = self.bytes.saturating_add(bytes);
        let kib = total.div_ceil(1024) - self.bytes.div_ceil(1024);
        self.bytes = total;
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        [&mut self.of_connection, &mut self.of_all].into_iter().all(|permit| extend(permit, kib))
    }
}

fn extend(permit: &mut OwnedSemaphorePermit, kib: u32) -> bool {
    let more = Arc::clone(permit.semaphore()).try_acquire_many_owned(kib);
    more.map(|more| permit.merge(more)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn connection_takes_no_more_than_its_share() {
        let (all, flooded, other) = (room_of_all(), Limits::new(), Limits::new());
        let mut rooms: Vec<Room> = (0..4).map(|_| flooded.room(&all).expect("room")).collect();
        assert!(rooms[0].grow(64 * MIB) && rooms[1].grow(32 * MIB) && !rooms[2].grow(1));
        assert!(other.room(&all).expect("room").grow(64 * MIB));
        rooms.remove(0);
        assert!(rooms[2].grow(1024));
    }

    #[test]
    fn connection_receives_a_limited_number_of_requests() {
        let (all, limits) = (room_of_all(), Limits::new());
        let mut rooms: Vec<Room> = std::iter::from_fn(|| limits.room(&all)).collect();
        assert_eq!(rooms.len(), MAX_RECEIVING);
        rooms.pop();
        assert!(limits.room(&all).is_some());
    }

    #[test]
    fn room_counts_whole_kibibytes_once() {
        let (all, limits) = (room_of_all(), Limits::new());
        let mut room = limits.room(&all).expect("room");
        for _ in 0..2048 {
            assert!(room.grow(1));
        }
        assert_eq!((room.bytes(), MAX_KIB - all.available_permits()), (2048, 2));
        drop(room);
        assert_eq!(all.available_permits(), MAX_KIB);
    }
}
