//! Limits the log lines about rejected requests: a flood of them costs a few lines a second and a sum.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ids::{KeyId, OrgId};

/// Lines a second about the requests of one caller. Requests without a valid token count as those of one.
const LINES: u32 = 20;

const SECOND: Duration = Duration::from_secs(1);

/// Who is rejected: the organization, and the api-key if it is one.
type Caller = (Option<OrgId>, Option<KeyId>);

/// Counts rejections of the current second.
#[derive(Default)]
pub struct Refusals(Mutex<Option<Window>>);

struct Window {
    begun: Instant,
    counts: HashMap<Caller, u32>,
}

impl Refusals {
    /// Counts a rejection. Returns whether it is to be logged, and logs how many were not in the previous second.
    pub fn count(&self, org: Option<OrgId>, key: Option<&KeyId>) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(past) = window.take_if(|window| window.begun.elapsed() >= SECOND) {
            past.log_omitted();
        }
        let window = window.get_or_insert_with(|| Window { begun: Instant::now(), counts: HashMap::new() });
        // A made-up key has no organization.
        let key = key.filter(|_| org.is_some()).cloned();
        let count = window.counts.entry((org, key)).or_default();
        *count += 1;
        *count <= LINES
    }
}

impl Window {
    fn log_omitted(&self) {
        for ((org, key), count) in self.counts.iter().filter(|(_, count)| **count > LINES) {
            let (org, key, omitted) = (org.map(|org| org.to_string()), key.as_ref(), count - LINES);
            let key = key.map(KeyId::as_str);
            tracing::info!(org, key, omitted, "refused more requests in a second than are logged");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_twenty_lines_a_second() {
        let (refusals, org, key) = (Refusals::default(), OrgId::generate(), KeyId::generate());
        let logged = |org, key: Option<&KeyId>| (0..1000).filter(|_| refusals.count(org, key)).count();
        assert_eq!(logged(None, Some(&KeyId::generate())), 20);
        assert_eq!(logged(None, Some(&KeyId::generate())), 0, "made-up keys count as one caller");
        assert_eq!(logged(Some(org), Some(&key)), 20);
        assert_eq!(logged(Some(org), None), 20);
        if let Some(window) = refusals.0.lock().expect("not poisoned").as_mut() {
            window.begun -= SECOND;
        }
        assert_eq!(logged(None, None), 20);
        assert_eq!(
            refusals.0.lock().expect("not poisoned").as_ref().map(|window| window.counts.len()),
            Some(1)
        );
    }
}
