//! Wakes one task for the organizations whose data changed.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use switchboard_core::ids::OrgId;

/// A set of organizations that one task awaits and empties.
#[derive(Default)]
pub struct OrgSignal {
    changed: Mutex<Changed>,
    wake: Notify,
}

/// The organizations that may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Any of them.
    All,
    /// These.
    Orgs(BTreeSet<OrgId>),
}

impl Default for Changed {
    fn default() -> Self {
        Self::Orgs(BTreeSet::new())
    }
}

impl OrgSignal {
    /// Adds organizations, and wakes the task.
    pub fn add(&self, added: Changed) {
        self.with(|changed| match (&mut *changed, added) {
            (Changed::Orgs(orgs), Changed::Orgs(added)) => orgs.extend(added),
            (changed, _) => *changed = Changed::All,
        });
        self.wake.notify_one();
    }

    /// Completes when organizations were added, and returns those since the last call.
    pub async fn received(&self) -> Changed {
        self.wake.notified().await;
        self.with(std::mem::take)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Changed) -> T) -> T {
        work(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(number: u128) -> OrgId {
        OrgId::from(uuid::Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn added_organizations_are_received_once() {
        let signal = OrgSignal::default();
        let orgs = |numbers: &[u128]| Changed::Orgs(numbers.iter().map(|number| org(*number)).collect());
        signal.add(orgs(&[1]));
        signal.add(orgs(&[2, 1]));
        assert_eq!(signal.received().await, orgs(&[1, 2]));
        signal.add(Changed::All);
        signal.add(orgs(&[3]));
        assert_eq!(signal.received().await, Changed::All);
        signal.add(orgs(&[3]));
        assert_eq!(signal.received().await, orgs(&[3]));
    }
}
