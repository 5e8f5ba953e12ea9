//! Positions in the event log of an organization.
//!
//! Every chat belongs to one of 16 buckets, and every bucket numbers its events without gaps. Events are in order within a
//! bucket, and so within a chat. The id of an event is its number, times 16, plus its bucket.

use serde::{Deserialize, Serialize};

/// Number of buckets.
pub const BUCKETS: usize = 16;

/// A position in each bucket: the number of an event, such as the last one that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions([i64; BUCKETS]);

/// Consecutive events of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The bucket.
    pub bucket: usize,
    /// The number before the first event.
    pub after: i64,
    /// The number of the last event.
    pub up_to: i64,
}

impl Range {
    /// Number of events.
    pub fn count(&self) -> usize {
        usize::try_from(self.up_to - self.after).unwrap_or_default()
    }
}

impl Positions {
    /// The positions of these buckets, and 0 in the others.
    pub fn of(buckets: impl IntoIterator<Item = (usize, i64)>) -> Self {
        let mut positions = Self::default();
        for (bucket, number) in buckets {
            positions.advance(bucket, number);
        }
        positions
    }

    /// The bucket of an event, and its number.
    pub fn key(event_id: i64) -> (usize, i64) {
        (usize::try_from(event_id & 15).unwrap_or_default(), event_id >> 4)
    }

    /// Whether the event is at or before the position of its bucket.
    pub fn includes(&self, event_id: i64) -> bool {
        let (bucket, number) = Self::key(event_id);
        number <= self.0[bucket]
    }

    /// The positions after the event was read as well.
    #[must_use]
    pub fn after(mut self, event_id: i64) -> Self {
        let (bucket, number) = Self::key(event_id);
        self.advance(bucket, number);
        self
    }

    /// The later position of each bucket.
    #[must_use]
    pub fn max(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(number, other)| *number = other.max(*number));
        self
    }

    /// Whether the position of a bucket is after the other's.
    pub fn exceeds(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(number, other)| *number > other)
    }

    /// At most `limit` events after these positions and up to `end`, from every bucket that has any.
    pub fn ranges(&self, end: &Self, limit: usize) -> Vec<Range> {
        let buckets = self.0.into_iter().zip(end.0).enumerate();
        let mut ranges: Vec<Range> = buckets
            .filter(|(_, (after, up_to))| after < up_to)
            .map(|(bucket, (after, up_to))| Range { bucket, after, up_to })
            .collect();
        let share = i64::try_from(limit / ranges.len().max(1)).unwrap_or(i64::MAX).max(1);
        for range in &mut ranges {
            range.up_to = range.up_to.min(range.after.saturating_add(share));
        }
        ranges
    }

    /// The positions after these events were read as well.
    #[must_use]
    pub fn after_ranges(self, ranges: &[Range]) -> Self {
        self.max(Self::of(ranges.iter().map(|range| (range.bucket, range.up_to))))
    }

    fn advance(&mut self, bucket: usize, number: i64) {
        if let Some(position) = self.0.get_mut(bucket) {
            *position = number.max(*position);
        }
    }
}

impl From<Positions> for Vec<i64> {
    fn from(positions: Positions) -> Self {
        positions.0.to_vec()
    }
}

impl From<Vec<i64>> for Positions {
    fn from(numbers: Vec<i64>) -> Self {
        Self::of(numbers.into_iter().enumerate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_included_up_to_the_position_of_its_bucket() {
        let positions = Positions::of([(3, 7)]);
        assert!(positions.includes(7 * 16 + 3) && positions.includes(6 * 16 + 3));
        assert!(!positions.includes(8 * 16 + 3) && !positions.includes(16 + 4));
        assert_eq!(positions.after(8 * 16 + 3), Positions::of([(3, 8)]));
        assert_eq!(positions.after(16 + 3), positions);
    }

    #[test]
    fn one_later_bucket_exceeds_a_position() {
        let (first, second) = (Positions::of([(0, 2), (1, 1)]), Positions::of([(0, 1), (1, 5)]));
        assert!(first.exceeds(&second) && second.exceeds(&first));
        let both = first.max(second);
        assert!(!first.exceeds(&both) && !second.exceeds(&both));
    }

    #[test]
    fn ranges_share_the_limit_among_buckets() {
        let (start, end) = (Positions::of([(0, 5), (2, 1)]), Positions::of([(0, 5), (1, 2), (2, 100)]));
        let expected = [Range { bucket: 1, after: 0, up_to: 2 }, Range { bucket: 2, after: 1, up_to: 5 }];
        assert_eq!(start.ranges(&end, 8), expected);
        assert_eq!(start.after_ranges(&expected), Positions::of([(0, 5), (1, 2), (2, 5)]));
        assert_eq!(end.ranges(&start, 8), []);
    }
}
