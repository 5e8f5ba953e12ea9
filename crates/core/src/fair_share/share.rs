//! How much of a resource each organization may hold.
//!
//! An organization may hold at most a multiple of what is free. With the factor 1 it gets half of the resource alone, and two
//! get a third each; with 8 it gets eight ninths alone. One that holds little always finds some free, and those that hold
//! much get nothing more until they have returned some. The scheme is known from switches as dynamic thresholds (Choudhury
//! and Hahne, 1998).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::caller::{Caller, Principal};
use crate::ids::OrgId;

/// How much of a resource may be held.
#[derive(Clone, Copy, Debug)]
pub struct ShareLimits {
    /// By all together.
    pub total: usize,
    /// By one organization, as a multiple of what is free.
    pub factor: usize,
    /// By one organization, whatever is free; `None` for no such limit.
    pub org: Option<usize>,
    /// By one api-key or member; `None` for no such limit.
    pub caller: Option<usize>,
}

/// Whose limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// That of the api-key or member.
    Caller,
    /// That of the organization.
    Org,
    /// That of all together.
    Total,
}

/// A resource that organizations share. Callers without an organization together count as one.
pub struct FairShare {
    limits: ShareLimits,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    total: usize,
    orgs: HashMap<Option<OrgId>, usize>,
    callers: HashMap<(OrgId, Principal), usize>,
}

/// What one holder has of the resource, until it is dropped.
pub struct Share {
    of: Arc<FairShare>,
    org: Option<OrgId>,
    caller: Option<(OrgId, Principal)>,
    amount: usize,
}

impl FairShare {
    /// A resource that nobody uses.
    pub fn new(limits: ShareLimits) -> Arc<Self> {
        Arc::new(Self { limits, used: Mutex::default() })
    }

    /// Takes that much for the caller, all or nothing.
    pub fn take(self: &Arc<Self>, caller: Option<&Caller>, amount: usize) -> Result<Share, Exhausted> {
        let org = caller.map(|caller| caller.org);
        // Counted only where it is limited: the key costs an allocation.
        let caller = caller.filter(|_| self.limits.caller.is_some());
        let caller = caller.map(|caller| (caller.org, caller.principal.clone()));
        let mut share = Share { of: self.clone(), org, caller, amount: 0 };
        share.grow(amount)?;
        Ok(share)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        // Nothing panics while the lock is held.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes more, all or nothing.
    pub fn grow(&mut self, more: usize) -> Result<(), Exhausted> {
        let mut used = self.of.used();
        used.check(&self.of.limits, self.org, self.caller.as_ref(), more)?;
        used.change(self.org, self.caller.as_ref(), |amount| amount.saturating_add(more));
        self.amount += more;
        Ok(())
    }

    /// Changes the amount without regard to limits.
    pub fn resize(&mut self, amount: usize) {
        let before = std::mem::replace(&mut self.amount, amount);
        let change = |used: usize| used.saturating_sub(before).saturating_add(amount);
        self.of.used().change(self.org, self.caller.as_ref(), change);
    }

    /// How much it is.
    pub const fn amount(&self) -> usize {
        self.amount
    }

    /// Whether the organization holds more than half of what it may.
    pub fn is_tight(&self) -> bool {
        let used = self.of.used();
        let of_org = used.orgs.get(&self.org).copied().unwrap_or_default();
        of_org > self.of.limits.total.saturating_sub(used.total).saturating_mul(self.of.limits.factor) / 2
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.resize(0);
    }
}

impl Used {
    fn check(
        &self,
        limits: &ShareLimits,
        org: Option<OrgId>,
        caller: Option<&(OrgId, Principal)>,
        more: usize,
    ) -> Result<(), Exhausted> {
        let after = |used: Option<&usize>| used.copied().unwrap_or_default().saturating_add(more);
        let (of_org, free) = (after(self.orgs.get(&org)), limits.total.saturating_sub(self.total));
        let of_caller = caller.map_or(0, |caller| after(self.callers.get(caller)));
        if limits.caller.is_some_and(|limit| of_caller > limit) {
            Err(Exhausted::Caller)
        } else if limits.org.is_some_and(|limit| of_org > limit) {
            Err(Exhausted::Org)
        } else if more <= free && of_org <= free.saturating_mul(limits.factor) {
            Ok(())
        } else if of_org > self.total / 2 {
            // Others use less than it does.
            Err(Exhausted::Org)
        } else {
            Err(Exhausted::Total)
        }
    }

    fn change(
        &mut self,
        org: Option<OrgId>,
        caller: Option<&(OrgId, Principal)>,
        change: impl Fn(usize) -> usize,
    ) {
        self.total = change(self.total);
        change_entry(&mut self.orgs, &org, &change);
        if let Some(caller) = caller {
            change_entry(&mut self.callers, caller, &change);
        }
    }
}

/// Changes a count. Those who hold nothing use no memory.
fn change_entry<K: Clone + Eq + Hash>(
    counts: &mut HashMap<K, usize>,
    key: &K,
    change: impl Fn(usize) -> usize,
) {
    match counts.get_mut(key).map(|count| (change(*count), count)) {
        Some((0, _)) => drop(counts.remove(key)),
        Some((after, count)) => *count = after,
        None => {
            let after = change(0);
            if after > 0 {
                counts.insert(key.clone(), after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(org: OrgId, name: &str) -> Caller {
        Caller::new(org, Principal::Member(name.to_owned()))
    }

    fn share(total: usize, org: Option<usize>, caller: Option<usize>) -> Arc<FairShare> {
        FairShare::new(ShareLimits { total, factor: 1, org, caller })
    }

    fn take_all(share: &Arc<FairShare>, caller: &Caller) -> (Vec<Share>, Exhausted) {
        let mut taken = Vec::new();
        loop {
            match share.take(Some(caller), 1) {
                Ok(one) => taken.push(one),
                Err(exhausted) => return (taken, exhausted),
            }
        }
    }

    #[test]
    fn each_greedy_organization_leaves_as_much_as_it_holds() {
        let share = share(100, None, None);
        let orgs: Vec<_> = (0..4).map(|_| caller(OrgId::generate(), "alice")).collect();
        let (mut held, mut counts) = (Vec::new(), Vec::new());
        for org in &orgs {
            let (taken, _) = take_all(&share, org);
            counts.push(taken.len());
            held.push(taken);
        }
        assert_eq!(counts, [50, 25, 13, 6]);
        assert_eq!(take_all(&share, &orgs[0]).1, Exhausted::Org);
        assert_eq!(take_all(&share, &orgs[3]).1, Exhausted::Total);
        drop(held);
        assert_eq!(take_all(&share, &orgs[0]).0.len(), 50, "all is free again");
        let used = share.used();
        assert!(used.total == 0 && used.orgs.is_empty() && used.callers.is_empty(), "nothing is kept");
    }

    #[test]
    fn lone_organization_gets_nearly_all_and_leaves_room_for_others() {
        let share = FairShare::new(ShareLimits { total: 512, factor: 8, org: None, caller: None });
        let [first, second] = [(), ()].map(|()| caller(OrgId::generate(), "alice"));
        let (mut held, exhausted) = take_all(&share, &first);
        assert_eq!((held.len(), exhausted), (456, Exhausted::Org));
        let (others, _) = take_all(&share, &second);
        assert!(others.len() >= 48, "{}", others.len());
        // What the first returns is the second's.
        held.truncate(450);
        assert_eq!(share.take(Some(&first), 1).err(), Some(Exhausted::Org));
        assert!(share.take(Some(&second), 1).is_ok());
    }

    #[test]
    fn caller_and_organization_have_their_own_limits() {
        let share = share(1000, Some(6), Some(4));
        let org = OrgId::generate();
        let (alice, exhausted) = take_all(&share, &caller(org, "alice"));
        assert_eq!((alice.len(), exhausted), (4, Exhausted::Caller));
        let (bob, exhausted) = take_all(&share, &caller(org, "bob"));
        assert_eq!((bob.len(), exhausted), (2, Exhausted::Org));
        let (other, _) = take_all(&share, &caller(OrgId::generate(), "alice"));
        assert_eq!(other.len(), 4, "the same subject of another organization");
    }

    #[test]
    fn share_grows_within_limits_and_is_resized_without() {
        let share = share(100, None, None);
        let org = caller(OrgId::generate(), "alice");
        let mut bytes = share.take(Some(&org), 10).expect("free");
        bytes.grow(40).expect("free");
        assert_eq!((bytes.grow(1), bytes.amount()), (Err(Exhausted::Org), 50));
        bytes.resize(90);
        assert_eq!((share.take(None, 11).err(), bytes.amount()), (Some(Exhausted::Total), 90));
        bytes.resize(10);
        assert!(share.take(None, 11).is_ok());
    }
}
