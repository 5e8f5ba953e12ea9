//! Rate limits on a clock that the tests advance.

use governor::clock::FakeRelativeClock;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn limiters(key: u32, org: u32) -> (RateLimiters<FakeRelativeClock>, FakeRelativeClock) {
    let (limits, clock) =
        (RateLimits { key: NonZeroU32::new(key), org: NonZeroU32::new(org) }, FakeRelativeClock::default());
    (RateLimiters::with_clock(limits, clock.clone()), clock)
}

fn caller(org: OrgId, name: &str) -> Caller {
    Caller::new(org, Principal::Member(name.to_owned()))
}

/// How many requests pass without waiting.
fn passing(limiters: &RateLimiters<FakeRelativeClock>, caller: &Caller) -> usize {
    (0..1000).take_while(|_| limiters.check(caller).is_ok()).count()
}

#[test]
fn caller_may_send_one_seconds_worth_at_once() {
    let (limiters, clock) = limiters(4, 0);
    let alice = caller(OrgId::generate(), "alice");
    let remaining: Vec<_> = (0..4).map(|_| limiters.check(&alice).unwrap().unwrap().remaining).collect();
    assert_eq!(remaining, [3, 2, 1, 0]);
    let exceeded = limiters.check(&alice).unwrap_err();
    assert_eq!((exceeded.reason, exceeded.limit, exceeded.wait), ("key_rate", 4, SECOND / 4));
    clock.advance(exceeded.wait - Duration::from_nanos(1));
    assert_eq!(passing(&limiters, &alice), 0);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(passing(&limiters, &alice), 1);
    clock.advance(10 * SECOND);
    assert_eq!(passing(&limiters, &alice), 4, "unused time does not add up");
}

#[test]
fn organization_limit_spans_its_callers_and_no_other() {
    let (limiters, clock) = limiters(4, 6);
    let (acme, other) = (OrgId::generate(), OrgId::generate());
    assert_eq!(passing(&limiters, &caller(acme, "alice")), 4);
    assert_eq!(passing(&limiters, &caller(acme, "alice")), 0, "refused by her own limit");
    assert_eq!(passing(&limiters, &caller(acme, "bob")), 2, "which took nothing from the organization");
    assert_eq!(limiters.check(&caller(acme, "bob")).unwrap_err().reason, "org_rate");
    assert_eq!(passing(&limiters, &caller(other, "alice")), 4, "the same subject of another organization");
    clock.advance(SECOND);
    assert_eq!(passing(&limiters, &caller(acme, "bob")), 4);
}

#[test]
fn allowance_is_that_of_the_stricter_limit() {
    let (limiters, _) = limiters(4, 6);
    let acme = OrgId::generate();
    assert_eq!(limiters.check(&caller(acme, "alice")).unwrap().unwrap().limit, 4);
    assert_eq!(passing(&limiters, &caller(acme, "alice")), 3);
    assert_eq!(limiters.check(&caller(acme, "bob")).unwrap().unwrap().limit, 6);
}

#[test]
fn idle_callers_are_evicted() {
    let (limiters, clock) = limiters(100, 100_000);
    let acme = OrgId::generate();
    for number in 0..20 * EVICTION_INTERVAL {
        limiters.check(&caller(acme, &number.to_string())).unwrap();
        limiters.check(&caller(OrgId::generate(), "alice")).unwrap();
        clock.advance(SECOND / 100);
        let kept = limiters.keys.as_ref().unwrap().len().max(limiters.orgs.as_ref().unwrap().len());
        assert!(kept <= 2 * EVICTION_INTERVAL as usize, "{number}: {kept}");
    }
}
